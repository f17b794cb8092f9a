"""Does it speak, at its pace, with one voice, by the right clock: A01, A02, A14, A21, A22."""

import numpy as np

from umeter_station.watch.window import Sighting, Window

_CLOCK_READINGS = 3
_CLOCK_UNSET_S = 900
_LATER_S = 30
_FEW_MESSAGES = 10
_OF_FOUR = 3  # waits between four readings


def missing(window: Window) -> list[Sighting]:
    """A01: of four readings that were due two did not come, or the load profile keeps a gap."""
    return _slots(window) or _gap(window)


def _slots(window: Window) -> list[Sighting]:
    came_s, report_s = window.readings.received_s, window.report_s
    if len(came_s) < 2:
        return []
    waits = np.diff(np.append(came_s, window.now_s))
    missed = np.maximum((2 * waits + report_s) // (2 * report_s) - 1, 0)
    # Silence is another matter (A02), and only time tells whether this is the beginning of one.
    missed[-1] = min(1, max(0, (window.now_s - int(came_s[-1])) // report_s - 1))
    missed[waits > _silence_s(window)] = 0
    new = np.append(came_s[1:], window.now_s) > window.since_s
    # What was judged long ago is only kept in part.
    missed[: max(0, int(new.argmax()) - _OF_FOUR)] = 0
    of_four = np.convolve(missed, np.ones(_OF_FOUR, np.int64))[: len(missed)]
    found = np.flatnonzero(new & (of_four >= window.limit("missing_slots")))
    if not len(found):
        return []
    first = int(found[0])
    since_s = int(came_s[max(0, first - 2)])
    begun_s = window.open_since.get(("A01", 0), since_s)
    old = window.now_s - begun_s >= window.limit("missing_alarm_s")
    evidence = {"missed": int(of_four[first]), "of": 4, "report_s": report_s}
    return [Sighting(0, since_s, evidence, "alarm" if old else None)]


def _gap(window: Window) -> list[Sighting]:
    profile = window.intervals
    if len(profile) < 2:
        return []
    gaps = np.flatnonzero(np.diff(profile.n) > 1)
    late = [at for at in gaps if window.now_s - profile.t_end[at + 1] > window.limit("backfill_s")]
    if not late:
        return []
    at = int(late[0])
    evidence = {"first_n": int(profile.n[at]) + 1, "last_n": int(profile.n[at + 1]) - 1}
    return [Sighting(0, int(profile.t_end[at]), evidence)]


def _silence_s(window: Window) -> int:
    reports_s = window.limit("offline_reports") * window.report_s
    return max(reports_s, window.limit("offline_least_s"))


def offline(window: Window) -> list[Sighting]:
    """A02: no word for three report intervals; or there was none, though it is back."""
    silent_s = _silence_s(window)
    if window.seen_s and window.now_s - window.seen_s > silent_s:
        evidence = {"silent_s": window.now_s - window.seen_s, "presence": window.presence}
        return [Sighting(0, window.seen_s, evidence)]
    came_s = window.readings.received_s
    waits = np.diff(came_s)
    found = np.flatnonzero((waits > silent_s) & (came_s[1:] > window.since_s))
    if not len(found):
        return []
    at = int(found[0])
    return [
        Sighting(0, int(came_s[at]), {"silent_s": int(waits[at]), "until_s": int(came_s[at + 1])})
    ]


def clock(window: Window) -> list[Sighting]:
    """A14: the meter's clock is off in three readings running, is not set, or was moved far."""
    rows = window.readings
    if len(rows) >= _CLOCK_READINGS and rows.received_s[-1] > window.since_s:
        last = slice(-_CLOCK_READINGS, None)
        off_s = rows.t[last] - rows.received_s[last]
        trusted = rows.clock[last] == 1
        least_s = int(np.abs(off_s).min())
        if trusted.all() and least_s > window.limit("clock_s"):
            severity = "alarm" if least_s > window.limit("clock_alarm_s") else None
            return [Sighting(0, int(rows.received_s[-3]), {"off_s": int(off_s[-1])}, severity)]
        unset = np.flatnonzero(rows.clock == 1)
        first = int(unset[-1]) + 1 if len(unset) else 0
        if first < len(rows) and rows.received_s[-1] - rows.received_s[first] > _CLOCK_UNSET_S:
            return [Sighting(0, int(rows.received_s[first]), {"clock": 0})]
    for event in window.new_events("clock.set"):
        if event.a > 0 and abs(event.b - event.a) > window.limit("clock_alarm_s"):
            return [Sighting(0, event.at_s, {"moved_s": event.b - event.a})]
    return []


def clone(window: Window) -> list[Sighting]:
    """A21: readings of an earlier boot, made after those of a later one: two boards under one
    name, or one that has lost its memory."""
    rows = window.readings
    for twins in window.twins:
        if twins.last_s > window.since_s:
            evidence = {"boot": twins.boot, "newest_boot": twins.newer_boot, "times": twins.times}
            return [Sighting(0, twins.last_s, evidence)]
    if len(rows) < 2:
        return []
    # A late message is no proof, it was made before: the meter's own time tells.
    trusted_t = np.where(rows.clock == 1, rows.t, 0)
    newest = np.maximum.accumulate(rows.boot)
    behind = rows.boot < newest
    if not behind.any():
        return []
    began_t = np.array([int(rows.t[rows.boot == boot][0]) for boot in newest])
    found = np.flatnonzero(
        behind & (trusted_t > began_t + _LATER_S) & (rows.received_s > window.since_s)
    )
    if not len(found):
        return []
    at = int(found[0])
    evidence = {
        "boot": int(rows.boot[at]),
        "seq": int(rows.seq[at]),
        "newest_boot": int(newest[at]),
        "readings": len(found),
    }
    return [Sighting(0, int(rows.received_s[at]), evidence)]


def storm(window: Window) -> list[Sighting]:
    """A22: far more messages than its reports explain, or the same ones again and again."""
    traffic = window.traffic
    if traffic.span_s <= 0:
        return []
    due = traffic.span_s // window.report_s + len(window.events) + _FEW_MESSAGES
    many = traffic.messages > window.limit("storm_factor") * due
    again = traffic.repeated * 3600 > window.limit("storm_repeats") * max(traffic.span_s, 3600)
    if not (many or again):
        return []
    evidence = {
        "messages": traffic.messages,
        "repeated": traffic.repeated,
        "due": due,
        "span_s": traffic.span_s,
    }
    return [Sighting(0, window.now_s - traffic.span_s, evidence)]
