"""The trial of another release. Transient: app.py has it looked at when `meter.look_s` says.

The file `slot` holds the folder that is to run and a word, see boot.py. A release on trial makes
itself good once it has run for three minutes, never kept the meter waiting, and reached the
broker; else it restarts, and with that gives way to the one before.
"""

import os

from micropython import const

import umeter

_TRIAL_S = const(180)
_LONGEST_TRIAL_S = const(600)
_AGAIN_S = const(10)
_STARVED_MS = const(4000)  # half of what the watchdog allows


def look(app):
    """Judge what runs, or restart after an order to switch, and set when to look again."""
    meter = app.meter
    first = meter.look_s == 1
    meter.look_s = 0
    try:
        with open("slot") as file:
            word = file.read().split()[1]
    except (OSError, IndexError):  # nothing was ever tried
        return
    mine = ("/" + umeter.__path__).split("/")[-2]
    if word == "back" or (word == "trial" and first):  # boot.py could not even mark the trial
        try:
            with open(("b" if mine == "a" else "a") + "/offer") as file:
                failed = int(file.read().split()[0])
        except (OSError, ValueError, IndexError):
            failed = 0
        meter.event("update.back", 0, umeter.RELEASE, failed)
        try:
            _make_good(mine)
        except OSError:  # it is told again after the next boot
            pass
    elif word == "trial":
        _restart(meter)
    elif word == "tried":
        up_s = meter.up_s
        if meter.worst_gap_ms >= _STARVED_MS or up_s >= _LONGEST_TRIAL_S:
            _restart(meter)
        elif up_s < _TRIAL_S:
            meter.look_s = _TRIAL_S
        elif app.session.sessions:
            _make_good(mine)
            meter.event("update.kept", 0, umeter.RELEASE)
        else:
            meter.look_s = up_s + _AGAIN_S


def _make_good(slot):
    with open("slot.new", "w") as file:
        file.write(slot + " good")
    os.rename("slot.new", "slot")


def _restart(meter):
    try:
        meter.commit()
    except (OSError, ValueError):  # then what is kept below has to do
        pass
    if meter.hot is not None:
        meter.hot.save(meter)
    import machine  # here: a host that only looks has none

    machine.reset()
