"""What the station knows of a meter, as Rich tables for a terminal."""

from datetime import UTC, datetime

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from umeter_station.amounts import format_u
from umeter_station.errors import StationError
from umeter_station.records import EPOCH_OFFSET_S
from umeter_station.station import Books

# By bit, from the lowest, as readings carry them.
CLAIM_NAMES = (
    "boot",
    "credit",
    "operator",
    "user",
    "overload",
    "schedule",
    "tamper",
    "fault",
)

# By number, as the ESP32 port of MicroPython gives them.
RESET_CAUSES = ("unknown", "power on", "reset", "watchdog", "deep sleep", "soft reset")
# By number, as the meter keeps them for each order.
COMMAND_OUTCOMES = (
    "not stored",
    "applied",
    "expired",
    "malformed",
    "unknown",
    "out of range",
    "applied in part",
    "refused for now",
)


def claim_names(claims: int) -> list[str]:
    """Why a contact is held open; a bit without a name is given by its number."""
    names = [name for bit, name in enumerate(CLAIM_NAMES) if claims >> bit & 1]
    rest = claims >> len(CLAIM_NAMES)
    return names + ([f"{rest << len(CLAIM_NAMES):#x}"] if rest else [])


def time_text(unix_s: int) -> str:
    if unix_s <= 0:
        return "never"
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M:%S")


def fixed(value: int | None, decimals: int) -> str:
    """An integer as a decimal number: fixed(1234, 1) is "123.4"."""
    if value is None:
        return "-"
    sign = "-" if value < 0 else ""
    whole, rest = divmod(abs(value), 10**decimals)
    return f"{sign}{whole}.{rest:0{decimals}d}" if decimals else f"{sign}{whole}"


def reading_table(books: Books, meter: str) -> Table:
    """One line per channel: the newest reading, and the ledger's view of the money."""
    reading = books.latest_reading(meter)
    balances = {balance.ch: balance for balance in books.balances(meter)}
    table = Table(title=_title(books, meter), title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("ch", "W", "kWh", "V", "A", "balance", "transit"):
        table.add_column(name, justify="right", no_wrap=True, overflow="fold")
    table.add_column("contact")
    table.add_column("held open by")
    for row in reading.channels if reading else ():
        balance = balances.get(row["ch"])
        in_transit_u = balance.in_transit_u if balance else 0
        closed = bool(row["contact"])
        table.add_row(
            str(row["ch"]),
            fixed(row["power_dw"], 1),
            fixed(row["energy_wh"], 3),
            fixed(row["voltage_dv"], 1),
            fixed(row["current_ma"], 3),
            Text(fixed(row["balance_u"], 6), "red" if row["balance_u"] <= 0 else ""),
            format_u(in_transit_u) if in_transit_u else "",
            Text("closed" if closed else "open", "green" if closed else "yellow"),
            ", ".join(claim_names(row["claims"])),
        )
    return table


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


def event_detail(code: str, a: int, b: int) -> str:
    """What an event's two numbers mean, in words; the numbers themselves for a code this
    station does not know.
    """
    if code == "command":
        return f"order {a} {COMMAND_OUTCOMES[b] if 0 <= b < len(COMMAND_OUTCOMES) else b}"
    if code == "boot":
        return f"boot {a}, {RESET_CAUSES[b]}" if 0 < b < len(RESET_CAUSES) else f"boot {a}"
    if code == "contact.open":
        return "for " + ", ".join(claim_names(a))
    if code in ("register.jump", "register.reset"):
        return f"{a} Wh not booked"
    if code == "energy.open":
        return f"{a} Wh through an open contact"
    if code == "settings":
        return f"version {a}"
    if code.startswith("set."):
        return f"{a} before, now {b}"
    if code.startswith("quarantine."):
        return f"{a} Wh"
    if code == "clock.set":
        return f"from {_meter_time(a)} to {_meter_time(b)}" if b else ""
    if code == "power.cut":
        return f"{a} s without power"
    return f"{a} {b}" if a or b else ""


def _meter_time(when: int) -> str:
    return time_text(when + EPOCH_OFFSET_S) if when > 0 else "not set"


def overview(books: Books) -> Group:
    """All meters with their newest readings and events."""
    parts: list = []
    for known in books.meters():
        parts += [reading_table(books, known.meter), events_table(books, known.meter)]
    if not parts:
        raise StationError("No meter is known; add one with `umeter-station meters add`.")
    return Group(*parts)
