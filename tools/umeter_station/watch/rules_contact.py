"""What is behind a contact and should not be, or is not and should: A06, A07, A16, A19."""

import numpy as np

from umeter_station.watch.columns import channels_of, fresh, limits, new_pairs
from umeter_station.watch.window import NONE, Event, Readings, Sighting, Window

_NO_VOLTAGE_READINGS = 3
_OTHERS = 2  # so many must have voltage for one to lack it
_HOUR_S = 3600
# Bits of a channel's state: what lets it be fed without credit.
_OUT, _LET = 16, 8 | 32 | 64 | 128


def energy_while_open(window: Window) -> list[Sighting]:
    """A06: current behind a contact that is open, or energy through it: welded, or bypassed."""
    events = window.new_events("energy.open", "contact.welded")
    found = {e.ch: Sighting(e.ch, e.at_s, {"event": e.code, "a": e.a, "b": e.b}) for e in events}
    rows = window.ordered
    if len(rows) < 2 or rows.contact.all():
        return list(found.values())
    both_open = (rows.contact[:-1] == 0) & (rows.contact[1:] == 0)
    moved = rows.energy_wh[1:] - rows.energy_wh[:-1]
    current = np.where(fresh(rows, window), rows.current_ma, NONE)[1:]
    passes = (moved >= limits(window, "open_wh")) | (current > limits(window, "open_ma"))
    seen = both_open & passes & new_pairs(window, rows)[:, None]
    for at in channels_of(seen.any(axis=0)):
        for row in channels_of(seen[:, at]):
            if _closed_between(window, at + 1, rows, row):
                continue
            evidence = {
                "moved_wh": int(moved[row, at]),
                "current_ma": int(current[row, at]) if current[row, at] != NONE else None,
                "between_s": int(rows.received_s[row + 1] - rows.received_s[row]),
            }
            found[at + 1] = Sighting(at + 1, int(rows.received_s[row]), evidence)
            break
    return list(found.values())


def _closed_between(window: Window, ch: int, rows: Readings, row: int) -> bool:
    from_s, until_s = int(rows.received_s[row]), int(rows.received_s[row + 1])
    return any(
        e.code == "contact.close" and e.ch == ch and from_s - window.report_s <= e.at_s <= until_s
        for e in window.events
    )


def no_voltage(window: Window) -> list[Sighting]:
    """A07: a contact said to be closed, and far less voltage behind it than the others have.

    Front ends that measure before the contact never show it; the meter itself tells of those
    that read no voltage at all.
    """
    events = window.new_events("contact.stuck")
    found = {e.ch: Sighting(e.ch, e.at_s, {"event": e.code}) for e in events}
    rows = window.readings
    if len(rows) >= _NO_VOLTAGE_READINGS and rows.received_s[-1] > window.since_s:
        last = rows.rows(slice(-_NO_VOLTAGE_READINGS, None))
        usable = fresh(last, window) & (last.voltage_dv != NONE) & (last.contact == 1)
        usable = usable.all(axis=0)
        if usable.sum() > _OTHERS:
            most = np.where(usable, last.voltage_dv.max(axis=0), NONE)
            usual = int(np.sort(most[usable])[usable.sum() // 2])
            fed = usual >= window.limit("nominal_dv") // 2
            low = usable & (most * 100 < usual * limits(window, "no_voltage_percent"))
            for at in channels_of(low) if fed else ():
                evidence = {"voltage_dv": int(most[at]), "others_dv": usual}
                found[at + 1] = Sighting(at + 1, int(last.received_s[0]), evidence)
    return list(found.values())


def without_credit(window: Window) -> list[Sighting]:
    """A16: energy though the account is out, and neither emergency credit, friendly hours,
    protection nor later payment explain it."""
    rows = window.ordered
    if len(rows) < 2:
        return []
    state = rows.state  # of NONE no bit is set that means anything
    out = (state & _OUT != 0) & (state & _LET == 0) & (rows.balance_u <= 0)
    if not out.any():
        return []
    moved = rows.energy_wh[1:] - rows.energy_wh[:-1]
    fed = (rows.contact[:-1] == 1) & (rows.contact[1:] == 1)
    seen = out[:-1] & out[1:] & fed & (moved >= limits(window, "supply_wh"))
    seen &= new_pairs(window, rows)[:, None]
    found = []
    for at in channels_of(seen.any(axis=0)):
        row = int(np.flatnonzero(seen[:, at])[0])
        evidence = {
            "balance_u": int(rows.balance_u[row + 1, at]),
            "moved_wh": int(moved[:, at][seen[:, at]].sum()),
            "state": int(state[row + 1, at]),
        }
        found.append(Sighting(at + 1, int(rows.received_s[row]), evidence))
    return found


def chatter(window: Window) -> list[Sighting]:
    """A19: a contact that closes too often in an hour, or has moved for most of its life."""
    found = {}
    closings: dict[int, list[Event]] = {}
    for event in window.events:
        if event.code == "contact.close":
            closings.setdefault(event.ch, []).append(event)
    for ch, of_it in closings.items():
        most = window.limit("closings_an_hour", ch)
        for first, last in zip(of_it, of_it[most:], strict=False):
            if last.at_s - first.at_s <= _HOUR_S and last.came_s > window.since_s:
                evidence = {"closings": most + 1, "span_s": last.at_s - first.at_s}
                found[ch] = Sighting(ch, first.at_s, evidence)
                break
    for ch, moves in enumerate(window.moves, start=1):
        rated = window.limit("rated_moves", ch)
        if ch not in found and moves * 10 > rated * 8:
            found[ch] = Sighting(ch, window.now_s, {"moves": moves, "rated": rated})
    return list(found.values())
