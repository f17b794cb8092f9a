"""Listens to a running meter at a serial port: what it prints, and its readings, for which it is
asked every two seconds. The meter goes on as it was.
"""

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import serial
from rich.table import Table

from umeter_deploy.link import BAUD, LinkError

ASK = b"t"  # firmware/umeter/net/console.py
_ASK_S = 2
_LOOK_S = 0.2
_KEY = "umeter"
_COLUMNS = (
    ("energy", "energy_wh", "Wh", 1),
    ("power", "power_dw", "W", 10),
    ("voltage", "voltage_dv", "V", 10),
    ("current", "current_ma", "A", 1000),
    ("balance", "balance_u", "", 1_000_000),
)
# By core/supply.py's bits.
_CLAIMS = ("start", "credit", "operator", "user", "overload", "schedule", "tamper", "fault")


def listen(port: str) -> Iterator[str | dict[str, Any]]:
    """Lines that the meter prints, and its readings as documents; an empty line now and then while
    there is nothing. Ends never. LinkError, one sentence, if the port is gone.
    """
    try:
        with _opened(port) as line_in:
            yield from _heard(line_in)
    except (OSError, serial.SerialException) as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise LinkError(f"{port} cannot be read: {reason}") from None


def table(reading: dict[str, Any]) -> Table:
    """The channels of a reading."""
    up = "%d:%02d:%02d" % (
        reading["up_s"] // 3600,
        reading["up_s"] // 60 % 60,
        reading["up_s"] % 60,
    )
    shown = Table("ch", title=f"boot {reading['boot']}, up {up}", title_justify="left")
    for title, _, unit, _ in _COLUMNS:
        shown.add_column(f"{title} {unit}".strip(), justify="right")
    shown.add_column("contact")
    for index in range(len(reading["energy_wh"])):
        cells = [_cell(reading[key][index], scale) for _, key, _, scale in _COLUMNS]
        shown.add_row(str(index + 1), *cells, _contact(reading, index))
    return shown


def _contact(reading: dict[str, Any], index: int) -> str:
    if reading["contact"][index]:
        return "closed"
    claims = reading["claims"][index]
    why = [word for bit, word in enumerate(_CLAIMS) if claims >> bit & 1]
    return "open: " + ", ".join(why) if why else "open"


def _cell(value: int | None, scale: int) -> str:
    if value is None:
        return "-"
    places = len(str(scale)) - 1
    return f"{value / scale:.{min(places, 2)}f}" if places else str(value)


def _opened(port: str) -> serial.SerialBase:
    line_in = serial.serial_for_url(port, BAUD, timeout=_LOOK_S, do_not_open=True)
    # These two lines hold the chip of most boards in reset, or in its boot loader.
    line_in.dtr = line_in.rts = False
    line_in.open()
    return line_in


def _heard(line_in: serial.SerialBase) -> Iterator[str | dict[str, Any]]:
    asked_s = -float(_ASK_S)
    text = b""
    while True:
        if time.monotonic() - asked_s >= _ASK_S:
            asked_s = time.monotonic()
            line_in.write(ASK)
        text += line_in.read(max(1, line_in.in_waiting))
        *lines, text = text.split(b"\n")
        for line in lines:
            yield _read(line.decode(errors="replace").rstrip("\r"))
        if not lines:
            yield ""


def _read(line: str) -> str | dict[str, Any]:
    if line.startswith('{"' + _KEY):
        try:
            return json.loads(line)[_KEY]
        except ValueError:  # cut short by the port
            pass
    return line
