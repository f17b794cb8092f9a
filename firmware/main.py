"""Starts the meter. What does not start, or ends, is tried again from the beginning: a software on
trial has then failed, and boot.py takes the other one.
"""

import sys
import time

import machine

_AGAIN_S = 10  # long enough to read what was printed, and to interrupt

try:
    from umeter.app import run

    run()
except Exception as error:
    sys.print_exception(error)
print("main: again in %d s; Ctrl-C keeps the prompt" % _AGAIN_S)
time.sleep(_AGAIN_S)
machine.reset()
