"""Time: the tick counter, and the calendar as far as somebody vouched for it."""

from micropython import const

_FIRST_WHEN = const(189_388_800)  # 2026-01-01
_LAST_WHEN = const(1_073_001_599)  # the end of 2053, the last whole year in the small ints


class Clock:
    """`when`: seconds since 2020-01-01T00:00:00Z, 0 while nobody has set the time. And the ticks.

    `rtc` is machine.RTC(), `time` the module, which reads it. The RTC runs on through a reset but
    starts at 2000 after a power cut, so only a time that can be true is believed, and only if
    `vouched`: the RTC may have been lent one.
    """

    def __init__(self, rtc, time, vouched):
        self.ticks_ms = time.ticks_ms
        self.ticks_diff = time.ticks_diff
        self.sleep_ms = time.sleep_ms
        self._rtc = rtc
        self._gmtime = time.gmtime
        self._epoch = time.mktime((2020, 1, 1, 0, 0, 0, 0, 0))  # ports count from 1970 or 2000
        self._ms = 0
        when = time.time() - self._epoch
        self.when = when if vouched and _FIRST_WHEN <= when <= _LAST_WHEN else 0

    def advance(self, dt_ms):
        """Carry `when` on by the time of one tick, without allocating."""
        if self.when:
            self._ms += dt_ms
            while self._ms >= 1000:
                self._ms -= 1000
                self.when += 1

    def lend(self, when):
        """Set the RTC alone, by which TLS judges certificates; nobody vouches for the time."""
        year, month, day, hour, minute, second, weekday, _ = self._gmtime(when + self._epoch)
        self._rtc.datetime((year, month, day, weekday, hour, minute, second, 0))

    def set(self, when):
        """Set and trust the time. The caller has made sure that it lies in 2026 .. 2053."""
        self.lend(when)
        self._ms = 0
        self.when = when
