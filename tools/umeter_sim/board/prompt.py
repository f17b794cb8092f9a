"""The board with somebody at its serial port: boot.py and main.py run as the chip runs them, and
behind them waits the interpreter's own prompt.

Virtual time keeps step with the real one inside of every wait, since the firmware's loop is one
call that does not end.
"""

import sys

import control
import filesystem
import micropython
import simhost
import world

_CTRL_C = 3

_advance = None


def install():
    """Before anything of the firmware runs."""
    global _advance
    w = world.world
    _advance = w.advance
    stop = w.stop
    keep = simhost.keep
    dark = simhost.dark

    def paced(ms):
        _advance(ms)
        keep(ms)
        w.check()  # the host may have cut the power meanwhile

    def stopped(reason):
        dark()  # nothing is printed from here on
        stop(reason)

    w.advance = paced
    w.stop = stopped
    filesystem.install()


def begin(with_main):
    """boot.py, then main.py unless a tool at the raw prompt asked for a soft reset: a status."""
    micropython.kbd_intr(_CTRL_C)
    try:
        if _ran("boot.py") and with_main:
            _ran("main.py")
    except world.BoardDown as down:
        return control._fallen(down)
    finally:
        micropython.kbd_intr(-1)
    return control.RUNNING


def idle(ms):
    """Time at the prompt: a status."""
    try:
        world.world.check()
        _advance(ms)
    except world.BoardDown as down:
        return control._fallen(down)
    return control.RUNNING


def _ran(name):
    try:
        with open(name) as file:
            source = file.read()
    except OSError:
        return True
    try:
        exec(source, __import__("__main__").__dict__)
        return True
    except world.BoardDown:
        raise
    except BaseException as error:
        sys.print_exception(error)
        return False
