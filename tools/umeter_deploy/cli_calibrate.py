"""`umeter calibrate`: a channel of a running meter, against a load that somebody knows."""

import time
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from umeter_deploy.terminal import failure, say

_ANSWER_S = 30.0
_PAUSE_S = 1.0  # between readings: modules measure anew about once a second
_SETTLE_S = 3.0
_LEAST_W, _MOST_W = 20, 25_000
_STALE_S = 5


def calibrate(
    meter: Annotated[str, typer.Argument(help="The meter's name.", metavar="METER")],
    channel: Annotated[int, typer.Argument(help="1, 2, ...", metavar="CHANNEL")],
    known_w: Annotated[
        str, typer.Option(help="What the load takes, W, by a meter that you trust.")
    ],
    home: Annotated[
        Path | None,
        typer.Option(
            envvar="UMETER_STATION_HOME", help="The station's directory, else ./station."
        ),
    ] = None,
    samples: Annotated[int, typer.Option(min=3, max=200, help="Readings to take.")] = 20,
    creep_w: Annotated[
        str | None, typer.Option(help="Also: less power than this is none, W.")
    ] = None,
    phase: Annotated[
        int | None, typer.Option(help="Also: of the chip's phase register, in its steps.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Calibrate the power and energy of a channel. The meter runs on, and so must its station
    (umeter-station run).
    """
    # Imported here: the station costs every other command of `umeter` its time.
    from umeter_station import config
    from umeter_station.errors import StationError
    from umeter_station.station import Books

    try:
        true_w = _watts("--known-w", known_w, _LEAST_W, _MOST_W)
        more = {} if phase is None else {"phase": phase}
        if creep_w is not None:
            more["creep_dw"] = round(_watts("--creep-w", creep_w, 0, 100) * 10)
        books = Books(home or config.default_home())
        try:
            _calibrate(books, meter, channel, true_w, samples, more, yes)
        finally:
            books.close()
    except (ValueError, StationError) as error:
        raise failure(f"{str(error).rstrip('.')}.") from None


def _calibrate(
    books: Any, meter: str, ch: int, true_w: Fraction, samples: int, more: dict, yes: bool
) -> None:
    from umeter_station import calibrating

    channels = books.meter(meter).channels
    if channels and not 1 <= ch <= channels:
        raise ValueError(f"{meter} has the channels 1 to {channels}, not {ch}")
    say(
        f"Connect a load of {_decimal(true_w, 1)} W to channel {ch} of {meter}, one that only"
        " heats and is warm, with the meter that you trust beside it; switch off all else at this"
        " channel."
    )
    _agree("Is it on?", yes)
    shown = _take(books, meter, ch, samples)
    calibrating.refuse_implausible(ch, true_w, shown)
    before = shown[ch - 1]
    with books.db.read() as conn:
        was_ppm = calibrating.last_gain_ppm(conn, meter, ch)
    gain_ppm = calibrating.gain_ppm(true_w, before, was_ppm)
    _print(_table(ch, true_w, [("now", before, was_ppm)]))
    say(f"The gain that makes it true is {gain_ppm:+} ppm.")
    _agree(f"Send it to {meter}?", yes)
    said = _send(books, meter, ch, {"gain_ppm": gain_ppm, **more})
    told_ppm = calibrating.told_gain_ppm(said, "before")
    if told_ppm is not None and told_ppm != was_ppm:
        gain_ppm = _once_more(books, meter, ch, true_w, before, told_ppm)
        was_ppm = told_ppm
    time.sleep(_SETTLE_S if _PAUSE_S else 0)
    after = _take(books, meter, ch, max(3, samples // 2))[ch - 1]
    _print(_table(ch, true_w, [("before", before, was_ppm), ("after", after, gain_ppm)]))


def _once_more(
    books: Any, meter: str, ch: int, true_w: Fraction, shown: list[int], told_ppm: int
) -> int:
    """The meter had another gain than this station knew of: the readings were taken with that."""
    from umeter_station import calibrating

    gain_ppm = calibrating.gain_ppm(true_w, shown, told_ppm)
    low, high = calibrating.LIMITS["gain_ppm"]
    if not low <= gain_ppm <= high:
        _send(books, meter, ch, {"gain_ppm": told_ppm})
        raise ValueError(
            f"{meter} had a gain of {told_ppm:+} ppm already, and has it again: {gain_ppm:+} ppm"
            " would be more than 10 %, so look at the load and the current transformer"
        )
    say(f"{meter} had a gain of {told_ppm:+} ppm already: {gain_ppm:+} ppm is what it needs.")
    _send(books, meter, ch, {"gain_ppm": gain_ppm})
    return gain_ppm


def _take(books: Any, meter: str, ch: int, samples: int) -> list[list[int]]:
    """Fresh powers of all channels, 0.1 W: [channel][reading]."""
    taken: list[list[int]] = []
    with _bar() as bar:
        task = bar.add_task("", total=samples)
        for number in range(samples):
            time.sleep(_PAUSE_S if number else 0)
            power_dw = _read(books, meter, ch)
            taken.append(power_dw)
            bar.update(task, advance=1, description=f"{power_dw[ch - 1] / 10:.1f} W")
    return [list(powers) for powers in zip(*taken, strict=True)]


def _read(books: Any, meter: str, ch: int) -> list[int]:
    reading = _done(books, books.order_read(meter)).get("reading", {})
    columns = [reading.get(name) for name in ("power_dw", "contact", "age_s")]
    if not all(isinstance(column, list) and len(column) >= ch for column in columns[:2]):
        raise ValueError(f"{meter} has answered without a reading of channel {ch}: try again")
    power_dw, contact, age_s = columns
    if not contact[ch - 1]:
        raise ValueError(
            f"The contact of channel {ch} is open: let it close first, it may need credit"
        )
    if age_s and age_s[ch - 1] >= _STALE_S:
        raise ValueError(
            f"Channel {ch} was last measured {age_s[ch - 1]} s ago: find out first why its module"
            " does not answer (umeter doctor)"
        )
    return [power or 0 for power in power_dw]


def _send(books: Any, meter: str, ch: int, values: dict[str, int]) -> dict:
    return _done(books, books.order_calibrate(meter, ch, **values))


def _done(books: Any, command_id: int) -> dict:
    """The answer to an order that was applied. ValueError, one sentence, if it was not."""
    from umeter_station import answers

    command = books.wait_result(command_id, _ANSWER_S)
    if command.state != "applied":
        raise ValueError(answers.sentence(command))
    return command.result or {}


def _table(ch: int, true_w: Fraction, rows: list[tuple[str, list[int], int]]) -> Table:
    from umeter_station import calibrating

    table = Table(title=f"channel {ch}", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("")
    for heading in ("W shown", "W true", "error %", "gain ppm"):
        table.add_column(heading, justify="right")
    for word, shown_dw, gain_ppm in rows:
        table.add_row(
            word,
            _decimal(Fraction(sum(shown_dw), 10 * len(shown_dw)), 2),
            _decimal(true_w, 1),
            f"{float(100 * calibrating.error(true_w, shown_dw)):+.2f}",
            f"{gain_ppm:+}",
        )
    return table


def _watts(option: str, text: str, low: int, high: int) -> Fraction:
    try:
        watts = Fraction(text)
    except (ValueError, ZeroDivisionError):
        watts = Fraction(-1)
    if not low <= watts <= high:
        raise ValueError(f"{option} is {text}, it has to be {low} to {high} W")
    return watts


def _decimal(value: Fraction, places: int) -> str:
    return f"{float(value):.{places}f}"


def _agree(question: str, yes: bool) -> None:
    try:
        if yes or typer.confirm(question, err=True):
            return
    except typer.Abort:
        raise ValueError("Nothing was changed; nobody was there to ask, so add --yes") from None
    raise ValueError("Nothing was changed")


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _print(table: Table) -> None:
    Console().print(table)
