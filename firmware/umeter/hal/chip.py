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


def clock():
    return Clock(machine.RTC(), time)


def journal_flash(label="journal", path="journal.bin"):
    """The partition with this label, else the file.

    Only where there is no such partition: after any other error an empty file would hide the
    true balances.
    """
    try:
        partition = esp32.Partition(label)
    except OSError as error:
        if error.args[0] != ENOENT:
            raise
        from umeter.hal.file_flash import FileFlash

        return FileFlash(path)
    from umeter.hal.flash import PartitionFlash

    return PartitionFlash(partition)


def wifi(networks, clock):
    return Wifi(network, networks, clock)


def watchdog():
    """feed() keeps the board from restarting. Once made it can never be stopped."""
    return machine.WDT(timeout=_WATCHDOG_MS)
