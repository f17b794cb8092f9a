"""How the host runs the board: power it up, let it run a slice, ask it things, take its state for
the next power-up.

The runtimes call these functions from outside of any firmware code. Everything crosses as JSON
text or small numbers.
"""

# Modules imported for nothing here are what the firmware finds in the chip's own image: they must
# be there before its heap is measured.
import _thread  # noqa: F401
import binascii
import gc
import json
import random  # noqa: F401
import select  # noqa: F401
import site
import socket  # noqa: F401
import sys
import time  # noqa: F401

import esp32  # noqa: F401
import flash
import machine
import network
import probe
import switches
import tls  # noqa: F401
import umqtt.simple  # noqa: F401
import world
from micropython import const

RUNNING = const(0)
CUT = const(1)  # no power
RESET = const(2)  # restart me: the state is ready
CRASHED = const(3)  # the firmware ended with an exception, or ended

_MASK = const(0x3FFFFFFF)
_AGAIN_MS = const(10_000)  # as in main.py

_app = None
_on_trial = False
_at_prompt = False  # maintenance, and nobody there
_alarm = None
_power_fail = None
_baseline = 0


def power_up(config_text, state_text):
    """Make the world that the firmware will wake up in. `state_text`: what state() gave, "" for a
    new world.
    """
    global _alarm, _power_fail
    config = json.loads(config_text)
    state = json.loads(state_text) if state_text else {}
    w = world.World(
        config["start_unix"],
        state.get("age", (0, 0)),
        state.get("random") or world.Random.seeded(config["seed"]).state(),
    )
    world.world = w
    board = config["board"]
    cause = state.get("cause", machine.PWRON_RESET)
    machine.board = machine.Board(cause, state.get("chip"), board["mcu"])
    network.conditions = network.Conditions(state.get("network"))
    for label, size in config["partitions"].items():
        part = flash.partitions[label] = flash.Flash(label, size)
        part.erased = state.get("erased", {}).get(label, part.erased)
    site.site = site.Site(w, board, config["loads"], state.get("site"))
    switches.wire(board, state.get("pressed"))
    _alarm = world.Alarm(w, world.PowerCut())
    if "power_fail" in board:
        wired = board["power_fail"]
        _power_fail = machine.PowerFailInput(wired["pin"], wired["active"] == "high")


def note_baseline():
    """What is in the heap before the firmware: the fakes and the world. The runtime has collected
    just before.
    """
    global _baseline
    _baseline = gc.mem_alloc()


def boot():
    """boot.py, then the app without its endless loop: a status."""
    return _guarded(_boot)


def run(ms):
    """Let the firmware take turns until `ms` have passed (the last turn ends later): a status."""
    w = world.world
    start = w.ticks

    def turns():
        step = _app.step
        while (w.ticks - start) & _MASK < ms:
            before = w.ticks
            if _at_prompt:
                w.advance(ms)
            else:
                step()
            if w.ticks == before:
                w.advance(1)  # a turn that takes no time must not stop the world

    return _guarded(turns)


def ask(text):
    """{"op", ...} in, the answer or {"error"} out, both as JSON."""
    question = json.loads(text)
    op = question.pop("op")
    try:
        if op not in _ANSWERS:
            known = ", ".join(sorted(_ANSWERS))
            raise ValueError("no such question: %s; there are %s" % (op, known))
        answer = _ANSWERS[op](**question)
    except (Exception, world.BoardDown) as error:
        answer = {"error": "%s: %s" % (type(error).__name__, error)}
    return json.dumps(answer)


def cut_power():
    _end(world.PowerCut())


def reset(cause):
    """Restart the chip from outside: `cause` as in machine.reset_cause()."""
    _end(world.BoardReset(cause))


def state(off_ms):
    """What outlives the interpreter, but flash and files, after `off_ms` without power."""
    w = world.world
    cause = machine.PWRON_RESET if isinstance(w.down, world.PowerCut) else w.down.args[0]
    w.pass_by(off_ms)
    return json.dumps(
        {
            "age": list(w.age),
            "random": w.random.state(),
            "cause": cause,
            "chip": machine.board.state(),
            "network": network.conditions.state(),
            "site": site.site.state(),
            "pressed": switches.state(),
            "erased": _wear(),
        }
    )


def _boot():
    global _app, _on_trial
    with open("boot.py") as file:
        exec(file.read(), {"__name__": "boot"})
    _on_trial = _slot_word() == "tried"
    from umeter.app import build

    _app = probe.app = build()


def _guarded(work):
    try:
        world.world.check()
        work()
        return RUNNING
    except world.BoardDown as down:
        return _fallen(down)
    except KeyboardInterrupt:
        return _guarded(_maintain)
    except Exception as error:
        sys.print_exception(error)
        if _on_trial:
            return _again()
        _stop(world.PowerCut())
        return CRASHED


def _maintain():
    """As the end of umeter.app.run()."""
    global _at_prompt
    from umeter.hal import maintenance

    _at_prompt = True
    maintenance.begin(_app.meter)


def _again():
    """What main.py and the app do about an error, where it is not the end of the simulation: a
    software on trial may fail.
    """
    try:
        if _app is None:
            world.world.advance(_AGAIN_MS)
        world.world.stop(world.BoardReset(machine.HARD_RESET))
    except world.BoardDown as down:
        return _fallen(down)


def _fallen(down):
    cut = isinstance(down, world.PowerCut)
    site.site.let_go(not cut)
    return CUT if cut else RESET


def _slot_word():
    """What boot.py has left in the file `slot` beside the name of the slot."""
    try:
        with open("slot") as file:
            return file.read().split()[1]
    except (OSError, IndexError):
        return ""


def _end(reason):
    _stop(reason)
    site.site.let_go(not isinstance(reason, world.PowerCut))


def _stop(reason):
    try:
        world.world.stop(reason)
    except world.BoardDown:
        pass


def _truth():
    w = world.world
    return {"now_ms": w.elapsed_ms(), "unix_ms": w.unix_ms(), "channels": site.site.truth()}


def _fault(kind, ch=0, value=True, after_ms=0, warn_ms=0, label=None):
    if kind == "power_cut":
        _alarm.set(after_ms)
        if warn_ms and _power_fail:
            _power_fail.warn(max(0, after_ms - warn_ms))
    elif kind in ("cover", "button") or kind in switches.SHARED:
        switches.set(kind, ch, value)
    elif kind == "flash_cut":
        if label:
            flash.partitions[label].cut_after(value)
        else:
            flash.cut.bytes_left = value
    elif kind == "erase_cut":
        flash.cut.erases_left = value
    elif kind == "rot":
        flash.partitions[label].rot(*value)
    else:
        site.site.set_fault(kind, ch, value)
    return {}


def _wear():
    """Erases of each sector, by partition."""
    return {label: part.erased for label, part in flash.partitions.items()}


def _load(ch, want):
    site.site.set_load(ch, want)
    return {}


def _appliance(ch, name, on):
    site.site.switch(ch, name, on)
    return {}


def _net(**changes):
    network.conditions.change(changes)
    return network.conditions.state()


def _screen():
    """What the display shows, 1024 bytes as SSD1306 has them, in hexadecimal."""
    display = site.site.display
    return {"gddram": binascii.hexlify(display.shows()).decode() if display else None}


def _heap():
    return {"alloc": gc.mem_alloc(), "free": gc.mem_free(), "baseline": _baseline}


def _eval(expression):
    return {"value": eval(expression, {"app": _app, "site": site.site, "world": world.world})}


_ANSWERS = {
    "truth": _truth,
    "meter": probe.meter,
    "fault": _fault,
    "wear": _wear,
    "load": _load,
    "appliance": _appliance,
    "net": _net,
    "heap": _heap,
    "screen": _screen,
    "eval": _eval,
}
