"""What a payment that has arrived becomes: a sale, money in a wallet, or, if the sale is refused,
money in suspense. It is never sent away: the payer has paid.
"""

from sqlalchemy import Connection

from umeter_station import ledger
from umeter_station.desk import sales
from umeter_station.errors import StationError
from umeter_station.pay import alarms, suspense
from umeter_station.pay.payments import Payment
from umeter_station.people import acts


def sell(conn: Connection, payment: Payment, now_s: int) -> str:
    """Returns the payment's outcome. Once per payment: every key here is made of its number."""
    clearing = ledger.clearing(payment.provider)
    if payment.purpose == "wallet":
        tenant_id = payment.tenant_id or 0
        ledger.post(
            conn,
            key=f"{payment.sale_key}:wallet",
            debit=clearing,
            credit=ledger.wallet(tenant_id),
            amount_u=payment.amount_u,
            created_at=now_s,
        )
        detail = {"amount_u": payment.amount_u, "payment": payment.id}
        acts.note(conn, payment.payer, "wallet.paid_in", f"tenant:{tenant_id}", detail, now_s)
        return "wallet"
    try:
        # What the refused sale may have written is undone, and nothing else.
        with conn.begin_nested():
            sales.sell(
                conn,
                meter=payment.meter or "",
                ch=payment.ch or 0,
                paid_u=payment.amount_u,
                key=payment.sale_key,
                way=payment.way,
                paid_from=clearing,
                by=payment.payer,
                now_s=now_s,
                account=payment.account,
            )
    except StationError as error:
        suspense.open_(
            conn,
            key=payment.sale_key,
            direction="in",
            account=clearing,
            amount_u=payment.amount_u,
            why="sale refused",
            text=str(error),
            payment_id=payment.id,
            now_s=now_s,
        )
        evidence = {"what": "sale refused", "payment": payment.id, "why": str(error)}
        alarms.note(conn, payment.meter, payment.ch, evidence, now_s)
        return "suspense"
    return "sale"
