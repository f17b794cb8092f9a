"""How the rules of the catalogue look at a meter's window."""

from collections.abc import Callable

from umeter_station.watch import (
    rules_contact,
    rules_events,
    rules_grid,
    rules_localise,
    rules_orders,
    rules_presence,
    rules_register,
    rules_sums,
    rules_use,
)
from umeter_station.watch.catalog import BY_ID, FAST, HOUR, RULES, SLOW, Rule
from umeter_station.watch.window import Sighting, Window

LOOKS: dict[str, Callable[[Window], list[Sighting]]] = {
    "A01": rules_presence.missing,
    "A02": rules_presence.offline,
    "A03": rules_sums.unmetered,
    "A04": rules_localise.localise,
    "A05": rules_grid.reverse,
    "A06": rules_contact.energy_while_open,
    "A07": rules_contact.no_voltage,
    "A08": rules_register.stuck,
    "A09": rules_use.zero,
    "A10": rules_use.usage,
    "A11": rules_use.spike,
    "A12": rules_register.jump,
    "A13": rules_register.interval_sum,
    "A14": rules_presence.clock,
    "A15": rules_orders.credit,
    "A16": rules_contact.without_credit,
    "A17": rules_events.tamper,
    "A18": rules_grid.quality,
    "A19": rules_contact.chatter,
    "A20": rules_orders.twin,
    "A21": rules_presence.clone,
    "A22": rules_presence.storm,
    "A23": rules_orders.unconfirmed,
}
# Asked at the slow pace, beside the rule's other look.
SLOW_LOOKS = {"A03": rules_sums.drift}
# Rules that judge silence itself, or what the station alone knows.
_ALWAYS = frozenset(("A01", "A02", "A15", "A20", "A22", "A23"))
_AT = {
    pace: [(rule, LOOKS[rule.id]) for rule in RULES if rule.pace == pace]
    + [(BY_ID[name], see) for name, see in SLOW_LOOKS.items() if pace == SLOW]
    for pace in (FAST, HOUR, SLOW)
}


def look(window: Window, pace: str) -> list[tuple[Rule, list[Sighting]]]:
    """What the rules of this pace see, of those that can say anything: one that has nothing new
    to look at keeps its opinion."""
    told = []
    news = _has_news(window, pace)
    for rule, look_at in _AT[pace]:
        if not (news or rule.id in _ALWAYS):
            continue
        seen = look_at(window)
        once = {s.ch: s for s in seen if window.limit(f"{rule.id}_on", s.ch)} if seen else {}
        told.append((rule, list(once.values())))
    return told


def _has_news(window: Window, pace: str) -> bool:
    if pace == FAST:
        came_s = window.readings.received_s
        return bool(window.events) or (len(came_s) > 0 and int(came_s[-1]) > window.since_s)
    return len(window.intervals) > 0
