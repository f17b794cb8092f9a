"""What somebody types at the serial port while the meter runs. Transient."""

import json
import sys

from umeter.net.reading import reading

_CTRL_C = b"\x03"
_TELL = b"t"


def hear(console, meter, clock):
    """Take all that was typed. "t" prints a line, {"umeter": reading}; the rest is no language of
    the meter's. KeyboardInterrupt at Ctrl-C, twice or behind a carriage return as the tools send
    it: what comes behind it is for the prompt. One alone may be noise at a pin that is not wired.

    console: a poll of sys.stdin.
    """
    typed = sys.stdin.buffer  # as text, half a character of line noise would be waited for
    before = b""
    while console.poll(0):
        character = typed.read(1)
        if character == _CTRL_C:
            if before == _CTRL_C or before == b"\r":
                raise KeyboardInterrupt
            print("umeter: Ctrl-C twice stops the meter")
        elif character == _TELL:
            print(json.dumps({"umeter": reading(meter, clock)}))
        elif not character:  # the port is closed
            return
        before = character
