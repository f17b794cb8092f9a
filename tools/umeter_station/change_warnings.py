"""What the operator should know before a change of settings is sent."""

from umeter_station.amounts import format_u
from umeter_station.change import Change
from umeter_station.firmware_check import split
from umeter_station.meters import Meter
from umeter_station.queries import StoredReading

_PRICES = ("price_u_per_kwh", "tariff", "next_tariff")
_THRESHOLDS = ("disable_at_u", "protected", "friendly")
# Nothing of these happens while the meter does not know the time.
_TIMED = (
    *("tz", "weekend", "special_days", "tariff", "next_tariff", "friendly", "slots", "budget_u"),
    *("allowance_u", "allowance_every", "debt1_weekly_u", "debt2_weekly_u"),
)
_EMERGENCY_IN_USE = 8  # of a reading's state


def warnings(meter: Meter, change: Change, reading: StoredReading | None, now_s: int) -> list[str]:
    """Sentences; none if nothing is to be said."""
    names = {split(key)[1] for key in change.changes}
    rows = reading.channels if reading else []
    if not change.is_reported:
        found = [f"{meter.meter} has not reported its settings yet; the defaults are compared."]
    else:
        found = []
    found += _prices(change, meter.channels)
    for row in rows:
        found += supply(change, row)
    timed = [name for name in _TIMED if name in names]
    if reading and not reading.clock and timed:
        found.append(
            f"The clock of {meter.meter} is not set; once it is, this takes effect:"
            f" {', '.join(timed)}."
        )
    for key, value in change.changes.items():
        if split(key)[1] == "next_tariff" and value and value["from"] <= now_s:
            found.append(f"{key} takes over at once: its moment is past.")
    return found


def _prices(change: Change, channels: int) -> list[str]:
    before, after = change.before, change.after
    numbers = range(1, (channels or 8) + 1)
    priced = [ch for ch in numbers if any(before.get(n, ch) != after.get(n, ch) for n in _PRICES)]
    units = [ch for ch in numbers if before.get("unit", ch) != after.get("unit", ch)]
    found = []
    if priced:
        found.append(f"The price changes, {_of(priced)}; what was drawn before keeps the old one.")
    if units:
        found.append(f"The unit of credit changes, {_of(units)}; balances are not converted.")
    return found


def _of(channels: list[int]) -> str:
    if len(channels) > 1:
        return f"channels {', '.join(map(str, channels))}"
    return f"channel {channels[0]}"


def supply(change: Change, row: dict) -> list[str]:
    """Whom the change cuts off as he stands now."""
    before, after, ch = change.before, change.after, row["ch"]
    found = []
    if not row["contact"]:
        return found
    moved = any(before.get(name, ch) != after.get(name, ch) for name in _THRESHOLDS)
    threshold_u = after.get("disable_at_u", ch)
    emergency = (row.get("state") or 0) & _EMERGENCY_IN_USE
    cuts = row["balance_u"] <= threshold_u and not after.get("protected", ch)
    if moved and cuts and not emergency:
        found.append(
            f"Channel {ch} is cut unless these are friendly hours: its balance"
            f" {format_u(row['balance_u'])} is not above {format_u(threshold_u)}."
        )
    limit_w = after.get("limit_w", ch)
    power_w = (row["power_dw"] or 0) // 10
    if limit_w != before.get("limit_w", ch) and 0 < limit_w < power_w:
        found.append(f"Channel {ch} draws {power_w} W now, more than limit_w {limit_w}.")
    return found
