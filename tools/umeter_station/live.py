"""What the station knows of a meter, as Rich tables for a terminal."""

from collections.abc import Callable

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.table import Table
from rich.text import Text

from umeter_station.amounts import format_u
from umeter_station.errors import StationError
from umeter_station.queries import Balance
from umeter_station.station import Books
from umeter_station.words import claim_names, event_detail, state_names, time_text

_WIDE = 100


def fixed(value: int | None, decimals: int) -> str:
    """An integer as a decimal number: fixed(1234, 1) is "123.4"."""
    if value is None:
        return "-"
    sign = "-" if value < 0 else ""
    whole, rest = divmod(abs(value), 10**decimals)
    return f"{sign}{whole}.{rest:0{decimals}d}" if decimals else f"{sign}{whole}"


class _Readings:
    """One line per channel: the newest reading, and the ledger's view of the money. What only
    newer meters tell has its columns if this one does; what is on its way, if something is; and
    voltage and current, where the terminal is wide enough."""

    def __init__(self, books: Books, meter: str) -> None:
        self._title = _title(books, meter)
        reading = books.latest_reading(meter)
        self._rows = reading.channels if reading else []
        self._balances = {balance.ch: balance for balance in books.balances(meter)}

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        yield self._table(with_all=options.max_width >= _WIDE)

    def _table(self, with_all: bool) -> Table:
        table = Table(title=self._title, title_justify="left", box=box.SIMPLE_HEAD)
        in_transit = {ch: _transit(balance) for ch, balance in self._balances.items()}
        columns: dict[str, Callable[[dict], str | Text]] = {
            "ch": lambda row: str(row["ch"]),
            "W": lambda row: fixed(row["power_dw"], 1),
            "kWh": lambda row: fixed(row["energy_wh"], 3),
        }
        if with_all:
            columns["V"] = lambda row: fixed(row["voltage_dv"], 1)
            columns["A"] = lambda row: fixed(row["current_ma"], 3)
        columns["balance"] = lambda row: Text(
            fixed(row["balance_u"], 6), "red" if row["balance_u"] <= 0 else ""
        )
        if with_all or any(in_transit.values()):
            columns["transit"] = lambda row: in_transit.get(row["ch"], "")
        for name in columns:
            table.add_column(name, justify="right", no_wrap=True, overflow="fold")
        columns["contact"] = _contact
        table.add_column("contact", no_wrap=True)
        columns["held open by"] = _held_open_by
        table.add_column("held open by")
        if any(row["state"] is not None for row in self._rows):
            columns["days"] = _days
            table.add_column("days", justify="right")
            columns["account"] = lambda row: ", ".join(state_names(row["state"] or 0))
            table.add_column("account")
        for row in self._rows:
            table.add_row(*(value(row) for value in columns.values()))
        return table


def reading_table(books: Books, meter: str) -> _Readings:
    """To be printed by Rich."""
    return _Readings(books, meter)


def _contact(row: dict) -> Text:
    return Text("closed", "green") if row["contact"] else Text("open", "yellow")


def _transit(balance: Balance) -> str:
    parts = [format_u(balance.in_transit_u)] if balance.in_transit_u else []
    return " + ".join(parts + ([f"{format_u(balance.held_u)} held"] if balance.held_u else []))


def _held_open_by(row: dict) -> str:
    armed = row["armed"] or 0
    names = claim_names(row["claims"] & ~armed)
    return ", ".join(names + [f"{name} until restored" for name in claim_names(armed)])


def _days(row: dict) -> str:
    """How long the credit lasts."""
    days = row["days_left"]
    return "-" if days is None or days < 0 else str(days)


def _title(books: Books, meter: str) -> str:
    known = books.meter(meter)
    reading = books.latest_reading(meter)
    parts = [f"{meter} {known.presence}"]
    if known.boot:
        parts.append(f"boot {known.boot}")
    parts.append(f"read {time_text(reading.received_at)}" if reading else "not read yet")
    waiting = books.open_orders(meter)
    if waiting:
        parts.append(f"{waiting} order{'s' if waiting > 1 else ''} waiting")
    return ", ".join(parts)


def events_table(books: Books, meter: str, limit: int = 8) -> Table:
    table = Table(title="events", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("n", "time", "ch", "what", "detail"):
        table.add_column(name, justify="right" if name in ("n", "ch") else "left")
    for event in books.events(meter, limit):
        table.add_row(
            str(event["n"]),
            time_text(event["t"]) if event["t"] > 0 else "clock not set",
            str(event["ch"] or ""),
            event["code"],
            event_detail(event["code"], event["a"], event["b"]),
        )
    return table


def overview(books: Books) -> Group:
    """All meters with their newest readings and events."""
    parts: list = []
    for known in books.meters():
        parts += [reading_table(books, known.meter), events_table(books, known.meter)]
    if not parts:
        raise StationError("No meter is known; add one with `umeter-station meters add`.")
    return Group(*parts)
