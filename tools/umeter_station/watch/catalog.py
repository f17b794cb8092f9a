"""All rules: how often each is asked, how sure it must be, what explains it."""

from collections.abc import Callable
from dataclasses import dataclass

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
from umeter_station.watch.window import Sighting, Window

SEVERITIES = ("info", "warn", "alarm", "critical")
FAST, HOUR, SLOW = "fast", "hour", "slow"  # each run; each hour; four times a day
_HOUR_S = 3600
_DAY_S = 86_400


@dataclass(frozen=True)
class Rule:
    """A finding opens once `k` of the last `n` verdicts saw it, and closes after `calm_n` in a row
    that did not, and `calm_s` at the least. One that `stays` closes by itself only after somebody
    has acknowledged it. `causes`: rules whose findings about the same meter explain this one's;
    if those are about a channel, then of the same channel, unless this one's is of all.
    `elsewhere`: a cause on another channel will do. `physical`: the cause is a thing, broken,
    wrong or tampered with. `slow_look` is asked at the slow pace, beside the other."""

    id: str
    title: str
    pace: str
    severity: str
    look: Callable[[Window], list[Sighting]]
    k: int = 1
    n: int = 1
    calm_s: int = _HOUR_S
    calm_n: int = 2
    causes: tuple[str, ...] = ()
    stays: bool = False
    physical: bool = False
    elsewhere: bool = False
    slow_look: Callable[[Window], list[Sighting]] | None = None


RULES: tuple[Rule, ...] = (
    Rule(
        *("A01", "readings missing", FAST, "warn", rules_presence.missing),
        causes=("A02",),
    ),
    Rule("A02", "offline", FAST, "alarm", rules_presence.offline, calm_s=600),
    Rule(
        *("A03", "energy that is not metered", HOUR, "alarm", rules_sums.unmetered),
        calm_s=_DAY_S,
        causes=("A05", "A08", "A12"),
        physical=True,
        elsewhere=True,
        slow_look=rules_sums.drift,
    ),
    Rule(
        *("A04", "a channel that is metered short", SLOW, "alarm", rules_localise.localise),
        calm_s=_DAY_S,
        causes=("A05", "A08", "A12"),
        physical=True,
        elsewhere=True,
    ),
    Rule(
        *("A05", "energy flows back", FAST, "alarm", rules_grid.reverse),
        calm_s=6 * _HOUR_S,
        physical=True,
    ),
    Rule(
        *("A06", "energy behind an open contact", FAST, "critical"),
        rules_contact.energy_while_open,
        calm_s=_DAY_S,
        physical=True,
    ),
    Rule(
        *("A07", "no voltage behind a closed contact", FAST, "alarm", rules_contact.no_voltage),
        calm_s=_HOUR_S,
        physical=True,
    ),
    Rule(
        *("A08", "register stands still under load", FAST, "alarm", rules_register.stuck),
        calm_s=6 * _HOUR_S,
        causes=("A05",),
        physical=True,
    ),
    Rule(
        *("A09", "nothing is used any more", SLOW, "info", rules_use.zero),
        calm_s=_DAY_S,
        causes=("A02", "A05", "A07", "A08", "A17"),
    ),
    Rule(
        *("A10", "more or less is used than usual", SLOW, "info", rules_use.usage),
        k=2,
        n=2,
        calm_s=_DAY_S,
        causes=("A02", "A05", "A07", "A08", "A09", "A12", "A17"),
    ),
    Rule(
        *("A11", "a spike of energy", SLOW, "info", rules_use.spike),
        calm_s=_DAY_S,
        causes=("A12",),
    ),
    Rule(
        *("A12", "register went back, or too far ahead", FAST, "critical", rules_register.jump),
        calm_s=6 * _HOUR_S,
        causes=("A21",),
        physical=True,
    ),
    Rule(
        *("A13", "intervals do not add up to the register", SLOW, "alarm"),
        rules_register.interval_sum,
        calm_s=_DAY_S,
        causes=("A12", "A14", "A21"),
        physical=True,
    ),
    Rule(
        *("A14", "clock is off", FAST, "warn", rules_presence.clock),
        calm_s=_HOUR_S,
        causes=("A02",),
    ),
    Rule(
        *("A15", "credit of meter and ledger differ", HOUR, "critical", rules_orders.credit),
        k=2,
        n=2,
        calm_s=_HOUR_S,
        causes=("A21",),
        stays=True,
    ),
    Rule(
        *("A16", "fed without credit", FAST, "critical", rules_contact.without_credit),
        calm_s=6 * _HOUR_S,
        physical=True,
    ),
    Rule(
        *("A17", "tampered with", FAST, "alarm", rules_events.tamper),
        calm_s=6 * _HOUR_S,
        stays=True,
        physical=True,
    ),
    Rule(
        *("A18", "voltage or power factor out of bounds", FAST, "info", rules_grid.quality),
        calm_s=_HOUR_S,
        physical=True,
    ),
    Rule(
        *("A19", "contact moves too often", FAST, "warn", rules_contact.chatter),
        calm_s=6 * _HOUR_S,
        physical=True,
    ),
    Rule(
        *("A20", "settings are not as desired", HOUR, "warn", rules_orders.twin),
        calm_n=1,
        calm_s=0,
        causes=("A02",),
    ),
    Rule(
        *("A21", "two boards under one name", FAST, "critical", rules_presence.clone),
        calm_s=_DAY_S,
        stays=True,
    ),
    Rule(
        *("A22", "far too many messages", FAST, "warn", rules_presence.storm),
        calm_s=_HOUR_S,
        causes=("A21",),
    ),
    Rule(
        *("A23", "orders without an answer", FAST, "warn", rules_orders.unconfirmed),
        calm_n=1,
        calm_s=0,
        causes=("A02",),
    ),
)
BY_ID = {rule.id: rule for rule in RULES}
# What other parts of the station find wrong and note here: their titles.
NOTED = {
    "R01": "ledger out of balance",
    "R02": "provider and clearing differ",
    "R03": "shift cash differs",
    "R04": "money that fits no payment",
}
# While one of these is open, what goes in and what is metered cannot agree.
SPOILS_SUMS = ("A03", "A04", "A05", "A08", "A12")


def title(rule: str) -> str:
    return BY_ID[rule].title if rule in BY_ID else NOTED.get(rule, rule)


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


# Rules that judge silence itself, or what the station alone knows.
_ALWAYS = frozenset(("A01", "A02", "A15", "A20", "A22", "A23"))


_AT = {
    pace: [(rule, rule.look) for rule in RULES if rule.pace == pace]
    + [(rule, rule.slow_look) for rule in RULES if rule.slow_look and pace == SLOW]
    for pace in (FAST, HOUR, SLOW)
}


def _has_news(window: Window, pace: str) -> bool:
    if pace == FAST:
        came_s = window.readings.received_s
        return bool(window.events) or (len(came_s) > 0 and int(came_s[-1]) > window.since_s)
    return len(window.intervals) > 0
