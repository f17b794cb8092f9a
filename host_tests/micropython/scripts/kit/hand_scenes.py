"""A board with a local hand, and all that its display may have to tell: for CPython and the
interpreter of the board.
"""

import errno
import sys

import ssd1306_device
from stand_ins import Flash, Relays

from umeter.core.book import Book
from umeter.core.channel import Channel
from umeter.core.events import Events
from umeter.core.journal import Journal
from umeter.core.meter import Meter
from umeter.core.sample import Sample
from umeter.core.supply import Supply
from umeter.settings import Settings

SELECT, ACT, LED, BUZZER = 0, 4, 2, 13
HAND = {
    "select": SELECT,
    "act": ACT,
    "maintenance": SELECT,
    "buzzer": {"pin": BUZZER, "active": "high"},
    "display": {"bus": "i2c"},
}
CREDIT, OPERATOR, USER, OVERLOAD, SCHEDULE, TAMPER, FAULT = 2, 4, 8, 16, 32, 64, 128
NOON = 200_059_200  # 12:00 UTC, as seconds since 2020

levels = {}  # by GPIO: what outputs are driven to, what inputs read
tones = {}  # by GPIO: hertz


class Pin:
    IN, OUT, PULL_UP = 1, 3, 2

    def __init__(self, number, mode=-1, pull=-1, value=None):
        self.number = number
        if pull == Pin.PULL_UP:
            levels.setdefault(number, 1)
        if value is not None:
            levels[number] = value

    def value(self, level=None):
        if level is None:
            return levels[self.number]
        levels[self.number] = level


class PWM:
    def __init__(self, pin, freq, duty_u16):
        self._number = pin.number
        self._freq = freq
        self.duty_u16(duty_u16)

    def duty_u16(self, duty):
        tones[self._number] = self._freq if duty else 0


class I2C:
    """The bus with the display. `taken`: bytes of the frame in each transfer."""

    def __init__(self):
        self.display = ssd1306_device.Device(None, 0x3C)
        self.taken = []

    def writeto(self, address, data):
        if address != self.display.address or not self.display.write(bytes(data)):
            raise OSError(errno.ENODEV)

    def writevto(self, address, parts):
        self.writeto(address, b"".join([bytes(part) for part in parts]))
        self.taken.append(len(parts[1]))


class Session:
    connected = True


def document(users=3, hand=HAND, **more):
    """Of board.json, as far as the hand reads it."""
    made = {"name": "esp32_devkit_pzem8", "hand": hand, "led": {"pin": LED, "active": "high"}}
    made["channels"] = [{} for _ in range(users)]
    made.update(more)
    return made


def meter(users=3):
    """A meter whose users are supplied, have 12.34 and use 2 a day."""
    samples = [Sample(36_000_000, 10_000_000, True) for _ in range(users)]
    channels = [Channel(i, sample, 250_000) for i, sample in enumerate(samples)]
    supply = Supply(Relays(), channels)
    made = Meter([], channels, supply, Journal(Flash(4)), Events(), Settings(users))
    made.restore()
    made.when = NOON
    for channel in channels:
        channel.claims = 0
        channel.contact = 1
        channel.sample.fresh = 1
        channel.sample.power_dw = 12_340
        channel.account.credit(12_340_000)
        put(made, channel, level=0, days_milli=[2000] * 7)
    return made


def put(meter, channel, **fields):
    """Change what the journal is to hold of an account."""
    book = Book(meter, channel)
    for name, value in fields.items():
        setattr(book, name, value)
    book.save()


def hand(meter, document, bus):
    """The hand of the document, with the start screen on its display."""
    sys.modules["machine"] = sys.modules[__name__]
    from umeter.hal.hand import make

    made = make(document, lambda name: bus)
    made.meter = meter
    made.session = Session()
    return made


def _charge(channel, left_u):
    channel.account.charge(channel.account.balance_u - left_u)


def _cut(meter, channel, claims, armed=0, left_u=5_670_000, **fields):
    channel.contact = 0
    channel.claims = claims
    channel.armed = armed
    channel.sample.power_dw = 0
    _charge(channel, left_u)
    put(meter, channel, **fields)


def _supplied(meter, channel, left_u, **fields):
    _charge(channel, left_u)
    put(meter, channel, **fields)


def _overload(meter, channel):
    channel.timer_ms = 287_400
    _cut(meter, channel, OVERLOAD)


def _silent(meter, channel):
    channel.sample.silent_ms = 6000


def _rich(meter, channel):
    channel.account.credit(1_234_567_000_000)
    put(meter, channel, days_milli=[-1] * 7)


def _very_rich(meter, channel):
    channel.account.credit(400_000_000_000_000)


def _kwh(meter, channel):
    meter.settings.apply({"unit": "kwh"}, 1)


# Of the second user: name, what is done to the meter and the channel.
USERS = (
    ("supplied", lambda m, c: None),
    ("low", lambda m, c: _supplied(m, c, 950_000, level=1)),
    ("very_low", lambda m, c: _supplied(m, c, 420_000, level=2, emergency=1)),
    ("lent", lambda m, c: _supplied(m, c, -1_500_001, level=3, emergency=2)),
    ("uncut", lambda m, c: _supplied(m, c, -250_000, level=4, emergency=1)),
    ("pays_later", lambda m, c: _supplied(m, c, -45_670_000, flags=1)),
    ("kwh", _kwh),
    ("silent", _silent),
    ("rich", _rich),
    ("very_rich", _very_rich),
    ("out", lambda m, c: _cut(m, c, CREDIT, left_u=-1, level=4)),
    ("out_offered", lambda m, c: _cut(m, c, CREDIT, left_u=-20_000, level=4, emergency=1)),
    ("pretrip", lambda m, c: _cut(m, c, CREDIT, CREDIT, left_u=500_000, level=3)),
    ("credit_back", lambda m, c: _cut(m, c, CREDIT, CREDIT)),
    ("operator", lambda m, c: _cut(m, c, OPERATOR | USER)),
    ("closed", lambda m, c: _cut(m, c, OPERATOR, left_u=0, flags=2)),
    ("user", lambda m, c: _cut(m, c, USER, flags=16)),
    ("budget", lambda m, c: _cut(m, c, USER, flags=8)),
    ("overload", _overload),
    ("overload_locked", lambda m, c: _cut(m, c, OVERLOAD, locked=OVERLOAD)),
    ("schedule", lambda m, c: _cut(m, c, SCHEDULE)),
    ("tamper", lambda m, c: _cut(m, c, TAMPER | CREDIT)),
    ("fault", lambda m, c: _cut(m, c, FAULT | CREDIT)),
    ("boot", lambda m, c: _cut(m, c, 1)),
    ("soon", lambda m, c: _cut(m, c, 0)),
)


def _safe(hand):
    hand.meter.safe_ms = 600_000
    return len(hand.levels)


def _no_network(hand):
    hand.session.connected = False
    return len(hand.levels)


def _selected(hand):
    poll(hand, 300)
    press(hand, SELECT, 300)
    press(hand, SELECT, 300)
    return 1


def _service(hand):
    hand.maintenance = True
    return -2


# Name, what happens: which screen is waited for.
OTHERS = (
    ("start", lambda hand: -1),
    ("selected", _selected),
    ("safe_mode", _safe),
    ("no_network", _no_network),
    ("maintenance", _service),
)


def screens():
    """Yields (name, hand, bus) with each screen on its display."""
    for name, change in USERS + OTHERS:
        bus = I2C()
        made = hand(meter(), document(), bus)
        if (name, change) in USERS:
            change(made.meter, made.meter.channels[1])
            wanted = 1
        else:
            wanted = change(made)
        polls = 300
        while made.shown != wanted and polls:
            made.poll(100)
            polls -= 1
        poll(made, 1000)
        yield name, made, bus


def poll(hand, ms):
    for _ in range(ms // 100):
        hand.poll(100)


def press(hand, gpio, ms):
    """Press a button for so long, and let it go."""
    levels[gpio] = 0
    poll(hand, ms)
    levels[gpio] = 1
    poll(hand, 300)
