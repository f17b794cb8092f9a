"""Meters that answer orders straight from the database, with the firmware's own rules, for tests
of what is done to many of them: no broker, no time passes but what the test says."""

import functools

import sqlalchemy as sa

from station_kit import NOW_S, reading, result, store, uplink
from umeter_station import orders
from umeter_station.firmware_check import Document
from umeter_station.models import commands


class FleetMeter:
    """`refuses`: {key: sentence} of what it will not take; `dead`: it hears nothing; `takes`: what
    becomes of a release: kept, back, refused or silent."""

    def __init__(self, db, name, board="sim8", version="1.0.0", release=1, channels=8):
        self.db, self.name, self.channels = db, name, channels
        self.about = {"board": board, "version": version, "release": release}
        self.refuses, self.dead, self.version, self.seq = {}, False, 0, 0
        self.told, self.outcomes = {}, {}
        self.takes, self.after_switch = "kept", None

    def status(self, online=True, now_s=NOW_S):
        state = {"state": "online" if online else "offline", "boot": 1}
        more = {"channels": self.channels, "clock": 1, **self.about} if online else {}
        store(self.db, uplink("status", state | more, self.name), now_s=now_s)

    def report(self, now_s=NOW_S):
        document = {"version": self.version, **self._document()}
        store(self.db, uplink("settings", document, self.name), now_s=now_s)

    def read(self, now_s=NOW_S, **columns):
        self.seq += 1
        document = reading(seq=self.seq, channels=self.channels, t=now_s, **columns)
        store(self.db, uplink("reading", document, self.name), now_s=now_s)

    def _document(self):
        return {key: self.told.get(key, value) for key, value in _defaults().items()} | self.told

    def set_here(self, now_s=NOW_S, **changes):
        """As another station, or a hand at the board, would."""
        self.told |= changes
        self.version += 1
        self.report(now_s)

    def answer(self, now_s=NOW_S):
        """All that waits for it, in its order; returns how many it answered."""
        if self.dead:
            return 0
        with self.db.read() as conn:
            ids = conn.execute(
                sa.select(commands.c.id)
                .where(commands.c.meter == self.name)
                .where(commands.c.state.in_(orders.OPEN_STATES))
                .order_by(commands.c.n)
            ).scalars()
            waiting = [orders.get(conn, command_id) for command_id in ids.all()]
        for command in waiting:
            told = self.outcomes.setdefault(command.n, self._act(command, now_s))
            code, more = told
            store(self.db, result(command.n, code, meter=self.name, **more), now_s=now_s)
            if command.op == "set" and code in ("applied", "partly"):
                self.report(now_s)
        return len(waiting)

    def _act(self, command, now_s):
        if command.op == "read":
            self.seq += 1
            return "applied", {"reading": reading(seq=self.seq, channels=self.channels, t=now_s)}
        if command.op == "update":
            return self._update(command, now_s)
        if command.op != "set":
            return "applied", {}
        if command.args["version"] <= self.version:
            return "outdated", {"reason": "newer settings are here", "version": self.version}
        fates = {}
        document = Document(self._document(), self.channels)
        for key, value in command.args["set"].items():
            refused = {key: self.refuses[key]} if key in self.refuses else {}
            refused = refused or document.apply({key: value})
            fates[key] = refused.get(key, "applied")
            if not refused:
                self.told[key] = value
                if value is None:
                    del self.told[key]
        self.version = command.args["version"]
        applied = [fate == "applied" for fate in fates.values()]
        code = "applied" if all(applied) else "partly" if any(applied) else "range"
        return code, {"keys": fates, "version": self.version}

    def _update(self, command, now_s):
        """It has all files already, and keeps the release, goes back from it, or refuses it."""
        if command.args["do"] == "offer":
            if self.takes == "refused":
                return "range", {"reason": "no room for it"}
            return "applied", {"want": None, "kept": 0}
        if command.args["do"] == "switch":
            self.after_switch = command.args["release"]
        return "applied", {}

    def end_trial(self, now_s=NOW_S):
        """What it tells of the release that it has switched to, if there is one."""
        release, self.after_switch = self.after_switch, None
        if release is None or self.takes == "silent":
            return
        event = {"n": release, "boot": 2, "t": now_s, "ch": 0, "code": "update.kept"}
        numbers = {"a": release, "b": 0}
        if self.takes == "back":
            event["code"], numbers = "update.back", {"a": release - 1, "b": release}
        store(self.db, uplink("event", event | numbers, self.name), now_s=now_s)


@functools.cache
def _defaults():
    empty = Document({}, 1)
    return {name: empty.value(name) for name in empty.names}


def hurried(db):
    """Nothing here is about losing power: no commit waits for the disk."""
    if db.engine.dialect.name == "sqlite":
        sa.event.listen(db.engine, "checkout", lambda c, *_: c.execute("PRAGMA synchronous=OFF"))
    return db


def fleet(db, names, **more):
    """{name: meter}, all of them online and with their settings told."""
    found = {}
    for name in names:
        found[name] = FleetMeter(db, name, **more)
        found[name].status()
        found[name].report()
    return found
