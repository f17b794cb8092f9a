"""Sixty days without a station, and how the station gets all of it afterwards.

A board is served by its station for a while, the meter is alone for the time of the outage, and
the board comes back with its flash to a station that last heard of it long ago. What the station
then pulls is compared with what the site itself knows: the energy of each interval, each contact
that moved, the money.
"""

import tempfile
import time
from itertools import pairwise
from pathlib import Path

from umeter_sim.board_api import UNITS_PER_WH, open_board
from umeter_sim.outage_board import INTERVAL_S, LoneBoard
from umeter_sim.reference_site import USERS
from umeter_sim.scene import METER, Scene, wait_until
from umeter_station import records

DAYS = 60
TICK_MS = 100
EVENTS_PROMISED = 1000  # that the audit log holds, the newest ones
PRICE_U = 150_000  # per kWh
LATER_PRICE_U = 190_000
CREDIT_U = 100_000_000
SHORT_CREDIT_U = 12_000_000  # of one user, who is cut off in the middle of the outage
SHORT_CH = 3
ALLOWANCE_U = 1_000_000
LOAD_DW = 4000  # of each user while the station pulls
PULL_TIMEOUT_S = 90  # real time
HEAP_SAMPLES = 12
_ALL = 1_000_000


class Outage:
    """The scene in its acts: serve(), be_alone(), come_back(), then the station pulls.

    workdir must be empty or new. `lone` is the LoneBoard, `scene` the station and the board.
    """

    def __init__(self, workdir, days=DAYS, runtime="micropython", seed=1):
        self.days = days
        self._workdir = workdir
        self._runtime = runtime
        self._seed = seed
        self.scene = Scene(workdir, runtime, seed, loads=[LOAD_DW] * USERS)
        self.lone = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.scene.close()

    def serve(self):
        """The station sells and sets what is in force from now on, and then hears no more."""
        scene, sim = self.scene, self.scene.sim
        sim.start()
        wait_until(lambda: scene.station.latest_reading(METER), "the first reading")
        quarters = sim.unix // INTERVAL_S + self.days * 48
        self._later_from = quarters * INTERVAL_S  # in the middle
        _applied(scene.ordered(scene.station.order_set(METER, _settings(self._later_from))))
        for ch in range(1, USERS + 1):
            _applied(scene.sell(ch, SHORT_CREDIT_U if ch == SHORT_CH else CREDIT_U))
        _applied(scene.ordered(scene.station.order_read(METER)))
        wait_until(self._is_pulled, "the events so far")
        sim.pause()
        self.charged_u = [channel["charged_total_u"] for channel in scene.meter()["channels"]]
        self._units = [
            true["wh"] * UNITS_PER_WH + true["residual"] for true in scene.truth()["channels"]
        ]
        self._flash = {label: sim.flash(label) for label in ("journal", "log")}
        self._unix = sim.unix + 1
        sim.close()

    def be_alone(self, progress=lambda percent: None):
        """The outage."""
        lone = LoneBoard(self._unix, self._flash, self._units, self._price_u, self._seed)
        self.lone = lone
        end = self._unix // INTERVAL_S * INTERVAL_S + self.days * 86_400
        lone.live(end, progress)
        raw = lone.held(lone.meter.events.audit)
        size = records.AUDIT_BYTES
        told = [raw[at : at + size] for at in range(0, len(raw), size)]
        self.events = {records.audit_record(one).n: one for one in told[-EVENTS_PROMISED:]}
        self.last_interval = lone.meter.profile.n - 1

    def come_back(self):
        """The board, powered up with the flash of the lone meter; it stands still. Returns it."""
        lone = self.lone
        self.scene.sim = open_board(
            site=self.scene.site,
            workdir=self._workdir / "board",
            runtime=self._runtime,
            seed=self._seed,
            start_unix=lone.unix_ms // 1000 + 1,
            loads=[LOAD_DW] * USERS,
            flash={label: bytes(nor.cells) for label, nor in lone.flash.items()},
            drawn=lone.units,
        )
        return self.scene.sim

    def pulled(self):
        """(intervals, events) of the outage that the station has."""
        station = self.scene.station
        intervals = station.intervals(METER, self._unix, _ALL)
        events = station.audit_records(METER, _ALL)
        return (
            sum(row["n"] <= self.last_interval for row in intervals),
            sum(row["n"] in self.events for row in events),
        )

    def is_complete(self):
        intervals, events = self.pulled()
        return intervals >= len(self.lone.drawn) and events >= len(self.events)

    def missing_intervals(self):
        """How many ends of intervals the station has no row for, or one with other energy."""
        found = {row["t_end"]: row for row in self.scene.station.intervals(METER, limit=_ALL)}
        missing = 0
        drawn = sorted(self.lone.drawn.items())
        for (_, before), (t_end, after) in pairwise([(0, self._units), *drawn]):
            row = found.get(t_end)
            true_wh = [
                b // UNITS_PER_WH - a // UNITS_PER_WH for a, b in zip(before, after, strict=True)
            ]
            # The first one began with the station.
            wh = [row[f"wh_{ch}"] for ch in range(1, USERS + 1)] if row else None
            missing += wh is None or (before is not self._units and wh != true_wh)
        return missing

    def missing_events(self):
        """How many of the promised events the station lacks or has otherwise, and how many moves
        of a contact none of them tells.
        """
        found = {row["n"]: row for row in self.scene.station.audit_records(METER, _ALL)}
        missing = sum(n not in found or found[n]["raw"] != raw for n, raw in self.events.items())
        rows = [found[n] for n in self.events if n in found]
        told = [
            (row["t"], row["ch"], row["code"] == "contact.close")
            for row in rows
            if row["code"] in ("contact.open", "contact.close")
        ]
        since = min((t for t, _, _ in told), default=0)
        moves = [move for move in self.lone.moves if move[0] > since]
        return missing + len(set(moves).difference(told))

    def wrong_balances(self):
        """Sentences about users whose money is not the same everywhere. The loads are taken away
        for it.
        """
        scene = self.scene
        for ch in range(1, USERS + 1):
            scene.sim.ask("load", ch=ch, want=0)
        scene.sim.run_for(5000)
        scene.sim.start()
        wait_until(self._is_pulled, "what has come since")
        _applied(scene.ordered(scene.station.order_read(METER)))
        scene.sim.pause()
        said = []
        channels, true = scene.meter()["channels"], scene.truth()["channels"]
        for balance in scene.station.balances(METER):
            index = balance.ch - 1
            meter, account = channels[index], self.lone.meter.channels[index].account
            bill_u = self.lone.costs[index] // (UNITS_PER_WH * 1000)
            checks = {
                "the ledger": balance.agrees and balance.told_u == 0,
                "the station": balance.balance_u == meter["balance_u"],
                "the bill": abs(account.charged_total_u - self.charged_u[index] - bill_u)
                <= LATER_PRICE_U // 500,  # of the Wh that is being counted, twice
                "the register": abs(meter["wh"] - true[index]["wh"]) <= 1,
            }
            said += [f"{name}, user {balance.ch}" for name, good in checks.items() if not good]
        return said

    def heap_bytes(self):
        """What is taken beside the simulator: the least of some samples, for the collector is
        conservative. The board stands still then.
        """
        return min(self._heap_sample() for _ in range(HEAP_SAMPLES))

    def _heap_sample(self):
        self.scene.sim.run_for(5000)
        heap = self.scene.sim.ask("heap")
        return heap["alloc"] - heap["baseline"]

    def _price_u(self, unix):
        return LATER_PRICE_U if unix > self._later_from else PRICE_U

    def _is_pulled(self):
        """Has the station all events that the newest reading names?"""
        station = self.scene.station
        newest = station.audit_records(METER, 1)
        return newest and newest[-1]["n"] >= station.latest_reading(METER).event


def _settings(later_from):
    """Prices that change by themselves, hours without supply, an allowance every month."""
    night = ["1234567", 200, 330, 0]
    noon = ["12345", 1130, 1230, 0]
    return {
        "tariff": {"prices": [[PRICE_U]]},
        "next_tariff": {"from": later_from, "prices": [[LATER_PRICE_U]]},
        "allowance_u": ALLOWANCE_U,
        "slots": [night],
        **{f"ch.{ch}.slots": [night, noon] for ch in (1, 2, 3, 4)},
    }


def _applied(command):
    if command.state != "applied":
        raise RuntimeError(f"the meter does not take {command.op}: {command.result}")


def run(progress=None, days=DAYS):
    """The figures by name; `progress` is called with what is being done.

    history_heap_bytes is the most while the station pulls, with the garbage that the simulated
    interpreter's collector takes for used. That comes and goes; what is kept of what was pulled
    would grow with every part of it: history_heap_growth_bytes is the least that a tenth added.
    """
    progress = progress or (lambda doing: None)
    with tempfile.TemporaryDirectory() as folder, Outage(Path(folder), days) as outage:
        outage.serve()
        outage.be_alone(lambda percent: progress(f"{days} days alone, {percent} %"))
        progress("the station comes back")
        outage.come_back()
        return _measured(outage, progress)


def _measured(outage, progress):
    scene = outage.scene
    began = (scene.sim.unix_ms, time.monotonic())
    total = len(outage.lone.drawn)
    most, levels = 0, []
    for tenth in range(1, 11):

        def is_here(least=total * tenth // 10):
            progress("pulled: %d intervals, %d events" % outage.pulled())
            return outage.pulled()[0] >= least or outage.is_complete()

        scene.sim.start()
        most = max(most, _heap_until(scene, is_here))
        scene.sim.pause()
        levels.append(outage.heap_bytes())
    scene.sim.start()
    _heap_until(scene, outage.is_complete)
    virtual_s = (scene.sim.unix_ms - began[0]) / 1000
    real_s = time.monotonic() - began[1]
    count = outage.pulled()[0]
    scene.sim.pause()
    gap_ms = scene.meter()["worst_gap_ms"] - TICK_MS
    return {
        "history_missing_intervals": outage.missing_intervals(),
        "history_missing_events": outage.missing_events(),
        "history_wrong_balances": len(outage.wrong_balances()),
        "history_intervals_per_s": round(count / virtual_s, 1),
        "history_intervals_per_real_s": round(count / real_s, 1),
        "history_tick_gap_ms": gap_ms,
        "history_heap_bytes": most,
        "history_heap_growth_bytes": max(
            0, min(after - before for before, after in pairwise(levels))
        ),
    }


def _heap_until(scene, condition):
    """The most that was taken until the condition held, or PULL_TIMEOUT_S were over.

    Looking collects. The simulated interpreter cannot collect by itself while the firmware runs:
    its heap becomes megabytes wide instead, and then many a number looks like an address.
    """
    end_s = time.monotonic() + PULL_TIMEOUT_S
    most = looks = 0
    while time.monotonic() < end_s and (looks % 20 or not condition()):
        looks += 1
        heap = scene.sim.ask("heap")
        most = max(most, heap["alloc"] - heap["baseline"])
        time.sleep(0.02)
    return most
