"""Orders: check, commit, act, answer. The answer is only made after the commit.

An order is a JSON object {"n", "op", "exp"?, ...} whose signature was found good. Its number is
consumed by whatever comes of it, in the same journal batch as what it changes; so one number has
one outcome, whatever is repeated, reordered or cut. The one exception is "store": nothing could be
committed, nothing has changed, and the station may send the same again.
"""

import json
from binascii import b2a_base64

from micropython import const

from umeter.core import replay
from umeter.core.meter import SETTINGS_KEY
from umeter.core.supply import OPERATOR
from umeter.core.transient import forget
from umeter.net import reports

_UNTRUSTED = const(1)  # core/profile.py has it; not every board has that
_APPLIED = const(1)
_EXPIRED = const(2)
_MALFORMED = const(3)
_UNKNOWN_OP = const(4)
_RANGE = const(5)
_PARTLY = const(6)
_NOT_NOW = const(7)
_CODES = const(
    ("store", "applied", "expired", "malformed", "unknown_op", "range", "partly", "not_now")
)

_LARGEST_N = const(0x3FFFFFFF)
_LARGEST_AMOUNT_U = const(1_000_000_000_000)  # a million of the currency at once is a mistake
# What hal/clock.py can keep and believe after a reset: 2026-01-01 to the end of 2053.
_EARLIEST_T = const(1_767_225_600)
_LATEST_T = const(2_650_838_399)
_LONGEST_ID = const(40)
_CLOCK_JUMP_S = const(10)
_MOST_KEYS = const(16)  # each comes back with a sentence
_FIELDS = {
    "credit": ("ch", "amount_u", "id"),
    "supply": ("ch", "state"),
    "quarantine": ("ch", "action"),
    "read": (),
    "history": ("what", "from", "count"),
    "set": ("version", "set"),
    "time": ("t", "boot"),
}
_READ_ONLY = ("read", "history")
_MOST_EVENTS = const(16)  # an answer has some 2 KiB
_MOST_INTERVALS = const(32)


class Refused(Exception):
    """args: the outcome's code and the reason in words. Nothing has been changed."""


def _integer(order, key, low, high):
    value = order.get(key)
    if type(value) is not int:  # not isinstance: True is no number here
        raise Refused(_MALFORMED, "%s must be an integer" % key)
    if not low <= value <= high:
        raise Refused(_RANGE, "%s must be %d..%d" % (key, low, high))
    return value


def _setting(settings, key):
    """(name, channel number or 0, value) of a setting's key."""
    if not key.startswith("ch."):
        return key, 0, settings.get(key)
    _, ch, name = key.split(".")
    return name, int(ch), settings.get(name, int(ch) - 1)


def carry_out(payload, meter, clock):
    """The answer to an order, as a dict; None if it has no number.

    meter: core's. clock: `when` and set(when).
    """
    try:
        order = json.loads(payload)
        n = _integer(order, "n", 1, _LARGEST_N)
    except Exception:  # not JSON, not an object, no number
        return None
    ch = order.get("ch")
    channel = None
    if type(ch) is int and 0 < ch <= len(meter.channels):
        channel = meter.channels[ch - 1]
    answer = {"n": n, "op": order.get("op")}
    window = replay.window_of(meter)
    first = window.outcome(n)
    if first == 0:
        answer["code"] = _CODES[_Execution(meter, channel, clock, order, answer).run(window)]
    elif first < 0:
        answer["code"] = "old"
    else:
        answer["code"] = "replayed"
        answer["first"] = _CODES[first]
    if channel is not None:  # whatever came of it: the station can reconcile
        answer["ch"] = ch
        answer["credited_total_u"] = channel.account.credited_total_u
        answer["charged_total_u"] = channel.account.charged_total_u
        answer["balance_u"] = channel.account.balance_u
        answer["contact"] = int(channel.contact)
        answer["claims"] = channel.claims
    answer["t"] = reports.unix_or_0(clock.when)
    answer["boot"] = meter.boot
    return answer


class _Execution:
    """One order with a new number. channel: the one it names, or None."""

    def __init__(self, meter, channel, clock, order, answer):
        self._meter = meter
        self._channel = channel
        self._clock = clock
        self._order = order
        self._answer = answer
        self._batch = {}
        self._changes = []  # of settings: (key, channel number or 0, old value, new)
        self._undo = None  # how to take back what the order changed in RAM

    def run(self, window):
        """Do and commit what the order says. Returns the outcome, 0 (store) if that failed."""
        meter = self._meter
        n = self._order["n"]
        try:
            try:
                code = self._do()
            except Refused as e:
                code, self._answer["reason"] = e.args
            window.record(n, code)
            self._batch[replay.KEY] = window.pack()
            if code == _APPLIED and self._order["op"] in _READ_ONLY:
                # Its number is committed with the next batch. A power cut before that forgets it:
                # sent again, the order does the same again, which is nothing.
                meter.later.update(self._batch)
            else:
                meter.commit(self._batch)
        except Exception as e:  # flash, journal full, no memory: RAM goes back to the journal
            if self._undo is not None:
                self._undo()
            self._answer["reason"] = str(e)
            return 0
        if code == _APPLIED or code == _PARTLY:
            self._act()
        # Reading leaves no event: to pull events would never come to an end.
        if code != _APPLIED or self._order["op"] not in _READ_ONLY:
            ch = 0 if self._channel is None else self._channel.index + 1
            meter.events.put(self._clock.when, "command", ch, n, code)
        for key, ch, old, new in self._changes:
            meter.events.put(self._clock.when, "set." + key, ch, old, new)
        return code

    def _do(self):
        order = self._order
        op = order.get("op")
        fields = _FIELDS.get(op) if type(op) is str else None
        if fields is None:
            raise Refused(_UNKNOWN_OP, "op must be one of " + ", ".join(sorted(_FIELDS)))
        for key in order:
            if key not in fields and key not in ("n", "op", "exp"):
                raise Refused(_MALFORMED, "unknown field " + key)
        if "exp" in order:
            first_t = reports.EPOCH_OFFSET_S
            expires = _integer(order, "exp", first_t, first_t + _LARGEST_N)
            when = self._clock.when
            # A time order is not judged by the clock it is to mend: its boot count keeps it fresh.
            if op != "time" and when and expires < first_t + when:
                raise Refused(_EXPIRED, "expired at %d" % expires)
        if "ch" in fields:
            _integer(order, "ch", 1, len(self._meter.channels))
        return getattr(self, "_" + op)()

    # Each of these checks one operation's fields, changes RAM so that the batch can be committed,
    # and returns the outcome.

    def _credit(self):
        channel = self._channel
        account = channel.account
        amount_u = _integer(self._order, "amount_u", 1, _LARGEST_AMOUNT_U)
        purchase = self._order.get("id", "")
        if type(purchase) is not str or len(purchase) > _LONGEST_ID:
            raise Refused(_MALFORMED, "id must be a text of at most 40 characters")
        hi = account.credited_hi
        lo = account.credited_lo
        try:
            self._meter.credit(channel.index, amount_u)
        except ValueError as e:  # more than the total can hold
            raise Refused(_RANGE, str(e))

        def undo():
            account.credited_hi = hi
            account.credited_lo = lo
            channel.evaluate()

        self._undo = undo
        return _APPLIED

    def _supply(self):
        index = self._channel.index
        state = self._order.get("state")
        if state not in ("open", "close"):
            raise Refused(_MALFORMED, "state must be open or close")
        was_open = self._channel.claims & OPERATOR != 0
        self._meter.operator(index, state == "open")
        self._undo = lambda: self._meter.operator(index, was_open)
        return _APPLIED

    def _quarantine(self):
        from umeter.core import quarantine

        action = self._order.get("action")
        if action not in ("accept", "refuse"):
            raise Refused(_MALFORMED, "action must be accept or refuse")
        try:
            wh = quarantine.energy_wh(self._channel)
            if not wh:
                raise Refused(_NOT_NOW, "nothing is in quarantine on this channel")
            self._answer["wh"] = wh
            self._undo = quarantine.settle(self._channel, action == "accept")
        finally:
            forget(quarantine)
        return _APPLIED

    def _read(self):
        return _APPLIED

    def _history(self):
        meter = self._meter
        answer = self._answer
        what = self._order.get("what")
        if what == "events":
            log = meter.events.audit
            most = _MOST_EVENTS
        elif what == "profile":
            log = meter.profile
            most = _MOST_INTERVALS
        else:
            raise Refused(_MALFORMED, "what must be events or profile")
        first = _integer(self._order, "from", 1, _LARGEST_N)
        count = _integer(self._order, "count", 1, most)
        if log is None:
            raise Refused(_NOT_NOW, "this board has no partition for a log")
        from umeter.core import ring_read

        try:
            records, answer["next"] = ring_read.copy(log.ring, first, count)
            answer["oldest"] = ring_read.oldest(log.ring)
        finally:
            forget(ring_read)
        answer["what"] = what
        answer["from"] = first
        answer["newest"] = log.ring.newest
        answer["records"] = b2a_base64(records).decode().strip()
        return _APPLIED

    def _set(self):
        settings = self._meter.settings
        answer = self._answer
        changes = self._order.get("set")
        if type(changes) is not dict or not changes:
            raise Refused(_MALFORMED, "set must be an object of settings")
        if len(changes) > _MOST_KEYS:
            raise Refused(_RANGE, "set may hold %d settings at once" % _MOST_KEYS)
        answer["version"] = settings.version
        # Lower than what is set: overtaken on the way, it comes too late.
        version = _integer(self._order, "version", settings.version, _LARGEST_N)
        accepted, answer["keys"] = settings.check(changes)
        if not accepted:
            return _RANGE
        changed = settings.changed
        old = settings.version
        self._undo = lambda: settings.replace(changed, old)
        for key in accepted:
            name, ch, value = _setting(settings, key)
            if value != accepted[key]:
                self._changes.append((name, ch, value, accepted[key]))
        settings.apply(accepted, version)
        self._batch[SETTINGS_KEY] = settings.to_json()
        return _PARTLY if answer["keys"] else _APPLIED

    def _time(self):
        _integer(self._order, "t", _EARLIEST_T, _LATEST_T)
        if _integer(self._order, "boot", 0, _LARGEST_N) != self._meter.boot:
            raise Refused(_NOT_NOW, "meant for another boot")
        return _APPLIED

    def _act(self):
        """What follows from an order that is committed."""
        meter = self._meter
        clock = self._clock
        answer = self._answer
        op = answer["op"]
        if op == "read":
            meter.settle()
            answer["reading"] = reports.reading(meter, clock)
        elif op == "quarantine":
            word = "accepted" if self._order["action"] == "accept" else "refused"
            meter.events.put(clock.when, "quarantine." + word, self._order["ch"], answer["wh"])
            if word == "accepted" and meter.profile is not None:  # drawn nobody knows when
                meter.profile.estimated |= 1 << self._channel.index
        elif op == "set":
            meter.configure(meter.settings)
            answer["version"] = meter.settings.version
            meter.events.put(clock.when, "settings", 0, answer["version"])
            for key in self._order["set"]:
                answer["keys"].setdefault(key, "applied")
        elif op == "time":
            before = clock.when
            when = self._order["t"] - reports.EPOCH_OFFSET_S
            clock.set(when)
            if before and abs(when - before) > _CLOCK_JUMP_S and meter.profile is not None:
                meter.profile.flags |= _UNTRUSTED
            meter.events.put(clock.when, "clock.set", 0, before, when)
