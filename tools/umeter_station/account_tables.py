"""What the station and a meter know of accounts, as Rich tables for a terminal."""

from collections.abc import Iterator
from typing import Any

from rich import box
from rich.table import Table

from umeter_station.amounts import format_u
from umeter_station.holding import Held
from umeter_station.orders import Command
from umeter_station.words import claim_names, state_names, time_text

_DAYS_LEFT = {-1: "not known yet", 9999: "nothing is used"}


def held_table(found: list[Held]) -> Table:
    table = Table(title="held purchases", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("key", "meter", "ch", "amount", "sold", "refused", "because"):
        right = name in ("ch", "amount")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for held in found:
        table.add_row(
            held.key,
            held.meter,
            str(held.ch),
            format_u(held.amount_u),
            time_text(held.created_at),
            time_text(held.refused_at),
            f"{held.code}: {held.reason}" if held.reason else held.code,
        )
    return table


def account_table(command: Command) -> Table:
    """What the meter's answer to a status order tells, as far as it tells it."""
    result = command.result or {}
    title = f"account of {command.meter} channel {command.args['ch']}"
    table = Table("what", title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("value", justify="right")
    for what, value in _facts({**result, "account": 0, **result["account"]}):
        table.add_row(what, value)
    return table


def _facts(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(what, its value in words); the names are those of the meter's book."""
    yield "account", str(told.get("account") or "no number")
    if "state" in told:
        yield "state", ", ".join(state_names(told["state"])) or "enough credit"
    yield from _amounts(told, balance_u="balance")
    if "days_left" in told:
        yield "days left", _DAYS_LEFT.get(told["days_left"], str(told["days_left"]))
    yield from _amounts(told, credited_total_u="credited", given_total_u="  given, not bought")
    yield from _amounts(told, charged_total_u="charged")
    parts = ("standing_total_u", "debt_total_u", "other_total_u")
    if "charged_total_u" in told and all(part in told for part in parts):
        energy_u = told["charged_total_u"] - sum(told[part] for part in parts)
        yield "  for energy", format_u(energy_u)
        yield "  standing charge", format_u(told["standing_total_u"])
        yield "  debts", format_u(told["debt_total_u"])
        yield "  refunds, reversals, expired", format_u(told["other_total_u"])
    debts = ("debt 1, taken with time", "debt 2, taken with time", "debt 3, share of purchases")
    for what, owed_u in zip(debts, told.get("debt_u", ()), strict=False):
        yield what, format_u(owed_u)
    yield from _amounts(told, accumulated_u="accumulated without credit")
    if told.get("emergency") == 2:
        yield from _amounts(told, emergency_floor_u="emergency credit ends at")
    for rate, wh in enumerate(told.get("rate_wh", ()), start=1):
        if wh:
            yield f"energy at rate {rate}", f"{wh // 1000}.{wh % 1000:03} kWh"
    used = [day for day in told.get("days_milli", ()) if day >= 0]
    if used:
        yield "used a day, newest first", ", ".join(format_u(day * 1000) for day in used)
    for name, what in (("limit_tries", "overload"), ("banned_tries", "banned load")):
        if told.get(name):
            yield f"restorations after {what} today", str(told[name])
    if told.get("locked"):
        yield "locked", ", ".join(claim_names(told["locked"]))


def _amounts(told: dict[str, Any], **names: str) -> Iterator[tuple[str, str]]:
    for name, what in names.items():
        if told.get(name) is not None:
            yield what, format_u(told[name])
