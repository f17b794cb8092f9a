"""Closes one contact for a moment and watches all channels, with the board's own relay and front
end modules. However it ends, the contact is opened: here, by the watchdog, or by boot.py.
"""

import json
import sys
import time

import machine

_TICK_MS = 100
_MOVE_MS = 1500  # for relays that are moved poll by poll
_GUARD_MS = 240_000  # of nobody: then the board restarts, and meters
_NOT_NEEDED = ("inputs", "hand", "power_fail")
_there = []


class Deaf:
    """Stands for the meter, which relays tell when they fall silent."""

    def event(self, *about):
        pass


def _part(name):
    name = "umeter." + name
    __import__(name)
    return sys.modules[name]


def begin(text):
    """text: board.json as the board has it. Every contact is open after it."""
    from umeter.hal.board import Board

    doc = json.loads(text)
    for name in _NOT_NEEDED:
        doc.pop(name, None)
    board = Board(doc, _part)
    for device in board.devices:
        device.meter = Deaf()
    _there[:] = [board]
    open_all()


def open_all():
    machine.WDT(timeout=_GUARD_MS)
    board = _there[0]
    for index in range(len(board.samples)):
        board.relays.set(index, False)
    watch(_MOVE_MS)


def watch(ms):
    """Poll for so long. By channel: good readings, spoilt ones, power in 0.1 W, counts."""
    board = _there[0]
    was = [(s.fresh, s.bad_frames, s.count) for s in board.samples]
    begun = last = time.ticks_ms()
    turns = 0
    while time.ticks_diff(last, begun) < ms:
        time.sleep_ms(_TICK_MS)
        now = time.ticks_ms()
        for bus in board.buses:
            bus.poll(time.ticks_diff(now, last))
        last = now
        turns += 1
        if not turns % 10:
            print(".")  # whoever listens knows that it goes on
    return [
        [s.fresh - fresh, s.bad_frames - bad, s.power_dw, s.count - count]
        for s, (fresh, bad, count) in zip(board.samples, was)
    ]


def try_contact(index, closed_ms, open_ms):
    """What watch() sees while contact `index` is closed, and after that."""
    board = _there[0]
    machine.WDT(timeout=closed_ms + open_ms + _GUARD_MS)
    try:
        board.relays.set(index, True)
        closed = watch(closed_ms)
    finally:
        board.relays.set(index, False)
        watch(_MOVE_MS)
    machine.WDT(timeout=_GUARD_MS)
    return [closed, watch(open_ms)]
