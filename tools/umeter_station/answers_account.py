"""What became of orders about an account, as sentences; each by its operation."""

from typing import Any

from umeter_station.amounts import format_u
from umeter_station.orders import Command
from umeter_station.words import claim_names

# Where a purchase went, in the meter's order.
_PARTS = (
    ("payment_debt_u", "to debt"),
    ("accumulated_u", "to charges that had accumulated"),
    ("below_u", "to what was used below the threshold"),
    ("emergency_u", "to emergency credit"),
    ("kept_u", "kept"),
)


def credit(command: Command, result: dict[str, Any]) -> str:
    text = f"{format_u(command.args['amount_u'])} credited to {_channel(command)}"
    told = [(_u(result, name), where) for name, where in _PARTS]
    parts = [f"{format_u(amount_u)} {where}" for amount_u, where in told if amount_u]
    if any(amount_u for amount_u, where in told[:-1]):
        text += f" ({', '.join(parts)})"
    return f"{text}{_balance(result, ', whose balance is now ')}."


def debit(command: Command, result: dict[str, Any]) -> str:
    taken_u = _u(result, "taken_u") or 0
    asked_u = command.args["amount_u"]
    less = "" if taken_u == asked_u else f" of the {format_u(asked_u)} asked for"
    text = f"{format_u(taken_u)}{less} taken back from {_channel(command)}"
    return f"{text}, due back to the customer{_balance(result, '; its balance is now ')}."


def account(command: Command, result: dict[str, Any]) -> str:
    action, channel = command.args["action"], _channel(command)
    if action == "open":
        return f"{channel} has the new account {command.args['account']}."
    if action == "credit":
        return f"{channel} pays afterwards: lack of credit does not cut it."
    if action == "prepaid":
        lent_u = _u(result, "lend_u")
        lent = f"; {format_u(lent_u)} was lent to it" if lent_u else ""
        return f"{channel} is prepaid{lent}{_balance(result, '; its balance is now ')}."
    done = "closed" if action == "close" else "reset"
    text = (
        f"The account of {channel} is {done}; {format_u(_u(result, 'refund_u') or 0)} is due back"
    )
    owed_u = _owed_u(result)
    owed = f", {format_u(owed_u)} was still owed" if owed_u else ""
    return f"{text} to the customer{owed}."


def debt(command: Command, result: dict[str, Any]) -> str:
    add_u = command.args["add_u"]
    change = "added to" if add_u > 0 else "forgiven of"
    return f"{format_u(abs(add_u))} {change} debt {command.args['debt']} of {_channel(command)}."


def emergency(command: Command, result: dict[str, Any]) -> str:
    return f"{_channel(command)} uses its emergency credit{_still_open(result)}."


def restore(command: Command, result: dict[str, Any]) -> str:
    return f"{_channel(command)} is restored{_still_open(result)}."


def user(command: Command, result: dict[str, Any]) -> str:
    state = "open" if command.args["state"] == "open" else "closed"
    shown = "" if state == "open" else _still_open(result)
    return f"The user's switch of {_channel(command)} is {state}{shown}."


def release(command: Command, result: dict[str, Any]) -> str:
    return f"{_channel(command)} is released from {command.args['claim']}{_still_open(result)}."


def status(command: Command, result: dict[str, Any]) -> str:
    return f"{command.meter} has answered, but its answer was lost; ask again."


SENTENCES = {
    "credit": credit,
    "debit": debit,
    "account": account,
    "debt": debt,
    "emergency": emergency,
    "restore": restore,
    "user": user,
    "release": release,
    "status": status,
}


def _channel(command: Command) -> str:
    return f"{command.meter} channel {command.args['ch']}"


def _u(result: dict[str, Any], name: str) -> int | None:
    value = result.get(name)
    return value if type(value) is int else None


def _owed_u(result: dict[str, Any]) -> int:
    """Debts are forgotten with the account: only its last answer tells them."""
    debts = result.get("debt_u")
    told = [_u(result, "owed_u"), _u(result, "accumulated_u")]
    told += debts if isinstance(debts, list) else []
    return sum(amount_u for amount_u in told if type(amount_u) is int)


def _balance(result: dict[str, Any], words: str) -> str:
    balance_u = _u(result, "balance_u")
    return "" if balance_u is None else f"{words}{format_u(balance_u)}"


def _still_open(result: dict[str, Any]) -> str:
    claims = _u(result, "claims")
    return f", but held open by {', '.join(claim_names(claims))}" if (claims or 0) > 0 else ""
