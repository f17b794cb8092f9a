"""The local hand's steady polls on the interpreter of the board, with the heap locked."""

import json

import hand_scenes
import micropython

_TICKS = 20


class Quiet:
    """A bus that takes what it is given, and needs no heap for it."""

    def __init__(self):
        self.count = 0

    def writeto(self, address, data):
        self.count += len(data)

    def writevto(self, address, parts):
        for part in parts:
            self.count += len(part)


def _polls(hand):
    for _ in range(_TICKS):
        hand.poll(100)


def run(_):
    """JSON: {what was done with the heap locked: bytes that went to the display}."""
    bus = Quiet()
    hand = hand_scenes.hand(hand_scenes.meter(8), hand_scenes.document(8), bus)
    done = {}
    hand_scenes.poll(hand, 6000)
    shown = hand.shown
    while hand.shown == shown:
        hand.poll(100)
    # A screen was drawn just now: the writing of its pages is looked at too.
    for what in ("writing", "resting"):
        before = bus.count
        micropython.heap_lock()
        try:
            _polls(hand)
        finally:
            micropython.heap_unlock()
        done[what] = bus.count - before
    return json.dumps(done)
