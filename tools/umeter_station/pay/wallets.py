"""A tenant's wallet: money paid in by bank transfer or provider, to buy with on the web or by
telephone."""

from sqlalchemy import Connection

from umeter_station import ledger, vending
from umeter_station.amounts import check_amount_u, format_u
from umeter_station.desk import sales
from umeter_station.desk.sales import Sale
from umeter_station.errors import Conflict, StationError
from umeter_station.people import acts, tenants

_OUT = "wallet-out:"


def balance_u(conn: Connection, tenant_id: int) -> int:
    return ledger.balance_u(conn, ledger.wallet(tenant_id))


def check_holds(conn: Connection, tenant_id: int, amount_u: int) -> None:
    """Inside the write transaction that then takes it: nobody else takes it in between."""
    held_u = balance_u(conn, tenant_id)
    if held_u < amount_u:
        raise StationError(
            f"The wallet holds {format_u(max(held_u, 0))}, less than {format_u(amount_u)}; pay in"
            " first."
        )


def buy(
    conn: Connection,
    *,
    tenant_id: int,
    meter: str,
    ch: int,
    paid_u: int,
    key: str,
    way: str,
    by: str,
    now_s: int,
    seen_u: int | None = None,
) -> Sale:
    """Once per key; StationError if it holds too little. `seen_u`: what the buyer was shown that
    it holds; Conflict if it is another by now, as when a second window has bought the same."""
    # Asked again it is the same answer, whatever is left by then.
    if sales.by_key(conn, key) is None:
        if seen_u is not None and seen_u != balance_u(conn, tenant_id):
            raise Conflict("The wallet holds another amount by now; look at it and pay once more.")
        check_holds(conn, tenant_id, paid_u)
    return sales.sell(
        conn,
        meter=meter,
        ch=ch,
        paid_u=paid_u,
        key=key,
        way=way,
        paid_from=ledger.wallet(tenant_id),
        by=by,
        now_s=now_s,
    )


def is_paid_out(conn: Connection, key: str) -> bool:
    return ledger.is_posted(conn, f"{_OUT}{key}")


def pay_out(
    conn: Connection,
    *,
    tenant_id: int,
    amount_u: int,
    bank: str,
    reason: str,
    key: str,
    by: str,
    now_s: int,
) -> bool:
    """Note that the bank account of that name has sent it back to the tenant, once per key: False
    if it was noted before."""
    vending.check_key(key)
    check_amount_u(amount_u)
    tenants.get(conn, tenant_id)
    if not bank:
        raise StationError("Name the bank account that the money goes back from.")
    if not is_paid_out(conn, key):
        check_holds(conn, tenant_id, amount_u)
    is_new = ledger.post(
        conn,
        key=f"{_OUT}{key}",
        debit=ledger.wallet(tenant_id),
        credit=ledger.bank(bank),
        amount_u=amount_u,
        created_at=now_s,
    )
    if is_new:
        detail = {"amount_u": amount_u, "bank": bank, "reason": reason, "key": key}
        acts.note(conn, by, "wallet.pay_out", tenants.about(tenant_id), detail, now_s)
    return is_new
