"""Which serial port the board is on.

USB vendor numbers: of the bridges that ESP32 boards carry, and Espressif's own for chips with USB
inside (the USB-IF's list; bridges of these makers are also in other things, so what is found is
"likely").
"""

import os
from pathlib import Path
from typing import Any

from serial.tools import list_ports

AUTO = "auto"
_LIKELY = {
    0x10C4: "CP210x",
    0x1A86: "CH34x",
    0x0403: "FTDI",
    0x303A: "Espressif",
}


def find(port: str) -> str:
    """The serial port to use: `port` as it is, or for "auto" the one likely port of this computer.
    ValueError, one sentence: it lists what is there, unless there is exactly one, or says who may
    open the port.
    """
    return _open_to_us(_only_likely() if port == AUTO else port)


def _open_to_us(port: str) -> str:
    if os.path.exists(port) and not os.access(port, os.R_OK | os.W_OK):
        group = Path(port).group()
        raise ValueError(
            f"You may not open {port}: become a member of the group {group} (on most systems `sudo"
            f" usermod -aG {group} $USER`), and log in again"
        )
    return port


def _only_likely() -> str:
    there = sorted(list_ports.comports(), key=lambda found: found.device)
    likely = [found for found in there if found.vid in _LIKELY]
    if len(likely) == 1:
        return likely[0].device
    if likely:
        raise ValueError(
            f"There are {len(likely)} ports that a board may be on: {_listed(likely)}; name one"
            " with --port"
        )
    others = [found for found in there if found.vid is not None]
    seen = f", only {_listed(others)}" if others else ""
    raise ValueError(
        f"There is no port with a board on it{seen}; plug the board in by a USB cable that carries"
        " data, or name its port with --port"
    )


def _listed(ports: list[Any]) -> str:
    return ", ".join(f"{found.device} ({_name(found)})" for found in ports)


def _name(found: Any) -> str:
    return _LIKELY.get(found.vid) or found.product or f"USB {found.vid:04x}:{found.pid:04x}"
