"""What can be ordered about the account of a channel: each function checks one order's fields, and
returns its (op, args)."""

from typing import Any

from umeter_station.amounts import check_amount_u
from umeter_station.errors import StationError

Order = tuple[str, dict[str, Any]]

ACTIONS = ("open", "close", "reset", "prepaid", "credit")
_LARGEST_ACCOUNT = 2**30 - 1
_LARGEST_DEBT_U = 9_999_990_000


def debit(ch: int, amount_u: int, account: int | None = None) -> Order:
    """Take back at most `amount_u`, and never what is used already."""
    args = {"ch": ch, "amount_u": check_amount_u(amount_u)}
    return "debit", args | _account(account)


def account(ch: int, action: str, account: int | None = None, lend_u: int | None = None) -> Order:
    """`action`: open a new `account`, close the present one, reset it; prepaid (with `lend_u` if
    the credit does not suffice) or credit (pay afterwards)."""
    if action not in ACTIONS:
        raise StationError(f"An account's actions are {', '.join(ACTIONS)}, not {action!r}.")
    if action == "open" and account is None:
        raise StationError("A new account needs a number; add --account 1234.")
    if action != "open" and account is not None:
        raise StationError("Only an account that is opened is given a number.")
    args: dict[str, Any] = {"ch": ch, "action": action} | _account(account)
    if lend_u is not None:
        if action != "prepaid":
            raise StationError("Credit is lent only to an account that becomes prepaid.")
        args["lend_u"] = check_amount_u(lend_u)
    return "account", args


def debt(ch: int, number: int, add_u: int) -> Order:
    """Add to a debt, or forgive of it (`add_u` < 0). Debts 1 and 2 are taken with time, 3 from
    each purchase."""
    if type(number) is not int or not 1 <= number <= 3:
        raise StationError(f"An account has debts 1, 2 and 3, not {number}.")
    if type(add_u) is not int or not 0 < abs(add_u) <= _LARGEST_DEBT_U:
        raise StationError("A debt changes by between 0.000001 and 9999.99.")
    return "debt", {"ch": ch, "debt": number, "add_u": add_u}


def emergency(ch: int) -> Order:
    """Use the emergency credit that is offered."""
    return "emergency", {"ch": ch}


def restore(ch: int) -> Order:
    """What the consumer's button does: end what waits for a hand."""
    return "restore", {"ch": ch}


def user(ch: int, state: str) -> Order:
    """The consumer's own switch: "open" (no supply) or "close"."""
    if state not in ("open", "close"):
        raise StationError(f"The user's switch can be open or close, not {state!r}.")
    return "user", {"ch": ch, "state": state}


def release(ch: int, claim: str) -> Order:
    """End a lock that only the operator may end."""
    if claim not in ("overload", "tamper"):
        raise StationError(f"What can be released is overload or tamper, not {claim!r}.")
    return "release", {"ch": ch, "claim": claim}


def status(ch: int) -> Order:
    """Ask for all that the meter knows of the account."""
    return "status", {"ch": ch}


def _account(account: int | None) -> dict[str, int]:
    """The number of the account that is meant; a meter refuses if it has another."""
    return {} if account is None else {"account": check_account(account)}


def check_account(account: int) -> int:
    if type(account) is not int or not 1 <= account <= _LARGEST_ACCOUNT:
        raise StationError(f"An account's number is 1 to {_LARGEST_ACCOUNT}, not {account}.")
    return account
