"""Every relay pin to its open level, before anything else runs.

Stands alone on purpose: it imports nothing of ours, so no update can break it. A contact that a
late or failed start left closed would feed a user whom nobody meters.
"""

import json

from machine import Pin


def _open_contacts():
    try:
        with open("board.json") as file:
            relays = json.load(file)["relays"]
        open_level = {"high": 0, "low": 1}[relays["active"]]
        pins = list(relays["pins"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        print("boot: board.json names no relays (%r), all pins are left alone" % (error,))
        return
    for number in pins:
        try:
            # The level is written before the direction: no pulse on the way.
            Pin(number, Pin.OUT, value=open_level)
        except (ValueError, TypeError, OSError) as error:
            print("boot: relay pin %r cannot be driven (%r)" % (number, error))


_open_contacts()
del _open_contacts
