"""The metering modules between contact and user: PZEM-004T v3 and S0 pulse meters. They outlive
power cuts.
"""

import struct

from appliances import Reader
from loads import Tally
from micropython import const

_READ_HOLDING = const(0x03)
_READ_INPUT = const(0x04)
_WRITE_HOLDING = const(0x06)
_ADDRESS_REGISTER = const(2)
_GENERAL = const(0xF8)  # an address that every module hears
_RESET_ENERGY = const(0x42)
_REGISTER_END_WH = const(10000000)  # 9999.99 kWh is the last value the module shows
_START_DW = const(4)
_FREQUENCY_DHZ = const(500)
_UNITS_PER_KWH = 36000000000
_CRC_OF_NIBBLE = (
    0x0000, 0xCC01, 0xD801, 0x1400, 0xF001, 0x3C00, 0x2800, 0xE401,
    0xA001, 0x6C00, 0x7800, 0xB401, 0x5000, 0x9C01, 0x8801, 0x4400,
)  # fmt: skip


def crc16(data, count):
    """CRC-16/Modbus of the first `count` bytes."""
    crc = 0xFFFF
    table = _CRC_OF_NIBBLE
    for i in range(count):
        crc ^= data[i]
        crc = (crc >> 4) ^ table[crc & 15]
        crc = (crc >> 4) ^ table[crc & 15]
    return crc


class Faults:
    """What is wrong with a module: `lost` and `garbled` count the replies still to be spoilt, -1
    for all of them.
    """

    def __init__(self, state=None):
        state = state or {}
        self.dead = state.get("dead", False)
        self.noise = state.get("noise", 0)  # of each reading, 0.1 per mille
        self.stuck = state.get("stuck", False)
        self.lost = state.get("lost", 0)
        self.garbled = state.get("garbled", 0)

    def takes(self, name):
        left = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left != 0


class Pzem:
    """A PZEM-004T v3 at its Modbus address. Its register floors the truth to 1 Wh and power to 0.1
    W.
    """

    def __init__(self, address, world, state=None):
        state = state or {}
        self._world = world
        self.address = state.get("address", address)
        self.general = _GENERAL
        self.energy = Tally(state.get("wh", 0), state.get("residual", 0))
        self.faults = Faults(state.get("faults"))
        self.load = None
        self.voltage_dv = 2300
        self.power_factor = 98  # in 0.01, of loads that have none of their own
        self.behind = False  # it measures the voltage behind the contact
        self._reader = Reader()
        self._frozen = None

    def add(self, units):
        self.energy.add(units)

    @property
    def register_wh(self):
        return self.energy.wh % _REGISTER_END_WH

    def swap(self, register_wh):
        """Another module takes its place, with another register."""
        self.energy = Tally(register_wh)

    def answer(self, frame, count, reply):
        """Write the reply to a request into `reply`: its length, 0 for silence."""
        if count != 8 and count != 4 or self.faults.dead:
            return 0
        if frame[0] != self.address and frame[0] != self.general:
            return 0
        if crc16(frame, count) != 0:  # of a frame with its CRC behind it
            return 0
        if self.faults.takes("lost"):
            return 0
        if count == 4 and frame[1] == _RESET_ENERGY:
            self.energy = Tally()
            size = 2
        elif frame[1] == _READ_INPUT and frame[2] == 0 and frame[4] == 0:
            size = self._read_input(frame[3], frame[5], reply)
        elif frame[1] in (_READ_HOLDING, _WRITE_HOLDING) and frame[3] == _ADDRESS_REGISTER:
            size = self._own_address(frame, reply)
        else:
            size = self._refuse(frame[1], 1, reply)
        reply[0] = frame[0]
        if size == 2:
            reply[1] = _RESET_ENERGY
        struct.pack_into("<H", reply, size, crc16(reply, size))
        if self.faults.takes("garbled"):
            reply[size // 2] ^= 0x24
        return size + 2

    def _read_input(self, first, registers, reply):
        if registers == 0 or first + registers > 10:
            return self._refuse(_READ_INPUT, 2, reply)
        values = self._measure()
        if self.faults.stuck:
            values = self._frozen = self._frozen or values
        else:
            self._frozen = None
        reply[1] = _READ_INPUT
        reply[2] = 2 * registers
        for i in range(registers):
            struct.pack_into(">H", reply, 3 + 2 * i, values[first + i])
        return 3 + 2 * registers

    def _own_address(self, frame, reply):
        if frame[1] == _READ_HOLDING:
            reply[1] = _READ_HOLDING
            reply[2] = 2
            reply[3] = 0
            reply[4] = self.address
            return 5
        if not 0 < frame[5] < _GENERAL:
            return self._refuse(_WRITE_HOLDING, 3, reply)
        self.address = frame[5]
        reply[1:6] = memoryview(frame)[1:6]
        return 6

    def _refuse(self, function, code, reply):
        reply[1] = function | 0x80
        reply[2] = code
        return 3

    def _measure(self):
        self.load.settle(self._world.ticks)
        reader = self._reader
        power = self.load.power_dw
        apparent = self.load.apparent
        factor = self.power_factor
        if power < _START_DW:
            power = 0
            apparent = apparent and 0
        reader.noise = self.faults.noise
        reader.read(
            power, power if apparent is None else apparent, self.voltage_dv, self._world.random
        )
        power, current_ma = reader.power_dw, reader.current_ma
        if apparent is None:
            current_ma = current_ma * 100 // factor
        elif power:
            factor = power * 100000 // max(1, current_ma * self.voltage_dv)
        wh = self.register_wh
        return (
            0 if self.behind and not self.load.closed else self.voltage_dv,
            current_ma & 0xFFFF,
            current_ma >> 16,
            power & 0xFFFF,
            power >> 16,
            wh & 0xFFFF,
            wh >> 16,
            _FREQUENCY_DHZ,
            min(factor, 100) if power else 0,
            0,
        )

    def state(self):
        return {
            "address": self.address,
            "wh": self.energy.wh,
            "residual": self.energy.residual,
            "faults": dict(self.faults.__dict__),
        }


class S0Meter:
    """A DIN-rail meter with a pulse output on a pin. It pulses whether or not anybody counts."""

    def __init__(self, pin, imp_per_kwh, world, state=None):
        state = state or {}
        self.pin = pin
        self.pulses = state.get("pulses", 0)
        self.faults = Faults(state.get("faults"))
        self.load = None
        self._world = world
        self._units = _UNITS_PER_KWH // imp_per_kwh
        self._residual = state.get("residual", 0)

    def add(self, units):
        units += self._residual
        if not self.faults.dead:
            self.pulses = (self.pulses + units // self._units) & 0x3FFFFFFF
        self._residual = units % self._units

    def pulses_now(self):
        self.load.settle(self._world.ticks)
        return self.pulses

    def state(self):
        return {
            "pulses": self.pulses,
            "residual": self._residual,
            "faults": dict(self.faults.__dict__),
        }
