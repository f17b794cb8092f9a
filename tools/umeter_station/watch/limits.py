"""The limits of the rules, with their units: the one table. Pure; thresholds.py has what an
operator put over it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from umeter_station.errors import StationError

_DAY_S = 86_400


@dataclass(frozen=True)
class Limit:
    default: int
    low: int
    high: int
    unit: str
    meaning: str


def _switch(rule: str, meaning: str) -> Limit:
    return Limit(1, 0, 1, "0|1", f"{rule}: {meaning}")


TABLE: dict[str, Limit] = {
    "missing_slots": Limit(2, 1, 4, "of 4", "A01: readings missing out of four that were due"),
    "missing_alarm_s": Limit(_DAY_S, 3600, 30 * _DAY_S, "s", "A01: an alarm after so long"),
    "backfill_s": Limit(3600, 600, 30 * _DAY_S, "s", "A01: a gap in the profile may stay so long"),
    "offline_reports": Limit(3, 2, 1000, "reports", "A02: silence for so many report intervals"),
    "offline_least_s": Limit(180, 30, _DAY_S, "s", "A02: and for at least so long"),
    "class_ppm": Limit(10_000, 0, 100_000, "ppm", "A03, A04: error that each front end may have"),
    "own_use_w": Limit(8, 0, 2000, "W", "A03: what the board itself takes behind the inlet"),
    "sum_cusum_h": Limit(120, 10, 1000, "0.1 sigma", "A03: drift that adds up to so much"),
    "sum_drift_w": Limit(10, 1, 1000, "W", "A03: a steady loss below this is let be"),
    "localise_ppm": Limit(25_000, 1000, 500_000, "ppm", "A04: share of a channel that is missed"),
    "localise_sigma": Limit(30, 20, 100, "0.1 sigma", "A04: by so many standard errors"),
    "reverse_w": Limit(5, 1, 1000, "W", "A05: power that flows back"),
    "reverse_wh": Limit(10, 1, 100_000, "Wh", "A05: and energy that it comes to"),
    "open_ma": Limit(50, 10, 5000, "mA", "A06: current behind an open contact"),
    "open_wh": Limit(2, 1, 1000, "Wh", "A06: or energy through it"),
    "no_voltage_percent": Limit(
        80, 10, 95, "%", "A07: voltage behind the contact, of the others'"
    ),
    "stuck_w": Limit(20, 5, 5000, "W", "A08: power under which a register must move"),
    "stuck_s": Limit(1800, 600, _DAY_S, "s", "A08: within so long"),
    "zero_days": Limit(7, 1, 28, "d", "A09: without any consumption"),
    "zero_usual_wh": Limit(500, 50, 100_000, "Wh/d", "A09: where the median was above this"),
    "vacant": Limit(0, 0, 1, "0|1", "A09, A10: nobody lives there, which is known"),
    "usage_z": Limit(40, 30, 200, "0.1 sigma", "A10: a day that differs from its like by more"),
    "usage_wh": Limit(1000, 0, 1_000_000, "Wh", "A10: and by at least this much"),
    "spike_percent": Limit(180, 50, 1000, "%", "A11: highest over third-highest of a day"),
    "max_w": Limit(25_000, 100, 250_000, "W", "A12: the most that can be drawn at all"),
    "jump_percent": Limit(120, 100, 1000, "%", "A12: of what that comes to in the time"),
    "power_cut_wh": Limit(4, 0, 100, "Wh", "A12: what a power cut may take back"),
    "interval_wh": Limit(2, 1, 1000, "Wh", "A13: intervals and register may differ by this"),
    "clock_s": Limit(15, 5, 3600, "s", "A14: clock off, worth a warning"),
    "clock_alarm_s": Limit(60, 10, 86_400, "s", "A14: clock off, an alarm"),
    "supply_wh": Limit(2, 1, 1000, "Wh", "A16: energy without credit between two readings"),
    "resets_a_day": Limit(3, 1, 1000, "1/d", "A17: a front end that loses its register"),
    "forged": Limit(1, 1, 1000, "orders", "A17: orders that were not this station's"),
    "nominal_dv": Limit(2300, 1000, 4000, "0.1 V", "A18: the grid's voltage"),
    "voltage_percent": Limit(10, 2, 30, "%", "A18: which may be off by so much"),
    "quality_s": Limit(600, 60, _DAY_S, "s", "A18: for so long"),
    "pf_permille": Limit(500, 100, 950, "0.001", "A18: power factor"),
    "pf_w": Limit(200, 50, 25_000, "W", "A18: of a load above this"),
    "closings_an_hour": Limit(6, 2, 1000, "1/h", "A19: closings of a contact"),
    "rated_moves": Limit(200_000, 1000, 100_000_000, "moves", "A19: a contact's life, 80 % of it"),
    "twin_s": Limit(_DAY_S, 600, 90 * _DAY_S, "s", "A20: a setting not as desired for so long"),
    "storm_factor": Limit(4, 2, 100, "times", "A22: more messages than the reports explain"),
    "storm_repeats": Limit(20, 1, 10_000, "1/h", "A22: messages that were stored already"),
    "unconfirmed_s": Limit(900, 60, 30 * _DAY_S, "s", "A23: no answer, though the meter speaks"),
} | {f"{rule}_on": _switch(rule, "judged at all") for rule in (f"A{n:02}" for n in range(1, 24))}


@dataclass(frozen=True)
class Thresholds:
    """Of one meter: `own` has (channel, name) of what differs from the defaults."""

    own: Mapping[tuple[int, str], int] = field(default_factory=dict)

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(name for _, name in self.own)

    def get(self, name: str, ch: int = 0) -> int:
        if self.own:
            for key in ((ch, name), (0, name)):
                if key in self.own:
                    return self.own[key]
        return TABLE[name].default


def check(name: str, value: int) -> None:
    """Raises StationError if there is no such limit, or it cannot have this value."""
    limit = TABLE.get(name)
    if limit is None:
        raise StationError(
            f"There is no threshold {name!r}; `umeter-station watch thresholds` names them."
        )
    if type(value) is not int or not limit.low <= value <= limit.high:
        raise StationError(f"{name} is {limit.low} to {limit.high} ({limit.unit}), not {value!r}.")
