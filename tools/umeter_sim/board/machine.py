"""`machine`: pins, UART, pulse counter, clock and watchdog of the simulated ESP32, wired to the
site.
"""

import site as _site

import world as _world
from bus import I2C, PWM, SPI, SoftI2C  # noqa: F401
from micropython import const

PWRON_RESET = const(1)
HARD_RESET = const(2)
WDT_RESET = const(3)
DEEPSLEEP_RESET = const(4)
SOFT_RESET = const(5)

_PINS = const(49)
_FIRST_INPUT_ONLY = const(34)


class Board:
    """What the chip itself remembers. A reset keeps the RTC and its memory, a power cut keeps
    nothing.
    """

    def __init__(self, cause, state, mcu="esp32"):
        self.cause = cause
        self.input_only = mcu == "esp32"  # from GPIO 34 on
        self.levels = bytearray(_PINS)
        self.driven = bytearray(_PINS)
        self.outside = bytearray(_PINS)  # the site drives this input: 1 low, 2 high, 0 nobody does
        # RTC seconds since 2000 less the world's age; a chip that had no power starts at 2000.
        self.rtc_less_age_s = -_world.world.age[0]
        self.rtc_memory = b""
        if state and cause != PWRON_RESET:
            self.rtc_less_age_s = state["rtc_less_age_s"]
            self.rtc_memory = bytes(state["rtc_memory"])
        self.watchdog = None  # an Alarm, once there is one; it outlives a soft reset
        self.watchdog_ms = 0
        if state and cause == SOFT_RESET and state["watchdog"]:
            self.watch(state["watchdog"])

    def watch(self, timeout_ms):
        if self.watchdog is None:
            self.watchdog = _world.Alarm(_world.world, _world.BoardReset(WDT_RESET))
        self.watchdog_ms = timeout_ms
        self.watchdog.set(timeout_ms)

    def state(self):
        return {
            "rtc_less_age_s": self.rtc_less_age_s,
            "rtc_memory": list(self.rtc_memory),
            "watchdog": self.watchdog_ms,
        }


board = None  # made by control.power_up()


def rtc_seconds():
    _world.world.check()
    return board.rtc_less_age_s + _world.world.age[0]


class Pin:
    """A GPIO. Driven outputs reach the site's relays; inputs read their pull."""

    IN = const(1)
    OUT = const(3)
    OPEN_DRAIN = const(7)
    PULL_UP = const(2)
    PULL_DOWN = const(1)
    IRQ_RISING = const(1)
    IRQ_FALLING = const(2)

    def __init__(self, number, mode=-1, pull=-1, value=None, hold=None):
        if not 0 <= number < _PINS:
            raise ValueError("invalid pin")
        self.number = number
        self.init(mode, pull, value)

    def init(self, mode=-1, pull=-1, value=None, hold=None):
        _world.world.check()
        number = self.number
        if mode in (Pin.OUT, Pin.OPEN_DRAIN):
            if board.input_only and number >= _FIRST_INPUT_ONLY:
                raise ValueError("pin can only be input")
            board.driven[number] = 1
            self.value(board.levels[number] if value is None else value)
        elif mode == Pin.IN:
            board.driven[number] = 0
            board.levels[number] = 1 if pull == Pin.PULL_UP else 0

    def value(self, level=None):
        _world.world.check()
        if level is None:
            outside = board.outside[self.number]
            return outside - 1 if outside else board.levels[self.number]
        board.levels[self.number] = 1 if level else 0
        if board.driven[self.number]:
            _site.site.pin_driven(self.number, board.levels[self.number])

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)


class PowerFailInput:
    """A pin that the supply drives: active from a warning until the power is gone."""

    def __init__(self, pin, active_high):
        self.due = -1
        self._pin = pin
        self._active = 2 if active_high else 1
        board.outside[pin] = 3 - self._active
        _world.world.attach(self)

    def warn(self, after_ms):
        _world.world.wake(self, (_world.world.ticks + after_ms) & 0x3FFFFFFF)

    def happen(self, now):
        board.outside[self._pin] = self._active


def _number(pin):
    return pin.number if isinstance(pin, Pin) else pin


class UART:
    """A serial port; what hangs on its wires is the site's. No call allocates but read()."""

    INV_TX = const(2)
    INV_RX = const(1)

    def __init__(self, number, baudrate=115200, **options):
        self._wire = _site.site.wire(number)
        self.init(baudrate, **options)

    def init(self, baudrate=115200, **options):
        _world.world.check()
        self._wire.open(baudrate)

    def any(self):
        _world.world.check()
        return self._wire.pending()

    def readinto(self, buffer, count=-1):
        """Number of bytes read; None when there are none."""
        _world.world.check()
        if count < 0 or count > len(buffer):
            count = len(buffer)
        return self._wire.take(buffer, count) or None

    def read(self, count=-1):
        there = self.any()
        data = bytearray(there if count < 0 or count > there else count)
        return bytes(data) if self.readinto(data) else None

    def write(self, data):
        _world.world.check()
        return self._wire.send(data)

    def txdone(self):
        return self._wire.sent()

    def flush(self):
        while not self._wire.sent():
            _world.world.advance(1)

    def deinit(self):
        self._wire.open(0)


class Counter:
    """Hardware pulse counter on a pin; counts only while the board has power."""

    RISING = const(1)
    FALLING = const(2)
    INCREMENT = const(1)
    DECREMENT = const(-1)

    def __init__(self, number, src=None, **options):
        self.init(src, **options)

    def init(self, src=None, **options):
        _world.world.check()
        self._meter = _site.site.pulse_meter(_number(src))
        self._zero = self._meter.pulses_now()

    def value(self, new=None):
        _world.world.check()
        count = self._meter.pulses_now() - self._zero
        if new is not None:
            self._zero = self._meter.pulses_now() - new
        return count

    def deinit(self):
        pass


class RTC:
    """The real-time clock: starts at 2000-01-01 when power comes, runs on through a reset."""

    def datetime(self, fields=None):
        """(year, month, day, weekday, hours, minutes, seconds, subseconds), read or set."""
        import time

        if fields is None:
            y, mo, d, h, mi, s, weekday, _ = time.gmtime(rtc_seconds())
            return (y, mo, d, weekday, h, mi, s, 0)
        y, mo, d, _, h, mi, s, _ = fields
        board.rtc_less_age_s = time.mktime((y, mo, d, h, mi, s)) - _world.world.age[0]

    def memory(self, data=None):
        _world.world.check()
        if data is None:
            return board.rtc_memory
        if len(data) > 2048:
            raise ValueError("buffer too long")
        board.rtc_memory = bytes(data)


class WDT:
    """Resets the board `timeout` ms after the last feed(); cannot be stopped, but made anew with
    another timeout.
    """

    def __init__(self, id=0, timeout=5000):
        _world.world.check()
        board.watch(timeout)

    def feed(self):
        _world.world.check()
        board.watchdog.set(board.watchdog_ms)


def reset():
    _world.world.stop(_world.BoardReset(HARD_RESET))


def soft_reset():
    _world.world.stop(_world.BoardReset(SOFT_RESET))


def reset_cause():
    return board.cause


def unique_id():
    return b"\x02\x00umet"


def freq(hertz=None):
    if hertz is None:
        return 160000000


def idle():
    _world.world.advance(1)
