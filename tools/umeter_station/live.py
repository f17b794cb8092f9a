"""What the station knows of a meter, as Rich tables for a terminal."""

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from umeter_station.amounts import format_u
from umeter_station.errors import StationError
from umeter_station.queries import Balance
from umeter_station.station import Books
from umeter_station.words import claim_names, event_detail, state_names, time_text


def fixed(value: int | None, decimals: int) -> str:
    """An integer as a decimal number: fixed(1234, 1) is "123.4"."""
    if value is None:
        return "-"
    sign = "-" if value < 0 else ""
    whole, rest = divmod(abs(value), 10**decimals)
    return f"{sign}{whole}.{rest:0{decimals}d}" if decimals else f"{sign}{whole}"


def reading_table(books: Books, meter: str) -> Table:
    """One line per channel: the newest reading, and the ledger's view of the money. What only
    newer meters tell has its columns if this one does."""
    reading = books.latest_reading(meter)
    newer = any(row["state"] is not None for row in (reading.channels if reading else ()))
    balances = {balance.ch: balance for balance in books.balances(meter)}
    table = Table(title=_title(books, meter), title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("ch", "W", "kWh", "V", "A", "balance", "transit"):
        table.add_column(name, justify="right", no_wrap=True, overflow="fold")
    table.add_column("contact")
    table.add_column("held open by")
    if newer:
        table.add_column("days", justify="right")
        table.add_column("account")
    for row in reading.channels if reading else ():
        balance = balances.get(row["ch"])
        closed = bool(row["contact"])
        table.add_row(
            str(row["ch"]),
            fixed(row["power_dw"], 1),
            fixed(row["energy_wh"], 3),
            fixed(row["voltage_dv"], 1),
            fixed(row["current_ma"], 3),
            Text(fixed(row["balance_u"], 6), "red" if row["balance_u"] <= 0 else ""),
            _transit(balance) if balance else "",
            Text("closed" if closed else "open", "green" if closed else "yellow"),
            _held_open_by(row),
            *(_account(row) if newer else ()),
        )
    return table


def _transit(balance: Balance) -> str:
    parts = [format_u(balance.in_transit_u)] if balance.in_transit_u else []
    return " + ".join(parts + ([f"{format_u(balance.held_u)} held"] if balance.held_u else []))


def _held_open_by(row: dict) -> str:
    armed = row["armed"] or 0
    names = claim_names(row["claims"] & ~armed)
    return ", ".join(names + [f"{name} until restored" for name in claim_names(armed)])


def _account(row: dict) -> tuple[str, str]:
    """Days left, and how the account stands."""
    days, state = row["days_left"], row["state"]
    days_text = "-" if days is None or days < 0 else str(days)
    return days_text, ", ".join(state_names(state or 0))


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
