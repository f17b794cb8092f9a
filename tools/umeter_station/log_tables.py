"""What the station holds of a meter's logs, as Rich tables and sentences for a terminal."""

from rich import box
from rich.table import Table

from umeter_station.audit import Verdict
from umeter_station.errors import StationError
from umeter_station.records import CLOCK_NOT_TRUSTED, INTERVAL_CHANNELS, POWER_CUT_INSIDE
from umeter_station.station import Books
from umeter_station.words import event_detail, time_text


def verdict_sentence(verdict: Verdict, from_n: int = 1) -> str:
    """What `audit verify` found; raises StationError if there is nothing to check."""
    if not verdict.count and verdict.broken_n is None:
        raise StationError(
            f"There are no audit records of {verdict.meter} here"
            f"{f' from {from_n} on' if from_n > 1 else ''}; the station pulls them while it runs."
        )
    if verdict.broken_n is None:
        text = f"The audit log of {verdict.meter} is unbroken: {_extent(verdict)}."
        if verdict.first_n > from_n:
            text += f" What was before record {verdict.first_n}, the meter no longer held."
        waiting = verdict.announced_n - verdict.last_n
        if waiting > 0:
            text += f" {_counted(waiting, 'newer record')} still to come."
        return " ".join((text, *verdict.suspicions))
    text = f"The audit log of {verdict.meter} is broken at record {verdict.broken_n}: "
    text += f"{verdict.reason}."
    if verdict.count:
        text += f" Before that it is unbroken: {_extent(verdict)}."
    text += f" What follows is checked with --from {verdict.broken_n}."
    return " ".join((text, *verdict.suspicions))


def _extent(verdict: Verdict) -> str:
    text = f"{_counted(verdict.count, 'record')}, {verdict.first_n} to {verdict.last_n}"
    if verdict.first_t:
        text += f", from {time_text(verdict.first_t)} to {time_text(verdict.last_t)}"
    return text


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def audit_table(books: Books, meter: str, limit: int) -> Table:
    table = Table(title=f"audit log of {meter}", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("n", "time", "boot", "ch", "what", "detail"):
        table.add_column(name, justify="right" if name in ("n", "boot", "ch") else "left")
    for record in books.audit_records(meter, limit):
        table.add_row(
            str(record["n"]),
            time_text(record["t"]) if record["t"] else "clock not set",
            str(record["boot"]),
            str(record["ch"] or ""),
            record["code"],
            event_detail(record["code"], record["a"], record["b"]),
        )
    return table


def intervals_table(books: Books, meter: str, since_s: int | None, limit: int) -> Table:
    """One line per interval, with the Wh of each channel that the meter has; (q) and (e) mark
    what is quarantined and estimated."""
    channels = min(books.meter(meter).channels or INTERVAL_CHANNELS, INTERVAL_CHANNELS)
    title = f"load profile of {meter}, Wh"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("n", "until", "min", *(f"ch {ch}" for ch in range(1, channels + 1))):
        table.add_column(name, justify="left" if name == "until" else "right", no_wrap=True)
    table.add_column("remarks")
    for row in books.intervals(meter, since_s, limit):
        table.add_row(
            str(row["n"]),
            time_text(row["t_end"]) if row["t_end"] else "not known",
            str(row["minutes"]),
            *(_energy(row, ch) for ch in range(1, channels + 1)),
            ", ".join(_remarks(row["flags"])),
        )
    return table


def gap_sentences(books: Books, meter: str) -> list[str]:
    """What of the load profile can no longer be had."""
    said = []
    for finding in books.findings(meter, "profile"):
        first_n, last_n = finding["first_n"], finding["last_n"]
        if finding["what"] == "lost":
            which = (
                f"Interval {first_n}" if first_n == last_n else f"Intervals {first_n} to {last_n}"
            )
            said.append(f"{which} cannot be had any more.")
        elif finding["what"] == "restarted":
            said.append(f"The meter has lost its load profile up to interval {first_n - 1}.")
        else:
            said.append(f"The meter has also sent another interval {first_n}.")
    return said


def _energy(row: dict, ch: int) -> str:
    marks = "(q)" if row["quarantined"] >> (ch - 1) & 1 else ""
    marks += "(e)" if row["estimated"] >> (ch - 1) & 1 else ""
    return f"{marks}{row[f'wh_{ch}']}"


def _remarks(flags: int) -> list[str]:
    named = ((CLOCK_NOT_TRUSTED, "clock not trusted"), (POWER_CUT_INSIDE, "power cut"))
    remarks = [text for bit, text in named if flags & bit]
    rest = flags & ~(CLOCK_NOT_TRUSTED | POWER_CUT_INSIDE)
    return remarks + ([f"flags {rest:#x}"] if rest else [])
