"""The parts of the chip that the app needs once, made with the port's own modules."""

import time
from errno import ENOENT

import esp32
import machine
import network
from micropython import const

from umeter.hal.clock import Clock
from umeter.hal.wifi import Wifi

# Three times the longest wait nobody can slice: a TLS handshake's arithmetic and an erase or two.
_WATCHDOG_MS = const(8_000)

reset = machine.reset
reset_cause = machine.reset_cause


def clock(vouched):
    """vouched: was the time of the RTC set by the station?"""
    return Clock(machine.RTC(), time, vouched)


def journal_flash(label="journal", path="journal.bin"):
    """The partition with this label, else the file.

    Only where there is no such partition: after any other error an empty file would hide the
    true balances.
    """
    flash = _partition(label)
    if flash is None:
        from umeter.hal.file_flash import FileFlash

        flash = FileFlash(path)
    return flash


def log_flash(label="log"):
    """The partition with this label, None where there is none."""
    return _partition(label)


def _partition(label):
    try:
        partition = esp32.Partition(label)
    except OSError as error:
        if error.args[0] != ENOENT:
            raise
        return None
    from umeter.hal.flash import PartitionFlash

    return PartitionFlash(partition)


def rtc_memory():
    """Call it without arguments to read, with a buffer of up to 2 KiB to write."""
    return machine.RTC().memory


def wifi(networks, clock):
    return Wifi(network, networks, clock)


def watchdog():
    """feed() keeps the board from restarting. Once made it can never be stopped."""
    return machine.WDT(timeout=_WATCHDOG_MS)
