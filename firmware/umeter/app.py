"""The loop. Owns the meter's pace and feeds the watchdog.

One thread. The meter has its tick every 100 ms; the rest of the time belongs to the session, whose
every wait on the network calls turn() again. So there is no moment, short of what the chip itself
cannot interrupt, in which the meter waits for the network.
"""

import gc
import sys

from micropython import const, kbd_intr

from umeter.core import transient

_TICK_MS = const(100)
_COLLECT_MS = const(10_000)
_SAVE_MS = const(1000)
_WATCHFUL_MS = const(10)  # between two looks at the power-fail input; hold-up is tens of ms
_LISTEN_TICKS = const(10)
_ALONE_MS = const(600_000)


class App:
    """`step()` is one turn of the loop. `session` is given once it is made: it needs turn().
    power_fail() tells whether the supply is about to end, None if nothing does. console: a poll
    that tells whether somebody types, None if nobody can.
    """

    def __init__(self, meter, clock, wifi, feed, power_fail=None, console=None):
        self.meter = meter
        self.session = None
        self._clock = clock
        self._wifi = wifi
        self._feed = feed
        self._power_fail = power_fail
        self._console = console
        self._failing = False
        self._tick_ms = self._collect_ms = self._save_ms = clock.ticks_ms()

    def turn(self):
        """The meter's tick, if it is due. Called from the loop and from every wait of the patient
        socket.
        """
        if self._power_fail is not None:
            failing = self._power_fail()
            if failing and not self._failing:
                self.meter.power_fail()
            self._failing = failing
        clock = self._clock
        now_ms = clock.ticks_ms()
        dt_ms = clock.ticks_diff(now_ms, self._tick_ms)
        if dt_ms >= _TICK_MS:
            self._tick_ms = now_ms
            clock.advance(dt_ms)
            self.meter.tick(dt_ms, clock.when)
            self._feed()
            if self._console is not None and self.meter.ticks % _LISTEN_TICKS == 0:
                self._listen()

    def _listen(self):
        for _ in self._console.ipoll(0):
            try:
                transient.run("net.console", "hear", self._console, self.meter, self._clock)
            except Exception as error:  # no memory for the moment, say: the meter goes on
                print("umeter:", repr(error))

    def step(self):
        """The tick if it is due, then the network, then sleep until the next tick.

        KeyboardInterrupt if somebody wants the prompt.
        """
        clock = self._clock
        self.turn()
        meter = self.meter
        if meter.safe_ms <= 0 and not self._failing:
            try:
                self._wifi.step()
                while self.session.step() and self._rest_ms() > 0:
                    pass
            except Exception as error:  # the network's: the meter goes on without it
                sys.print_exception(error)
                meter.safe_ms = _ALONE_MS
                meter.event("safe.mode")
        if meter.maintenance > 0 or (meter.maintenance and self.session.result is None):
            raise KeyboardInterrupt
        hot = meter.hot
        if hot is not None and clock.ticks_diff(clock.ticks_ms(), self._save_ms) >= _SAVE_MS:
            self._save_ms = clock.ticks_ms()
            hot.save(meter)
        if clock.ticks_diff(clock.ticks_ms(), self._collect_ms) >= _COLLECT_MS:
            self._collect_ms = clock.ticks_ms()
            gc.collect()  # here, where nothing waits, and not in the middle of a tick
            meter.prepare()
        if 0 < meter.look_s <= meter.up_s:
            transient.run("hal.slots", "look", self)
        rest_ms = self._rest_ms()
        if rest_ms > 0:
            clock.sleep_ms(rest_ms if self._power_fail is None else min(rest_ms, _WATCHFUL_MS))

    def _rest_ms(self):
        return _TICK_MS - self._clock.ticks_diff(self._clock.ticks_ms(), self._tick_ms)


def build():
    """The App of this board, restored and ready to step. ValueError says what its files lack."""
    from umeter import composition

    try:
        return composition.compose()
    finally:
        transient.forget(composition)


def run():
    """What main.py calls.

    A board whose files are wrong, or whose journal is for a newer firmware, stops with one
    sentence and its contacts open. An error nobody foresaw restarts it: boot.py opens the contacts
    again. Who wants the prompt gets it once all is safe.
    """
    from umeter.hal.chip import reset  # now: after a MemoryError there may be no room to import it

    try:
        app = build()
    except ValueError as error:
        print("umeter does not start:", error)
        return
    gc.collect()
    kbd_intr(-1)  # it would tear orders and commits in two: console.py has an ear for Ctrl-C
    try:
        while True:
            app.step()
    except KeyboardInterrupt:
        transient.run("hal.maintenance", "begin", app.meter)
        raise
    except Exception as error:
        sys.print_exception(error)
        reset()
