"""A17: what a meter's log tells of hands on it."""

from umeter_station.watch.columns import channels_of
from umeter_station.watch.window import Sighting, Window

_DAY_S = 86_400
_RESETS = ("frontend.reset", "register.reset")
_BACK_SOON_S = 300
_SILENT_S = 3600


def tamper(window: Window) -> list[Sighting]:
    """The cover opened, a front end torn off or reset again and again, orders that were forged."""
    found = {}
    for event in window.new_events("cover.open"):
        found[event.ch] = Sighting(event.ch, event.at_s, {"event": event.code})
    for event in window.new_events("link.forged"):
        if event.a >= window.limit("forged"):
            evidence = {"event": event.code, "orders": event.a}
            found[event.ch] = Sighting(event.ch, event.at_s, evidence)
    found.update(_silent(window))
    found.update(_resets(window))
    return list(found.values())


def _silent(window: Window) -> dict[int, Sighting]:
    """A wire pulled is silence that lasts; a moment's noise on the bus is over soon."""
    found = {}
    for event in window.events:
        if event.code != "frontend.silent" or window.now_s - event.at_s <= _BACK_SOON_S:
            continue
        back_s = [
            e.at_s
            for e in window.events
            if e.code == "frontend.back" and e.ch == event.ch and e.at_s >= event.at_s
        ]
        until_s = min(back_s, default=window.now_s)
        if until_s - event.at_s > _BACK_SOON_S and until_s > window.since_s:
            found[event.ch] = Sighting(event.ch, event.at_s, {"event": event.code})
    rows = window.readings
    if len(rows) and rows.received_s[-1] > window.since_s:
        for at in channels_of(rows.age_s[-1] > _SILENT_S):
            since_s = int(rows.received_s[-1] - rows.age_s[-1, at])
            found.setdefault(at + 1, Sighting(at + 1, since_s, {"age_s": int(rows.age_s[-1, at])}))
    return found


def _resets(window: Window) -> dict[int, Sighting]:
    found = {}
    for ch in {e.ch for e in window.events if e.code in _RESETS}:
        of_it = [e for e in window.events if e.code in _RESETS and e.ch == ch]
        most = window.limit("resets_a_day", ch)
        for first, last in zip(of_it, of_it[most - 1 :], strict=False):
            if last.at_s - first.at_s <= _DAY_S and last.came_s > window.since_s:
                evidence = {"resets": most, "span_s": last.at_s - first.at_s}
                found[ch] = Sighting(ch, first.at_s, evidence)
                break
    return found
