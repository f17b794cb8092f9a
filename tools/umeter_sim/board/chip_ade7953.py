"""The ADE7953 at its registers, behind I2C or SPI: settings with a checksum, energy that is
cleared by reading it unless that was turned off.
"""

from binascii import crc32

from chip_meter import Frame, Meter
from micropython import const

_ADDRESS = const(0x38)
_MASK = const(0xFFFFFF)
_CONFIG = const(0x102)
_LAST = const(0x2FF)
_FULL_COUNTS = const(206900)
_PHCAL_URAD = const(351)  # of one step of 1.117 us at 50 Hz
_UNSET_PPM = const(15000)  # without the setting that the data sheet requires
_DEFAULTS = {
    0x001: 0, 0x004: 0x40, 0x007: 0, 0x008: 0, 0x009: 0, _CONFIG: 0x8004, 0x108: 0, 0x109: 0,
    0x120: 0, 0x201: 0, 0x203: 0xE419, 0x289: 0, 0x295: 0,
}  # fmt: skip


class _Input:
    """One current: its energy with 24 bits, 64 of it for `units`."""

    def __init__(self, chip, channel, world, state):
        self._chip = chip
        self.b = channel["b"]
        self.units = channel["units"]
        self.right_pga = channel["pga"], channel["pga_v"]
        self.watt = (1 << 30) // channel["watt"]  # register of 1024 x 0.1 W
        self.amp = (1 << 34) // channel["amp"]  # of 1024 mA
        self.volt = (1 << 30) // channel["volt"]  # of 64 x 0.1 V
        self.full_mw = channel["units"] * _FULL_COUNTS // 640
        self.residual = state.get("residual", 0)
        self._whole = state.get("whole", 0)
        self.meter = Meter(world, state.get("meter", {}), self.count)

    def count(self, units):
        mode = self._chip.registers[0x201] >> 2 * self.b & 3
        if mode == 1 and self.meter.backward:
            return
        if not self._chip.registers[0x120]:
            units -= units // 1000 * (_UNSET_PPM // 1000)
        self.residual += units
        whole = self.residual // self.units
        if whole:
            self._whole = (self._whole + (whole << 6)) & _MASK
            self.residual -= whole * self.units

    def energy(self):
        return (self._whole + (self.residual << 6) // self.units) & _MASK

    def clear(self):
        """Read with reset: what is less than a count stays."""
        self._whole = -((self.residual << 6) // self.units) & _MASK

    def power_off(self):
        self.residual = self._whole = 0

    def tune(self):
        registers = self._chip.registers
        phase = registers[0x108 + self.b]
        steps = phase & 0x1FF
        self.meter.corrected_urad = (-steps if phase & 0x200 else steps) * _PHCAL_URAD
        offset = registers[0x295 if self.b else 0x289]
        self.meter.corrected_mw = (offset ^ 0x800000) - 0x800000
        ratio = (65536 - registers[0x203]) * 7 // 5
        self.meter.start_mw = 0 if registers[1] & 1 else self.full_mw // max(1, ratio)

    def value(self, kind):
        meter = self.meter
        meter.refresh()
        if kind == 0x21E:
            return self.energy()
        if kind == 0x21A:
            current = meter.current_ma
            return (current >> 10) * self.amp + ((current & 1023) * self.amp >> 10)
        power = meter.power_mw // 100
        raw = (abs(power) >> 10) * self.watt + ((abs(power) & 1023) * self.watt >> 10)
        return (-raw if power < 0 else raw) & _MASK

    def state(self):
        return {"residual": self.residual, "whole": self._whole, "meter": self.meter.state()}


class Chip:
    """registers: settings by their 8, 16 or 24-bit address. `meters`: one for each channel."""

    def __init__(self, world, group, state=None):
        state = state or {}
        channels = group["channels"]
        self.registers = dict(_DEFAULTS)
        was = state.get("inputs", [{}] * len(channels))
        self._inputs = [_Input(self, channels[i], world, was[i]) for i in range(len(channels))]
        self.meters = [each.meter for each in self._inputs]
        self.frame = Frame(self.meters)
        self._checksum = bytearray(b"\xff\xff\xff\xff")
        self._unlocked = False
        self._out = [bytearray(size) for size in range(5)]
        self._last = 0
        if "cs" in channels[0]:
            self.faces = (_SpiFace(self, channels[0]["cs"]),)
        else:
            self.faces = (_I2cFace(self),)
        for address, value in state.get("registers", ()):
            self.registers[address] = value
        self._set()

    def reset(self):
        """Its supply failed: settings and energy are gone."""
        self.registers.update(_DEFAULTS)
        for each in self._inputs:
            each.power_off()
        self._set()

    def state(self):
        return {
            "registers": [[address, self.registers[address]] for address in self.registers],
            "inputs": [each.state() for each in self._inputs],
        }

    def _set(self):
        for each in self._inputs:
            each.tune()
        checksum = 0xFFFFFFFF
        if self.registers[_CONFIG] & 0x100:
            checksum = crc32(repr(sorted(self.registers.items())).encode())
        for i in range(4):
            self._checksum[i] = checksum >> (24 - 8 * i) & 0xFF

    def write(self, address, value, size):
        """A register of `size` bytes was written."""
        if address >= 0x300:
            address -= 0x100
        if size != (address >> 8) + 1 and size != 4:
            return
        self._last = value
        unlocked = self._unlocked
        self._unlocked = address == 0xFE and value == 0xAD
        if address in self.registers and (address != 0x120 or unlocked):
            self.registers[address] = value & _MASK
            self._set()

    def fetch(self, address, size):
        """The `size` bytes that a read of a register gives, in a buffer that is used again."""
        out = self._out[size]
        if address == 0x37F:
            for i in range(size):
                out[i] = self._checksum[i]
            return out
        if address >= 0x300:
            address -= 0x100
        if address == _LAST:
            value = self._last
        else:
            value = self._last = self._value(address)
        for i in range(size):
            out[size - 1 - i] = value & 0xFF
            value >>= 8
        return out

    def _value(self, address):
        if address in self.registers:
            return self.registers[address]
        if address == 0x21C:
            each = self._inputs[0]
            volts = each.meter.voltage_dv
            return (volts >> 6) * each.volt + ((volts & 63) * each.volt >> 6)
        for each in self._inputs:
            kind = address - each.b
            if kind in (0x212, 0x21A, 0x21E):
                value = each.value(kind)
                if kind == 0x21E and self.registers[4] & 0x40:
                    each.clear()
                return value
        return 0


class _I2cFace:
    address = _ADDRESS

    def __init__(self, chip):
        self._chip = chip
        self._register = 0

    def write(self, data):
        chip = self._chip
        chip.frame.begin()
        if chip.frame.mute or len(data) < 2:
            return False
        self._register = data[0] << 8 | data[1]
        if len(data) > 2:
            value = 0
            for i in range(2, len(data)):
                value = value << 8 | data[i]
            chip.write(self._register, value, len(data) - 2)
        return True

    def read(self, count):
        chip = self._chip
        if chip.frame.mute:
            return None
        data = chip.fetch(self._register, count)
        if chip.frame.garbled:
            data[count - 1] = 0xFF
        return data


class _SpiFace:
    def __init__(self, chip, cs):
        self._chip = chip
        self.cs = cs
        self.selected = False
        self._bytes = 0
        self._register = 0
        self._reads = False
        self._value = 0
        self._data = None

    def select(self, active):
        chip = self._chip
        if active and not self.selected:
            self._bytes = self._register = self._value = 0
            chip.frame.begin()
        elif self.selected and not active and not self._reads and self._bytes > 3:
            if not chip.frame.mute:
                chip.write(self._register, self._value, self._bytes - 3)
        self.selected = bool(active)

    def exchange(self, byte):
        at = self._bytes
        self._bytes = at + 1
        chip = self._chip
        if at < 2:
            self._register = self._register << 8 | byte
        elif at == 2:
            self._reads = byte & 0x80 != 0
            if self._reads and not chip.frame.mute:
                self._data = chip.fetch(self._register, min(4, (self._register >> 8) + 1))
        elif not self._reads:
            self._value = self._value << 8 | byte
        elif not chip.frame.mute and at - 3 < len(self._data):
            if not chip.frame.garbled or at - 3 < len(self._data) - 1:
                return self._data[at - 3]
        return 0xFF
