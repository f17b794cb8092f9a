"""What the station and a meter know of accounts, as Rich tables for a terminal."""

from typing import Any

from rich import box
from rich.table import Table

from umeter_station.amounts import format_u
from umeter_station.holding import Held
from umeter_station.orders import Command
from umeter_station.words import time_text


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
    """All that the meter's answer to a status order tells, money in the currency."""
    result = command.result or {}
    title = f"account of {command.meter} channel {command.args['ch']}"
    table = Table("what", title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("value", justify="right")
    totals = ("balance_u", "credited_total_u", "charged_total_u")
    told = {name: result[name] for name in totals if name in result} | result["account"]
    for name, value in told.items():
        table.add_row(name.removesuffix("_u").replace("_", " "), _text(name, value))
    return table


def _text(name: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_text(name, item) for item in value)
    if name.endswith("_u") and type(value) is int:
        return format_u(value)
    return "-" if value is None else str(value)
