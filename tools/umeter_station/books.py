"""The books of a station as one object, open to any process."""

import time
from pathlib import Path
from typing import Any

from umeter_deploy.bundle import Bundle
from umeter_station import (
    audit,
    calibrating,
    history,
    holding,
    key_rotation,
    keyed,
    meters,
    orders,
    pulling,
    queries,
    secrets,
    twin,
    update,
    vending,
)
from umeter_station import config as configuration
from umeter_station import db as databases
from umeter_station.account_orders import Order
from umeter_station.audit import Verdict
from umeter_station.clock import Clock
from umeter_station.config import Config
from umeter_station.desk import sales
from umeter_station.desk.sales import Sale
from umeter_station.errors import NotFound
from umeter_station.holding import Held
from umeter_station.keyed import Given
from umeter_station.meters import Meter
from umeter_station.orders import Command
from umeter_station.pulling import Progress
from umeter_station.queries import Balance, StoredReading
from umeter_station.twin import Twin
from umeter_station.update import Update
from umeter_station.vending import Purchase

_POLL_S = 0.03


class Books:
    """What people do at the station; every method is one transaction on the database.

    Any number of processes may have the same home open. Refusals are StationError.
    """

    def __init__(self, home: Path, clock: Clock | None = None) -> None:
        self.config: Config = configuration.load(home)
        self.clock: Clock = clock or self.config.make_clock()
        self.db = databases.open_database(self.config.database)
        secrets.unlock(self.db, self.config.key_file)

    def close(self) -> None:
        self.db.close()

    def add_meter(self, meter: str, key: bytes) -> bool:
        """False if it was known with this key already."""
        with self.db.write() as conn:
            return meters.add(conn, meter, key, self.clock.now_s())

    def rotate_key(self, meter: str) -> int:
        """Order a meter to take a new key, which nobody sees; returns the order's id."""
        with self.db.write() as conn:
            return key_rotation.rotate(conn, meter, self.clock.now_s())

    def retire(self, meter: str) -> bool:
        """Have no more to do with a meter, its books stay; False if that was so before."""
        with self.db.write() as conn:
            return key_rotation.retire(conn, meter, self.clock.now_s())

    def meters(self) -> list[Meter]:
        with self.db.read() as conn:
            return meters.all_meters(conn)

    def meter(self, meter: str) -> Meter:
        with self.db.read() as conn:
            return meters.get(conn, meter)

    def sell(
        self, meter: str, ch: int, amount_u: int, key: str | None = None, **more: Any
    ) -> Purchase:
        """Sell for cash, once per `key`; one that may be repeated needs one of its own. `more`:
        `by` and `account`, as desk.sales.sell_at_desk has them."""
        key, now_s = key or vending.new_key(), self.clock.now_s()
        with self.db.write() as conn:
            return sales.sell_at_desk(conn, meter, ch, amount_u, key, now_s, **more).purchase

    def sale(self, key: str) -> Sale:
        """NotFound if nothing was sold with this key."""
        with self.db.read() as conn:
            sale = sales.by_key(conn, key)
        if sale is None:
            raise NotFound(f"Nothing was sold with key {key!r}.")
        return sale

    def held(self) -> list[Held]:
        """The purchases that a meter would not take now, and nobody has decided about yet."""
        with self.db.read() as conn:
            return holding.held(conn)

    def resend(self, key: str, order_key: str | None = None) -> Given:
        """Bring a held purchase to its meter again, once per `order_key`."""
        with self.db.write() as conn:
            return holding.resend(conn, key, order_key or vending.new_key(), self.clock.now_s())

    def refund(self, key: str) -> bool:
        """A held purchase's money is due back to the customer; False if it was already."""
        with self.db.write() as conn:
            return holding.refund(conn, key, self.clock.now_s())

    def order(self, meter: str, order: Order, key: str | None = None) -> Given:
        """Give an order made by one of account_orders' functions, once per `key`."""
        op, args = order
        with self.db.write() as conn:
            return keyed.place(conn, meter, op, args, key or vending.new_key(), self.clock.now_s())

    def order_read(self, meter: str) -> int:
        """Ask for a fresh reading; returns the order's id for `wait_result`."""
        with self.db.write() as conn:
            return orders.order_read(conn, meter, self.clock.now_s())

    def order_link(self, meter: str) -> int:
        """Ask how the meter's link has fared since its boot; returns the order's id."""
        with self.db.write() as conn:
            return orders.order_link(conn, meter, self.clock.now_s())

    def order_supply(self, meter: str, ch: int, state: str) -> int:
        """`state`: "open" cuts the supply, "close" lets it be; returns the order's id."""
        with self.db.write() as conn:
            return orders.order_supply(conn, meter, ch, state, self.clock.now_s())

    def order_quarantine(self, meter: str, ch: int, action: str) -> int:
        """`action`: "accept" books what is held back, "refuse" gives it up; returns the id."""
        with self.db.write() as conn:
            return orders.order_quarantine(conn, meter, ch, action, self.clock.now_s())

    def order_calibrate(self, meter: str, ch: int, **values: int) -> int:
        """Set some of gain_ppm, offset, phase, creep_dw; returns the order's id."""
        with self.db.write() as conn:
            return calibrating.order(conn, meter, ch, values, self.clock.now_s())

    def order_set(
        self,
        meter: str,
        changes: dict[str, Any],
        base_version: int | None = None,
        by: str = "",
    ) -> int:
        """Change settings; returns the order's id. The answer's "keys" tells each key's fate.

        With `base_version`, the version that whoever decided looked at: Conflict if somebody
        (`by`) has ordered others since.
        """
        with self.db.write() as conn:
            return twin.order_set(conn, meter, changes, self.clock.now_s(), base_version, by)

    def twin(self, meter: str) -> Twin:
        """What the meter's settings shall be, beside what it reports."""
        with self.db.read() as conn:
            return twin.get(conn, meter)

    def command(self, command_id: int) -> Command:
        with self.db.read() as conn:
            return orders.get(conn, command_id)

    def wait_result(self, command_id: int, timeout_s: float) -> Command:
        """The order once it is no longer open, or as it stands after `timeout_s` real seconds."""
        end_s = time.monotonic() + timeout_s
        while True:
            command = self.command(command_id)
            if not command.is_open or time.monotonic() >= end_s:
                return command
            time.sleep(_POLL_S)

    def latest_reading(self, meter: str) -> StoredReading | None:
        with self.db.read() as conn:
            meters.get(conn, meter)
            return queries.latest_reading(conn, meter)

    def events(self, meter: str, limit: int = 20) -> list[dict]:
        """The newest events, oldest of them first: n, boot, t, code, ch, a, b, received_at."""
        with self.db.read() as conn:
            meters.get(conn, meter)
            return queries.latest_events(conn, meter, limit)

    def audit_records(self, meter: str, limit: int = 20) -> list[dict]:
        """The newest of the audit log, oldest of them first: n, boot, t, ch, code, a, b, raw."""
        with self.db.read() as conn:
            meters.get(conn, meter)
            return audit.latest(conn, meter, limit)

    def verify_audit(self, meter: str, from_n: int = 1) -> Verdict:
        """Check the hash chain of the audit log from record `from_n` on."""
        with self.db.read() as conn:
            meters.get(conn, meter)
            return audit.verify(conn, meter, from_n)

    def intervals(self, meter: str, since_s: int | None = None, limit: int = 96) -> list[dict]:
        """The newest of the load profile, oldest of them first: n, t_end, minutes, flags,
        quarantined, estimated, wh_1 to wh_8; with `since_s` (Unix) those that end after it."""
        with self.db.read() as conn:
            meters.get(conn, meter)
            return queries.intervals_since(conn, meter, since_s, limit)

    def findings(self, meter: str, kind: str) -> list[dict]:
        """What is wrong with a log, "events" or "profile": `what` is lost (the meter no longer
        held first_n to last_n), contradicts (it sent another record) or restarted (it lost its
        log before first_n)."""
        with self.db.read() as conn:
            meters.get(conn, meter)
            return queries.findings(conn, meter, kind)

    def history(self, meter: str) -> list[Progress]:
        """How far each of the meter's logs is pulled."""
        with self.db.read() as conn:
            return pulling.progress(conn, meter)

    def pause_history(self, meter: str) -> bool:
        """Pull nothing more of the meter's logs; False if that was so already."""
        with self.db.write() as conn:
            return history.pause(conn, meter, self.clock.now_s())

    def resume_history(self, meter: str) -> bool:
        """Go on, and look for gaps in what is here; False if it was not paused."""
        with self.db.write() as conn:
            return history.resume(conn, meter, self.clock.now_s())

    def add_bundle(self, bundle: Bundle) -> str:
        """Keep a release, to be sent to meters by the name that is returned."""
        with self.db.write() as conn:
            return update.add_bundle(conn, bundle, self.clock.now_s())

    def start_update(self, meter: str, bundle: str, by: str = "") -> int:
        """Bring a meter a release that was added; returns the update's id."""
        with self.db.write() as conn:
            return update.start(conn, meter, bundle, self.clock.now_s(), by)

    def give_up_update(self, meter: str) -> bool:
        """False if none was under way."""
        with self.db.write() as conn:
            return update.give_up(conn, meter, self.clock.now_s())

    def update(self, meter: str) -> Update | None:
        """The meter's last update."""
        with self.db.read() as conn:
            meters.get(conn, meter)
            return update.latest(conn, meter)

    def balances(self, meter: str) -> list[Balance]:
        with self.db.read() as conn:
            meters.get(conn, meter)
            return queries.balances(conn, meter)

    def reconcile(self) -> list[Balance]:
        """The channels whose meter and ledger do not agree on what was credited."""
        with self.db.read() as conn:
            found = []
            for known in meters.all_meters(conn):
                found += [b for b in queries.balances(conn, known.meter) if not b.agrees]
            return found

    def open_orders(self, meter: str) -> int:
        with self.db.read() as conn:
            return queries.open_count(conn, meter)

    def counters(self) -> dict[str, int]:
        """What was ignored, and why, since the database was made."""
        with self.db.read() as conn:
            return databases.read_counters(conn)
