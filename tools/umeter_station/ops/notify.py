"""What systemd is told (sd_notify): ready, stopping, still well. Without systemd: nothing."""

import os
import socket


def _send(text: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
            there.connect("\0" + address[1:] if address[0] == "@" else address)
            there.send(text.encode())
    except OSError:
        pass  # Being watched less well is no reason to stop.


def ready(status: str) -> None:
    _send(f"READY=1\nSTATUS={status.splitlines()[0] if status else ''}\n")


def stopping() -> None:
    _send("STOPPING=1\n")


def watchdog() -> None:
    _send("WATCHDOG=1\n")
