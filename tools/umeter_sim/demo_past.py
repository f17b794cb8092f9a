"""Sixty days before the demo: three boards with eight channels each live through them, people buy
by what they use, and the station does its daily work. All of it goes through the firmware and
through the station's own books, so that meters, ledger and charts agree.
"""

import contextlib
import pickle
import random
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from umeter_sim import demo_houses as houses
from umeter_sim.demo_houses import CUT_CH, CUT_METER, DAYS, HOUSES, House
from umeter_sim.demo_people import settle_in
from umeter_sim.past_board import QUARTER_S, Message, will
from umeter_sim.past_crew import Crew
from umeter_sim.past_desk import PastDesk
from umeter_sim.past_station import PastStation
from umeter_station.desk import posting, reconcile, sales, tariffs
from umeter_station.pay import payments, webhooks
from umeter_station.pay.payments import Wish
from umeter_station.pay.sandbox import Sandbox
from umeter_station.people import tenants
from umeter_station.watch import engine

FRESH_S = 3 * 3600  # a past that ended so long ago is still good to go on from
_DAY_S = 86_400
_AMOUNTS_U = (10_000_000, 15_000_000, 20_000_000, 20_000_000, 25_000_000, 40_000_000)
_CUTS = {"mill-1": (17,), "mill-2": (33,), "harbour-1": (24, 41)}  # power cuts: on which days
_WATCHED_DAYS = 7  # so long the rules have been running
_POSTED_DAYS = 20  # what is older counts for the first of these
_CUT_DAY = 58  # from here on nobody buys for the channel that will be out


@dataclass(frozen=True)
class Past:
    """What is left of it: the station's home, and each board's flash, units and key."""

    home: Path
    unix: int
    boards: dict[str, tuple[dict[str, bytes], list[int], bytes]]


def past(folder: Path, say: Callable[[str], None], days: int = DAYS) -> Past:
    """The past in `folder`; made, if it is not there or too old. say(what is being done)."""
    kept = folder / "past.pickle"
    with contextlib.suppress(OSError, EOFError, pickle.UnpicklingError, AttributeError, TypeError):
        found: Past = pickle.loads(kept.read_bytes())
        if 0 <= time.time() - found.unix < FRESH_S and found.home.is_dir():
            return found
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made = _Life(folder / "station", int(time.time()), days, say).run()
    kept.write_bytes(pickle.dumps(made))
    return made


class _Life:
    def __init__(self, home: Path, now: int, days: int, say: Callable[[str], None]) -> None:
        self._end = now // QUARTER_S * QUARTER_S
        self._began = self._end - days * _DAY_S
        self._days, self._say, self._home = days, say, home
        self._random = random.Random(7)
        self._keys = {house.meter: secrets.token_bytes(32) for house in HOUSES}
        self._station = PastStation(home, self._began)
        self._books, self._db = self._station.books, self._station.db
        self._secret = secrets.token_hex(16)
        self._sandbox = Sandbox(
            self._db, self._station.clock, self._secret.encode(), "EUR", "http://127.0.0.1"
        )
        self._desk = PastDesk(self._db)
        self._hungry = {
            (house.meter, ch): self._random.randrange(500_000, 4_000_000)
            for house in HOUSES
            for ch in house.people()
        }
        self._hungry[CUT_METER, CUT_CH] = 700_000
        self._at = self._began  # of the boards; whoever buys one after another takes seconds
        self._speaking = list(HOUSES)
        self._quarters = 0
        self._rest: dict[str, list[Message]] = {house.meter: [] for house in HOUSES}
        self._cut: list[str] = []
        self._posted = self._day()

    def run(self) -> Past:
        given = {
            house.meter: {
                "meter": house.meter,
                "key": self._keys[house.meter],
                "unix": self._began,
                "days": self._days,
                "seed": house.seed,
                "inlet": house.inlet,
                "tap": None if house.tap is None else house.tap - DAYS + self._days,
            }
            for house in HOUSES
        }
        with Crew(given) as self._crew:
            self._begin()
            self._live()
            for house in HOUSES:
                for each in houses.last_settings(house):
                    self._set(house.meter, each)
            self._serve()
            self._take_rest()
            self._give_back()
            self._desk.go_by(self._now, closes=True)
            ends = self._crew.all_({house.meter: ("end", ()) for house in HOUSES})
        engine.run(self._books)
        self._station.close()
        _configure(self._home, self._secret)
        boards = {m: (flash, units, self._keys[m]) for m, (flash, units) in ends.items()}
        return Past(self._home, self._end, boards)

    @property
    def _now(self) -> int:
        return self._station.clock.unix_s

    def _day(self) -> int:
        return (self._now - self._began) // _DAY_S

    def _begin(self) -> None:
        settle_in(self._db, self._keys, self._now)
        told = self._crew.all_({house.meter: ("begin", ()) for house in HOUSES})
        self._station.clock.unix_s = max(at for each in told.values() for at, _, _ in each)
        self._take(told)
        for house in HOUSES:
            for each in houses.settings(house):
                self._set(house.meter, each)
        with self._db.write() as conn:
            for name, document in houses.TARIFFS.items():
                tariffs.save(conn, name, document, houses.BY_OPERATOR, self._now)
        self._push_tariffs("Home")
        self._push_tariffs("Shop")
        self._serve()
        self._take_rest()
        for meter, ch in self._hungry:
            self._buy(meter, ch, self._amount(meter, ch))
        self._serve()
        self._take_rest()

    def _begin_block(self) -> None:
        """Have the boards live some hours."""
        left = (self._end - self._at) // QUARTER_S
        self._quarters = min(left, self._random.randrange(16, 27))
        report = 1 if self._day() >= self._days - _WATCHED_DAYS - 1 else 4
        day = self._day()
        calls: dict[str, tuple[str, tuple]] = {}
        for house in self._speaking:
            calls[house.meter] = ("live", (self._quarters, report))
            if day in _CUTS[house.meter] and self._quarters > 18 and self._random.random() < 0.3:
                calls[house.meter] = ("cut", (self._random.randrange(600, 9000),))
        self._cut = [meter for meter, (method, _) in calls.items() if method == "cut"]
        self._crew.start(calls)

    def _end_block(self) -> dict[str, list[Message]]:
        """What they have told; who had no power has it again."""
        told = self._crew.finish()
        self._at += self._quarters * QUARTER_S
        self._station.clock.unix_s = self._at
        missing = {m: (self._at - told[m][-1][0]) // QUARTER_S for m in self._cut}
        more = self._crew.all_({m: ("live", (n,)) for m, n in missing.items() if n > 0})
        for meter, messages in more.items():
            told[meter] += messages
        return told

    def _live(self) -> None:
        """Block by block; while the boards are in the next one, the station works on the last."""
        self._begin_block()
        while self._at < self._end:
            self._say(f"{self._days} days of history: day {self._day()}")
            day = self._day()
            told = self._end_block()
            spoke, self._speaking = self._speaking, [h for h in HOUSES if self._speaks(h)]
            self._desk.go_by(self._now)
            self._people()
            self._serve()
            if self._at < self._end:
                self._begin_block()
            self._take(told)
            self._take_rest()
            for house in spoke:
                if house not in self._speaking:
                    boot = self._books.meter(house.meter).boot
                    self._take({house.meter: [(self._at, "status", will(boot))]})
            self._work(day)

    def _is_watched(self) -> bool:
        return self._day() >= self._days - _WATCHED_DAYS

    def _speaks(self, house: House) -> bool:
        return not house.ends_s or self._at < self._end - house.ends_s

    def _people(self) -> None:
        balances = self._crew.all_({house.meter: ("balances", ()) for house in self._speaking})
        for house in self._speaking:
            for ch in house.people():
                balance_u, closed = balances[house.meter][ch - 1]
                waits = self._day() >= _CUT_DAY - DAYS + self._days
                if waits and (house.meter, ch) == (CUT_METER, CUT_CH):
                    continue
                # Most buy in time; some find out in the dark.
                notices = not closed or balance_u < self._hungry[house.meter, ch]
                if notices and self._random.random() < (0.5 if closed else 0.8):
                    self._buy(house.meter, ch, self._amount(house.meter, ch))

    def _amount(self, meter: str, ch: int) -> int:
        if (meter, ch) == (CUT_METER, CUT_CH):
            return 3_000_000  # that lasts a day, or a little longer
        return self._random.choice(_AMOUNTS_U)

    def _buy(self, meter: str, ch: int, amount_u: int) -> None:
        self._station.clock.unix_s += 1
        key = f"past-{meter}-{ch}-{self._now}"
        if self._desk.shift is not None and self._random.random() < 0.6:
            with self._db.write() as conn:
                sales.sell_at_desk(conn, meter, ch, amount_u, key, self._now, houses.BY_CASHIER)
        else:
            with self._db.read() as conn:
                payer = f"tenant:{tenants.living_at(conn, meter, ch)}"
            wish = Wish(amount_u, meter=meter, ch=ch)
            clock = self._station.clock
            paid = payments.start(self._db, clock, self._sandbox, wish, payer, key)
            hook = self._sandbox.finish(paid.reference, "succeeded")
            webhooks.receive(self._db, clock, self._sandbox, hook.body, hook.headers)

    def _give_back(self) -> None:
        """Somebody has paid twice; of those who are there, who has the most credit now."""
        told = self._crew.all_({house.meter: ("balances", ()) for house in self._speaking})
        most = [
            (told[house.meter][ch - 1][0], house.meter, ch)
            for house in self._speaking
            for ch in house.people()
        ]
        _, meter, ch = max(most)
        self._desk.take_back(meter, ch, self._now)
        self._serve()
        self._take_rest()
        self._desk.pay_out(meter, ch, self._now)

    def _work(self, day: int) -> None:
        """What the station does by itself, and the operator now and then."""
        today = self._day()
        if today != day and today == houses.LATER_DAY - DAYS + self._days:
            with self._db.write() as conn:
                tariffs.save(conn, "Home", houses.LATER_HOME, houses.BY_OPERATOR, self._now)
            self._push_tariffs("Home")
        if today != day and today == max(1, self._days - 3):
            self._set("mill-1", houses.REFUSED)
        if today != self._posted:
            self._posted = today
            if today >= self._days - _POSTED_DAYS:
                posting.post_daily(self._books)
            if self._is_watched():
                reconcile.run(self._books)
        # Looking is dear: once a day, and at the end as often as things happen.
        if self._is_watched() and (today != day or today >= self._days - 2):
            engine.run(self._books)

    def _push_tariffs(self, name: str) -> None:
        with self._db.write() as conn:
            tariff = tariffs.get(conn, name)
            for house in HOUSES:
                if house.tariff == name:
                    tariffs.push(conn, house.meter, 0, tariff, houses.BY_OPERATOR, self._now)

    def _set(self, meter: str, changes: dict) -> None:
        self._books.order_set(meter, changes, by=houses.BY_OPERATOR)

    def _take(self, told: dict[str, list[Message]]) -> None:
        for meter, messages in told.items():
            self._station.take(meter, messages)

    def _take_rest(self) -> None:
        """What was told beside answers: after what the boards told before."""
        rest, self._rest = self._rest, {house.meter: [] for house in HOUSES}
        self._take(rest)

    def _serve(self) -> None:
        def carry(tokens):
            told = self._crew.all_({m: ("deliver", (each,)) for m, each in tokens.items()})
            for meter, messages in told.items():
                self._rest[meter] += [each for each in messages if each[1] != "result"]
            return {m: [each for each in told[m] if each[1] == "result"] for m in told}

        self._station.serve(carry)


def _configure(home: Path, secret: str) -> None:
    """Ways to pay, and the place that times are told for."""
    (home / "sandbox.secret").write_text(secret)
    with (home / "config.toml").open("a") as file:
        file.write('\n[sandbox]\nenabled = true\nwebhook_secret_file = "sandbox.secret"\n')
        file.write(f'\n[jobs]\ntimezone = "{houses.TIMEZONE}"\n')
