"""Metering chips of the simulator on a bench: bus, driver and core's channels around them, and
whatever may befall a frame.
"""

import random

from umeter.core.channel import Channel
from umeter.core.energy import UNITS_PER_WH as WH
from umeter_deploy import board_check
from umeter_sim.paths import BOARD_SIDE, SHIMS
from umeter_sim.runtimes.namespace import Namespace

TICK_MS = 100
KW = 10_000


I2C = {"type": "i2c", "id": 0, "scl": 22, "sda": 21}
SPI = {"type": "spi", "id": 2, "sck": 18, "mosi": 23, "miso": 19}
SHUNT = {"shunt_uohm": 3900, "divider_ohm": [981_600, 1000]}


def atm90e32_document(count=1, **more):
    channels = [
        {"frontend": "atm90e32", "bus": "m", "cs": 5, "input": "abc"[i], **more}
        for i in range(count)
    ]
    return {
        "name": "bench",
        "mcu": "esp32",
        "allow_strapping": {"5": "the board selects its chip with it"},
        "buses": {
            "m": {
                "type": "spi", "id": 2, "sck": 18, "mosi": 23, "miso": 19,
                "polarity": 1, "phase": 1,
            }
        },
        "relays": {"type": "gpio", "active": "high", "pins": [16, 17, 25][:count]},
        "channels": channels,
    }  # fmt: skip


def ade7953_document(count=2, bus=I2C, **more):
    pin = {"cs": 4} if bus["type"] == "spi" else {}
    channels = [
        {"frontend": "ade7953", "bus": "m", "input": "ab"[i], **pin, **SHUNT, **more}
        for i in range(count)
    ]
    return {
        "name": "bench",
        "mcu": "esp32",
        "buses": {"m": dict(bus)},
        "relays": {"type": "gpio", "active": "high", "pins": [16, 17][:count]},
        "channels": channels,
    }


class Tuning:
    def __init__(self, gain_ppm=0, offset=0, phase=0, creep_dw=0):
        self.gain_ppm, self.offset = gain_ppm, offset
        self.phase, self.creep_dw = phase, creep_dw


class World:
    def __init__(self, seed):
        self.ticks = 0
        self._numbers = random.Random(seed)
        self.random = self

    def below(self, limit):
        return self._numbers.randrange(limit)


class Pin:
    def __init__(self, face, level):
        self._face = face
        self(level)

    def __call__(self, level):
        self._face.select(not level)


class SpiBus:
    """hal/spi.py's port and its machine.SPI. `spoil(frame)` gets each frame's bytes as they come
    back, a bytearray to change, and says whether the chip hears it at all.
    """

    def __init__(self, faces):
        self.spi = self
        self._faces = {face.cs: face for face in faces}
        self.frames = []  # (what was sent, what came back)
        self.spoil = None
        self.gone = False  # the chip's supply and lines are not there

    def pin(self, gpio, level):
        return Pin(self._faces[gpio], level)

    def _exchange(self, data):
        if self.gone:
            reply = bytearray(b"\xff" * len(data))
        else:
            reply = bytearray(len(data))
            for face in self._faces.values():
                if face.selected:
                    for i, byte in enumerate(data):
                        reply[i] = face.exchange(byte)
        if self.spoil:
            self.spoil(reply)
        self.frames.append((bytes(data), bytes(reply)))
        return reply

    def write_readinto(self, data, buffer):
        buffer[:] = self._exchange(bytes(data))

    def write(self, data):
        self._exchange(bytes(data))

    def readinto(self, buffer):
        buffer[:] = self._exchange(bytes(len(buffer)))


class I2cBus:
    """machine.I2C as far as drivers use it here."""

    def __init__(self, faces):
        (self._face,) = faces
        self.frames = []
        self.spoil = None
        self.gone = False

    def _send(self, address, data):
        if self.gone or address != self._face.address or not self._face.write(data):
            raise OSError(19)

    def writeto_mem(self, address, register, data, addrsize=8):
        head = register.to_bytes(addrsize // 8, "big")
        self.frames.append((head + bytes(data), b""))
        self._send(address, head + bytes(data))

    def readfrom_mem_into(self, address, register, buffer, addrsize=8):
        self._send(address, register.to_bytes(addrsize // 8, "big"))
        data = self._face.read(len(buffer))
        if data is None:
            raise OSError(19)
        buffer[:] = data
        if self.spoil:
            self.spoil(buffer)
        self.frames.append((register.to_bytes(2, "big"), bytes(buffer)))


class Bench:
    """One chip with its channels. wants: what each load draws, 0.1 W. truth() and booked() are
    energies in 0.1 W x ms.
    """

    def __init__(self, front_end, document, wants, seed=1):
        board_check.check(document)
        self.document = board_check.for_board(document)
        channels = self.document["channels"]
        kind = channels[0]["frontend"]
        board = Namespace([SHIMS, BOARD_SIDE], {}, None, print)
        self.world = World(seed)
        bus = self.document["buses"][channels[0]["bus"]]
        group = {"kind": kind, "bus": bus, "channels": channels}
        self._make = lambda state: board.load("chip_" + kind).Chip(self.world, group, state)
        self.chip = self._make(None)
        loads = board.load("loads")
        self.loads = []
        for meter, want in zip(self.chip.meters, wants, strict=True):
            load = meter.load = loads.Load(meter, want, loads.Tally())
            load.closed = True
            load.step(0, 0, self.world)
            self.loads.append(load)
        faces = getattr(self.chip, "faces", (self.chip,))
        self.bus = SpiBus(faces) if bus["type"] == "spi" else I2cBus(faces)
        self.samples = [front_end.sample(channel) for channel in channels]
        members = list(zip(channels, self.samples, strict=True))
        (self.driver,) = front_end.attach(self.bus, members)
        self.channels = [Channel(i, s, 250_000) for i, s in enumerate(self.samples)]
        for channel in self.channels:
            channel.tariff.price_u_per_kwh = 200_000
            channel.account.credit(10**12)
        self.news = 0
        self._base = [0] * len(wants)

    def start(self):
        """Let the driver set the chip up; from then on everything counts."""
        for load in self.loads:
            load.closed = False
        self.run(3000)
        assert all(sample.fresh for sample in self.samples)
        for load, channel in zip(self.loads, self.channels, strict=True):
            load.closed = True
            channel.contact = 1
        self.news = 0
        self._base = [self._booked(i) for i in range(len(self.channels))]
        return self

    def run(self, ms, dt_ms=TICK_MS):
        for _ in range(ms // dt_ms):
            self.world.ticks = (self.world.ticks + dt_ms) & 0x3FFFFFFF
            self.driver.poll(dt_ms)
            for channel in self.channels:
                channel.tick(dt_ms)
                self.news |= channel.news
                channel.news = 0
        return self

    def draw(self, *wants):
        for load, want in zip(self.loads, wants, strict=True):
            load.want = want
            load.step(self.world.ticks, 0, self.world)

    def _booked(self, i):
        register = self.channels[i].register
        return register.wh * WH + register.residual

    def booked(self, i=0):
        return self._booked(i) - self._base[i]

    def truth(self, i=0):
        self.loads[i].settle(self.world.ticks)
        return self.loads[i].energy.wh * WH + self.loads[i].energy.residual

    def error(self, i=0):
        """What is booked too much."""
        return self.booked(i) - self.truth(i)


# What befalls what comes back, as functions of the reply and of which number it is.
def ones(reply):
    reply[:] = b"\xff" * len(reply)


def zeros(reply):
    reply[:] = bytes(len(reply))


def last_byte(reply):
    reply[-1] = 0xFF


def last_byte_low(reply):
    reply[-1] = 0


def bits(seed):
    """Some bits of one byte."""
    numbers = random.Random(seed)

    def flip(reply):
        reply[numbers.randrange(len(reply))] ^= numbers.randrange(1, 256)

    return flip


def now_and_then(how, every, seed, burst=1, quiet=5):
    """Spoil `burst` frames in a row, then none of the next `quiet`, then one of `every` begins
    anew. `spoil.times` is how often it did.
    """
    numbers = random.Random(seed)
    left = [0]

    def spoil(reply):
        if left[0] == -quiet and numbers.randrange(every) == 0:
            left[0] = burst
            spoil.times += 1
        if left[0] > 0:
            how(reply)
        left[0] = max(left[0] - 1, -quiet)

    spoil.times = 0
    return spoil
