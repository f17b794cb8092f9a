"""ATM90E32 and ADE7953: driver and simulated chip, in whatever interpreter this is. A poll in the
steady state leaves the heap alone.
"""

import json

import micropython
from loads import Load, Tally

from umeter.core.channel import Channel
from umeter.frontend import ade7953, atm90e32

_TICK_MS = 100


class _World:
    """As world.py's, with time that only moves between ticks."""

    def __init__(self):
        self.ticks = 0
        self.random = self
        self._state = 1

    def below(self, limit):
        self._state = self._state * 171 % 30269
        return self._state % limit


class _Spi:
    def __init__(self, chip):
        self.spi = self
        self._face = chip.faces[0] if hasattr(chip, "faces") else chip

    def pin(self, gpio, level):
        face = self._face
        return lambda level: face.select(not level)

    def write_readinto(self, data, buffer):
        for i in range(len(data)):
            buffer[i] = self._face.exchange(data[i])

    def write(self, data):
        for i in range(len(data)):
            self._face.exchange(data[i])

    def readinto(self, buffer):
        for i in range(len(buffer)):
            buffer[i] = self._face.exchange(0)


class _I2c:
    def __init__(self, chip):
        self._face = chip.faces[0]
        self._register = bytearray(2)

    def writeto_mem(self, address, register, data, addrsize=8):
        if not self._face.write(register.to_bytes(2, "big") + bytes(data)):
            raise OSError(19)

    def readfrom_mem_into(self, address, register, buffer, addrsize=8):
        self._register[0] = register >> 8
        self._register[1] = register & 0xFF
        if not self._face.write(self._register):
            raise OSError(19)
        data = self._face.read(len(buffer))
        for i in range(len(buffer)):
            buffer[i] = data[i]


def _run(front_end, kind, channels):
    world = _World()
    chip = __import__("chip_" + kind).Chip(world, {"channels": channels}, None)
    loads = []
    for i in range(len(channels)):
        load = chip.meters[i].load = Load(chip.meters[i], 20000 - 9000 * i, Tally())
        load.closed = True
        load.step(0, 0, world)
        loads.append(load)
    port = _Spi(chip) if "cs" in channels[0] else _I2c(chip)
    samples = [front_end.sample(channel) for channel in channels]
    members = [(channels[i], samples[i]) for i in range(len(channels))]
    driver = front_end.attach(port, members)[0]
    ticking = [Channel(i, samples[i], 250000) for i in range(len(samples))]
    for channel in ticking:
        channel.contact = 1
        channel.account.credit(10**12)
    for tick in range(300):
        world.ticks += _TICK_MS
        if tick < 30:
            driver.poll(_TICK_MS)
        else:
            micropython.heap_lock()
            try:
                driver.poll(_TICK_MS)
            finally:
                micropython.heap_unlock()
        for channel in ticking:
            channel.tick(_TICK_MS)
    return [
        [s.count, s.fresh, s.bad_frames, s.power_dw, s.voltage_dv, s.current_ma, s.silent_ms]
        for s in samples
    ]


def run(text):
    """JSON: the samples of each of the boards' channel lists, after half a minute."""
    kinds = {"atm90e32": atm90e32, "ade7953": ade7953}
    found = []
    for channels in json.loads(text):
        kind = channels[0]["frontend"]
        found.append(_run(kinds[kind], kind, channels))
    return json.dumps(found)
