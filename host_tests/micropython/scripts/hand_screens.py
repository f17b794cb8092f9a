"""Every screen of the display, drawn with the letters that the board has."""

import json
from binascii import hexlify

import hand_scenes

from umeter.hal import hand_page


def run(_):
    """JSON: {name: [what the display shows in hexadecimal, the texts of the screen]}."""
    made = {}
    for name, hand, bus in hand_scenes.screens():
        made[name] = [hexlify(bus.display.shows()).decode(), hand_page.screen(hand)]
    return json.dumps(made)
