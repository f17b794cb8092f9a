"""`umeter-station audit` and `intervals`: what meters keep in their logs."""

import re
from datetime import UTC, datetime
from typing import Annotated

import typer

from umeter_station import log_tables
from umeter_station.errors import StationError
from umeter_station.station import Books
from umeter_station.terminal import MeterName, err, out, say

audit_app = typer.Typer(no_args_is_help=True, help="The audit log of a meter.")
_SPAN_S = {"h": 3_600, "d": 86_400}
_SPAN = re.compile(r"([0-9]{1,5})([hd])", re.ASCII)

Limit = Annotated[int, typer.Option(min=1, help="How many at most, the newest.")]


@audit_app.command("verify")
def audit_verify(
    ctx: typer.Context,
    meter: MeterName,
    from_: Annotated[int, typer.Option("--from", min=1, help="Begin at this record.")] = 1,
) -> None:
    """Check the chain of hashes from end to end; exit code 1 if it is broken."""
    verdict = Books(ctx.obj).verify_audit(meter, from_)
    text = log_tables.verdict_sentence(verdict, from_)
    if not verdict.is_sound:
        err.print(text, style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(1)
    say(text, "green")


@audit_app.command("list")
def audit_list(ctx: typer.Context, meter: MeterName, limit: Limit = 20) -> None:
    """The newest records."""
    out.print(log_tables.audit_table(Books(ctx.obj), meter, limit))


def intervals(
    ctx: typer.Context,
    meter: MeterName,
    since: Annotated[
        str | None, typer.Option(help="A date or time (UTC) as 2026-03-02T06:00, or 24h, or 7d.")
    ] = None,
    limit: Limit = 96,
) -> None:
    """The load profile: energy of each channel, interval by interval."""
    books = Books(ctx.obj)
    since_s = None if since is None else parse_since(since, books.clock.now_s())
    out.print(log_tables.intervals_table(books, meter, since_s, limit))
    for text in log_tables.gap_sentences(books, meter):
        say(text, "yellow")


def parse_since(text: str, now_s: int) -> int:
    """Unix seconds of a UTC date or time, or of so many hours or days before now."""
    span = _SPAN.fullmatch(text)
    if span is not None:
        return now_s - int(span[1]) * _SPAN_S[span[2]]
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return int(moment.timestamp())
    except (ValueError, OverflowError):
        raise StationError(
            f"{text!r} is not a time; write 2026-03-02, 2026-03-02T06:00, 24h or 7d."
        ) from None
