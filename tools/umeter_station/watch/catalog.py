"""All rules: how often each is asked, how sure it must be, what explains it. How they look is in
looks.py, so that whoever only names rules does without numpy, which takes long to import.
"""

from dataclasses import dataclass

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
    wrong or tampered with."""

    id: str
    title: str
    pace: str
    severity: str
    k: int = 1
    n: int = 1
    calm_s: int = _HOUR_S
    calm_n: int = 2
    causes: tuple[str, ...] = ()
    stays: bool = False
    physical: bool = False
    elsewhere: bool = False


RULES: tuple[Rule, ...] = (
    Rule("A01", "readings missing", FAST, "warn", causes=("A02",)),
    Rule("A02", "offline", FAST, "alarm", calm_s=600),
    Rule(
        *("A03", "energy that is not metered", HOUR, "alarm"),
        calm_s=_DAY_S,
        causes=("A05", "A08", "A12"),
        physical=True,
        elsewhere=True,
    ),
    Rule(
        *("A04", "a channel that is metered short", SLOW, "alarm"),
        calm_s=_DAY_S,
        causes=("A05", "A08", "A12"),
        physical=True,
        elsewhere=True,
    ),
    Rule("A05", "energy flows back", FAST, "alarm", calm_s=6 * _HOUR_S, physical=True),
    Rule("A06", "energy behind an open contact", FAST, "critical", calm_s=_DAY_S, physical=True),
    Rule(
        *("A07", "no voltage behind a closed contact", FAST, "alarm"),
        calm_s=_HOUR_S,
        physical=True,
    ),
    Rule(
        *("A08", "register stands still under load", FAST, "alarm"),
        calm_s=6 * _HOUR_S,
        causes=("A05",),
        physical=True,
    ),
    Rule(
        *("A09", "nothing is used any more", SLOW, "info"),
        calm_s=_DAY_S,
        causes=("A02", "A05", "A07", "A08", "A17"),
    ),
    Rule(
        *("A10", "more or less is used than usual", SLOW, "info"),
        k=2,
        n=2,
        calm_s=_DAY_S,
        causes=("A02", "A05", "A07", "A08", "A09", "A12", "A17"),
    ),
    Rule("A11", "a spike of energy", SLOW, "info", calm_s=_DAY_S, causes=("A12",)),
    Rule(
        *("A12", "register went back, or too far ahead", FAST, "critical"),
        calm_s=6 * _HOUR_S,
        causes=("A21",),
        physical=True,
    ),
    Rule(
        *("A13", "intervals do not add up to the register", SLOW, "alarm"),
        calm_s=_DAY_S,
        causes=("A12", "A14", "A21"),
        physical=True,
    ),
    Rule("A14", "clock is off", FAST, "warn", calm_s=_HOUR_S, causes=("A02",)),
    Rule(
        *("A15", "credit of meter and ledger differ", HOUR, "critical"),
        k=2,
        n=2,
        calm_s=_HOUR_S,
        causes=("A21",),
        stays=True,
    ),
    Rule("A16", "fed without credit", FAST, "critical", calm_s=6 * _HOUR_S, physical=True),
    Rule("A17", "tampered with", FAST, "alarm", calm_s=6 * _HOUR_S, stays=True, physical=True),
    Rule(
        *("A18", "voltage or power factor out of bounds", FAST, "info"),
        calm_s=_HOUR_S,
        physical=True,
    ),
    Rule("A19", "contact moves too often", FAST, "warn", calm_s=6 * _HOUR_S, physical=True),
    Rule("A20", "settings are not as desired", HOUR, "warn", calm_n=1, calm_s=0, causes=("A02",)),
    Rule("A21", "two boards under one name", FAST, "critical", calm_s=_DAY_S, stays=True),
    Rule("A22", "far too many messages", FAST, "warn", calm_s=_HOUR_S, causes=("A21",)),
    Rule("A23", "orders without an answer", FAST, "warn", calm_n=1, calm_s=0, causes=("A02",)),
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
