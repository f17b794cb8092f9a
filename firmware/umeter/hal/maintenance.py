"""Maintenance: the board is safe, and its prompt belongs to whoever is there. Transient.

Ends by a restart: that of whoever is there, or the watchdog's if it was forgotten. The ESP32's
watchdog cannot be stopped, but be made anew with a longer time; it outlives a soft reset, which
tools like mpremote begin with.
"""

import time

import machine
from micropython import const

_MINUTES = const(30)
_POLLS = const(30)  # for relays that are moved, and a display that is written, poll by poll
_POLL_MS = const(50)


def begin(meter):
    """Open every contact, since nobody meters what flows, and make all of the books durable.

    For `meter.maintenance` minutes (of either sign), else thirty.
    """
    minutes = abs(meter.maintenance) or _MINUTES
    machine.WDT(timeout=minutes * 60_000)
    for channel in meter.channels:
        meter.supply.relays.set(channel.index, False)
    meter.event("maintenance", 0, minutes)
    try:
        meter.commit()
    except (OSError, ValueError) as error:  # a power cut is no worse
        print("umeter: the journal fails:", error)
    if meter.hot is not None:
        meter.hot.save(meter)
    for bus in meter.buses:
        if hasattr(bus, "maintenance"):  # it has a display, or a lamp
            bus.maintenance = True
    for _ in range(_POLLS):
        for bus in meter.buses:
            bus.poll(_POLL_MS)
        time.sleep_ms(_POLL_MS)
    print("umeter: maintenance, contacts are open; ends by a reset, in %d min by itself" % minutes)
