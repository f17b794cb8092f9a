"""Every relay to its open state, before anything else runs; then which of the two copies of the
software is to run.

Stands alone on purpose: it imports nothing of ours, so no update can break it. A contact that a
late or failed start left closed would feed a user whom nobody meters. An expander holds its
outputs while only this chip restarts, and a latching relay holds its contact for ever: so it is
not enough that the pins are let go.

What opens the contacts stands in board.json as `safe`, a list of plain steps that the check of
the file has worked out from its relays:
["pin", gpio, level], ["pulse", gpio, level, ms, ms of rest after it], ["i2c", scl, sda, hertz,
address, hex], ["shift", data, clock, latch, hex], ["uart", id, tx, rx, baud, de (-1: none), hex].
"""

import json
import os
import sys
import time
from binascii import unhexlify

import machine
from machine import Pin


def _open_contacts():
    try:
        with open("board.json") as file:
            steps = list(json.load(file)["safe"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        print("boot: board.json tells nothing of relays (%r), all pins are left alone" % (error,))
        return
    for step in steps:
        try:
            _STEPS[step[0]](*step[1:])
        except Exception as error:  # the other contacts are to open all the same
            print("boot: %r cannot be done (%r)" % (step, error))


def _pin(number, level):
    # The level is written before the direction: no pulse on the way.
    return Pin(number, Pin.OUT, value=level)


def _pulse(number, level, ms, rest_ms):
    pin = _pin(number, level)
    try:
        time.sleep_ms(ms)
    finally:
        pin.value(1 - level)  # whatever happens: a coil is made for a moment's current
    time.sleep_ms(rest_ms)  # the supply has to recover before the next coil


def _i2c(scl, sda, hertz, address, text):
    # A chip that was answering when this one restarted holds the data line, until it has been
    # clocked through its byte and nobody has acknowledged it.
    clock = Pin(scl, Pin.OPEN_DRAIN, value=1)
    Pin(sda, Pin.OPEN_DRAIN, value=1)
    for _ in range(9):
        clock.value(0)
        time.sleep_us(5)
        clock.value(1)
        time.sleep_us(5)
    machine.SoftI2C(Pin(scl), Pin(sda), freq=hertz).writeto(address, unhexlify(text))


def _shift(data, clock, latch, text):
    data, clock, latch = _pin(data, 0), _pin(clock, 0), _pin(latch, 0)
    for byte in unhexlify(text):
        for bit in range(7, -1, -1):
            data.value(byte >> bit & 1)
            clock.value(1)
            clock.value(0)
    latch.value(1)
    latch.value(0)


def _uart(number, tx, rx, baud, de, text):
    uart = machine.UART(number, baudrate=baud, tx=tx, rx=rx)
    driver = None if de < 0 else _pin(de, 1)
    try:
        uart.write(unhexlify(text))
        uart.flush()
    finally:
        if driver is not None:
            driver.value(0)


_STEPS = {"pin": _pin, "pulse": _pulse, "i2c": _i2c, "shift": _shift, "uart": _uart}


def _slot():
    """The folder of the software that is to run, "a" or "b".

    The file `slot` holds it and a word: good, trial, tried, back. A trial is for one boot: what
    has not made itself good until the next one goes back to the other folder, which says so.
    """
    try:
        with open("slot") as file:
            slot, word = file.read().split()
    except (OSError, ValueError):
        return "a"
    other = "a" if slot == "b" else "b"
    try:
        if word == "trial":
            _write_slot(slot + " tried")
        elif word == "tried":
            slot = other
            _write_slot(slot + " back")
    except OSError as error:
        print("boot: the slot cannot be noted (%r), so nothing is tried" % error)
        return other if word == "trial" else slot
    return slot


def _write_slot(text):
    # Littlefs renames in one step: whenever the power goes, the file is the old or the new one.
    with open("slot.new", "w") as file:
        file.write(text)
    os.rename("slot.new", "slot")


_open_contacts()
sys.path.insert(0, _slot())
for _name in "_open_contacts _slot _write_slot _STEPS _pin _pulse _i2c _shift _uart".split():
    del globals()[_name]
