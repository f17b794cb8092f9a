"""The ATM90E32AS at its registers: frames of 32 clocks, energy that a complete read clears, and
settings that are lost with its supply.
"""

from array import array

from chip_meter import Frame, Meter
from micropython import const

_UNITS_PER_COUNT = const(112500)
_LAST = const(0x78)
_ACCESS = const(0x7F)
_SOFT_RESET = const(0x70)
_GAIN = const(0x8000)
_PHI_URAD = const(153)  # of one step of 1/2.048 MHz at 50 Hz
_DEFAULTS = (
    (0x05, 0x143F), (0x31, 0x0861), (0x32, 0xC468), (0x33, 0x0087), (0x61, _GAIN), (0x62, _GAIN),
    (0x65, _GAIN), (0x66, _GAIN), (0x69, _GAIN), (0x6A, _GAIN),
)  # fmt: skip


class _Phase:
    """One phase: its forward and reverse energy, 16 bits each, in 10/3200 Wh."""

    def __init__(self, chip, channel, world, state):
        self._chip = chip
        self.number = "abc".index(channel["input"])
        self.times = channel["times"]
        self.right = channel["u_gain"], channel["i_gain"]
        self.residual = state.get("residual", 0)
        self.forward = state.get("forward", 0)
        self.reverse = state.get("reverse", 0)
        self.meter = Meter(world, state.get("meter", {}), self.count)

    def count(self, units):
        registers = self._chip.registers
        if not registers[0]:
            return
        self.residual += self.gained(units)
        lsb = _UNITS_PER_COUNT * self.times
        if self.residual >= lsb:
            self.forward = (self.forward + self.residual // lsb) & 0xFFFF
            self.residual %= lsb
        elif self.residual <= -lsb:
            self.reverse = (self.reverse + -self.residual // lsb) & 0xFFFF
            self.residual = -(-self.residual % lsb)

    def gained(self, value):
        """What the chip makes of a product of voltage and current with the gains it has."""
        return self.of(self.of(value, 0), 1)

    def of(self, value, which):
        gain = self._chip.registers[0x61 + 4 * self.number + which]
        right = self.right[which]
        return value if gain == right else value * gain // right

    def clear(self):
        self.residual = self.forward = self.reverse = 0

    def tune(self):
        registers = self._chip.registers
        phi = registers[0x48 + 2 * self.number]
        steps = phi & 0x3FF
        self.meter.corrected_urad = (-steps if phi & 0x8000 else steps) * _PHI_URAD
        offset = registers[0x41 + 2 * self.number]
        self.meter.corrected_mw = ((offset ^ 0x8000) - 0x8000) * 8 // 25
        self.meter.start_mw = registers[0x38] * 8 // 25 * self.times

    def state(self):
        return {
            "residual": self.residual,
            "forward": self.forward,
            "reverse": self.reverse,
            "meter": self.meter.state(),
        }


class Chip:
    """registers: what has been written, by address. `meters`: one for each channel."""

    def __init__(self, world, group, state=None):
        state = state or {}
        channels = group["channels"]
        self.cs = channels[0]["cs"]
        self.selected = False
        self.registers = array("H", state.get("registers", [0] * 256))
        was = state.get("phases", [{}] * len(channels))
        self._phases = [_Phase(self, channels[i], world, was[i]) for i in range(len(channels))]
        self.meters = [phase.meter for phase in self._phases]
        self._frame = Frame(self.meters)
        self._bytes = 0
        self._address = 0
        self._data = 0
        if state:
            self._tune()
        else:
            self.reset()

    def reset(self):
        """Its supply failed, or it was told to: settings and energy are gone."""
        for i in range(len(self.registers)):
            self.registers[i] = 0
        for address, value in _DEFAULTS:
            self.registers[address] = value
        for phase in self._phases:
            phase.clear()
        self._tune()

    def state(self):
        phases = [phase.state() for phase in self._phases]
        return {"registers": list(self.registers), "phases": phases}

    def _tune(self):
        for phase in self._phases:
            phase.tune()

    def select(self, active):
        if active and not self.selected:
            self._bytes = 0
            self._frame.begin()
        elif self.selected and not active and self._bytes == 4 and not self._frame.mute:
            self._commit()
        self.selected = bool(active)

    def exchange(self, byte):
        at = self._bytes
        self._bytes = at + 1
        if at < 2:
            self._address = (self._address << 8 | byte) & 0xFFFF
            if at == 1 and self._address & 0x8000:
                self._data = self._value(self._address & 0x3FF)
            return 0xFF
        if not self._address & 0x8000:
            self._data = (self._data << 8 | byte) & 0xFFFF
            return 0xFF
        if self._frame.mute or at == 3 and self._frame.garbled:
            return 0xFF
        return self._data >> 8 if at == 2 else self._data & 0xFF

    def _commit(self):
        """The frame was complete: only now a read has been one."""
        registers = self.registers
        address = self._address & 0x3FF
        if self._address & 0x8000:
            for phase in self._phases:
                if address == 0x81 + phase.number:
                    phase.forward = 0
                elif address == 0x85 + phase.number:
                    phase.reverse = 0
        elif address == _SOFT_RESET:
            if self._data == 0x789A:
                self.reset()
        elif address == _ACCESS or address < 0x70 and registers[_ACCESS] == 0x55AA:
            registers[address] = self._data
            self._tune()
        registers[_LAST] = self._data

    def _value(self, address):
        if address < 0x80:
            return self.registers[address]
        for phase in self._phases:
            kind = address - phase.number
            if kind in (0x81, 0x85, 0xB1, 0xC1, 0xD9, 0xDD):
                phase.meter.refresh()
                return self._measured(phase, kind)
        return 0

    def _measured(self, phase, kind):
        meter = phase.meter
        if kind == 0x81:
            return phase.forward
        if kind == 0x85:
            return phase.reverse
        if not self.registers[0]:
            return 0
        if kind == 0xD9:
            return min(0xFFFF, phase.of(meter.voltage_dv * 10, 0))
        if kind == 0xDD:
            return min(0xFFFF, phase.of(meter.current_ma, 1) // phase.times)
        raw = phase.gained(meter.power_mw) * 25 // 8 // phase.times
        return (raw >> 16 if kind == 0xB1 else raw) & 0xFFFF
