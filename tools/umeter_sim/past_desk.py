"""The desk of the demo's past: Carl's hours, and money that is given back."""

from datetime import datetime
from zoneinfo import ZoneInfo

from umeter_sim import demo_houses as houses
from umeter_station.db import Database
from umeter_station.desk import payouts, shifts

GIVEN_BACK = "past-given-back"  # the key of that payout
BANK = "main"
_ZONE = ZoneInfo(houses.TIMEZONE)
_FLOAT_U = 100_000_000
_TOO_MUCH_U = 5_000_000


class PastDesk:
    """`shift`: the one that is open now."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.shift: int | None = None

    def go_by(self, now_s: int, closes: bool = False) -> None:
        """Open in the morning, close at night; `closes`: whatever the hour."""
        local = datetime.fromtimestamp(now_s, _ZONE)
        open_now = local.weekday() < 5 and 8 <= local.hour < 17 and not closes
        with self._db.write() as conn:
            if open_now and self.shift is None:
                self.shift = shifts.open_(
                    conn, "desk", houses.BY_CASHIER, _FLOAT_U, houses.BY_CASHIER, now_s
                ).id
            elif not open_now and self.shift is not None:
                due_u = shifts.expected_u(conn, self.shift)
                shifts.close(conn, self.shift, due_u, houses.BY_CASHIER, now_s)
                self.shift = None

    def take_back(self, meter: str, ch: int, now_s: int) -> None:
        """Order it; the meter says how much was left to take."""
        with self._db.write() as conn:
            payouts.take_back(conn, meter, ch, _TOO_MUCH_U, GIVEN_BACK, houses.BY_OPERATOR, now_s)

    def pay_out(self, meter: str, ch: int, now_s: int) -> None:
        """What the meter has given back, by the bank."""
        with self._db.write() as conn:
            payouts.pay_out(
                conn,
                meter=meter,
                ch=ch,
                amount_u=payouts.due_u(conn, meter, ch),
                key=GIVEN_BACK,
                reason="Paid twice by mistake",
                by=houses.BY_OPERATOR,
                now_s=now_s,
                bank=BANK,
            )
