"""ATM90E32AS polyphase metering chips on SPI, three currents and three voltages each.

SPI mode 3 at 1 MHz; a frame is 16 bits of address (bit 15 reads) and 16 of data, one register
each, most significant byte first. The data sheet's pause after select is far below what
MicroPython itself takes. Per phase: voltage 0.01 V, current 1 mA, active power 0.00032 W, signed,
in two words; forward energy in 10/3200 Wh with 16 bits (full at 204.8 Wh), which a complete read
clears (M90E32AS data sheet and application note 46103, as used in CircuitSetup's and ESPHome's
drivers).

Energy that a read has cleared is nowhere else but in LastSPIData (0x78), the data of the chip's
last complete frame. So a count is taken when 0x78 agrees with it; if the bus spoils one of both,
0x78 is read again, and nothing else, until two readings agree. Each count is preceded by a read of
a register that is known (SagPeakDetCfg, 0xFF3F, a count that cannot be): finding that in 0x78
says that the chip has not seen the read, and cleared nothing.

Energy that flows back is not consumption: its registers are not read, its power is negative.
"""

from micropython import const

from umeter.core.calibration import scaled
from umeter.core.sample import Sample

UNITS_PER_COUNT = const(112_500)  # 10/3200 Wh in 0.1 W x ms
MODULUS = const(1_000_000_000)  # our own wrap of the count, below the end of small ints

_GUARD = const(0x05)
_GUARD_VALUE = const(0xFF3F)
_WITNESS = const(0x32)  # PLconstL has this value after a reset, too
_WITNESS_VALUE = const(0xC468)
_SURE = const(5)
_RESET = const(0x70)
_LAST = const(0x78)
_ACCESS = const(0x7F)
_ENERGY = const(0x81)
_POWER_HIGH = const(0xB1)
_POWER_LOW = const(0xC1)
_VOLTAGE = const(0xD9)
_CURRENT = const(0xDD)
_ALL_ONES = const(0xFFFF)

# MeterEn, SagPeakDetCfg, PLconst (3200 imp/kWh), ZXConfig.
_COMMON = b"\x00\x00\x01\x05\xff\x3f\x31\x08\x61\x32\xc4\x68\x07\xd6\x54"
_WRITES = const(4)  # in a tick, each with its check
_POWER_HIGH_END = const(1250)  # x 2**16 x 0.00032 W: 26.2 kW
_START_DW = const(20)  # as the chip is told: less is noise, whose half above zero would be booked
_NO_POWER = const(0x3FFFFFFF)
_SMALL_MASK = const(0x3FFFFFFF)
_SILENT_END_MS = const(0x1FFFFFFF)


def sample(channel):
    """The Sample of a channel of board.json."""
    return Sample(UNITS_PER_COUNT * channel["times"], MODULUS, False, True)


def attach(port, members):
    """What polls the chips of one bus. port: hal/spi.py's; members: [(channel of board.json,
    Sample)]. A chip is a select pin.
    """
    chips = {}
    for member in members:
        chips.setdefault(member[0]["cs"], []).append(member)
    return [Atm90e32(port.spi, port.pin(cs, 1), chips[cs]) for cs in chips]


class Atm90e32:
    """One chip: a phase a tick, 13 frames of about 0.1 ms.

    `spi` has write_readinto(out, in), `select` is called with 0 while a frame lasts. What is
    written to the chip is kept as a list of (register, high byte, low byte), one after the other;
    a register of it is read back in each tick, and one that has changed has all written again.
    """

    def __init__(self, spi, select, members):
        self._spi = spi
        self._select = select
        self._frame = bytearray(4)
        self._samples = [sample for _, sample in members]
        self._phases = bytes("abc".index(channel["input"]) for channel, _ in members)
        channel = members[0][0]
        self._times = channel["times"]
        self._lap_ms = channel["lap_ms"]  # the shortest time in which the count comes round
        start = channel["start"]
        plan = bytearray(_COMMON)
        for register, value in (
            (0x33, channel["mmode0"]),
            (0x34, channel["mmode1"]),
            (0x35, start),  # of all phases together: active, reactive, apparent
            (0x36, start),
            (0x37, start),
            (0x38, start),  # of each
            (0x39, start),
        ):
            plan += bytes((register, value >> 8, value & 0xFF))
        self._tuned_at = len(plan)
        for channel, _ in members:
            phase = "abc".index(channel["input"])
            for register, value in (
                (0x41 + 2 * phase, 0),  # Poffset, and the next is Phi: see _tune
                (0x48 + 2 * phase, 0),
                (0x61 + 4 * phase, channel["u_gain"]),
                (0x62 + 4 * phase, channel["i_gain"]),
            ):
                plan += bytes((register, value >> 8, value & 0xFF))
        self._plan = plan
        self._tuned = [None] * len(members)
        self._at = -1  # of the plan, while it is written; -1: the chip is to be reset first
        self._running = False
        self._lost = False
        self._held = False
        self._slot = 0
        self._walk = 0

    def poll(self, dt_ms):
        """Read one phase, or go on with setting the chip up. `dt_ms`: since the last call."""
        for sample in self._samples:
            if sample.silent_ms < _SILENT_END_MS:
                sample.silent_ms += dt_ms
        slot = self._slot
        sample = self._samples[slot]
        if not self._running:
            good = self._set_up()
        elif self._held or self._is_set(_GUARD, _GUARD_VALUE, _WITNESS, _WITNESS_VALUE):
            good = self._read_phase(slot, sample)
            if not self._held:
                slot += 1
                self._slot = slot if slot < len(self._samples) else 0
                self._check()
        else:
            good = False
        if not good:
            sample.bad_frames = (sample.bad_frames + 1) & _SMALL_MASK

    def _transfer(self, address, high, low):
        frame = self._frame
        frame[0] = address >> 8
        frame[1] = address & 0xFF
        frame[2] = high
        frame[3] = low
        self._select(0)
        self._spi.write_readinto(frame, frame)
        self._select(1)
        return frame[2] << 8 | frame[3]

    def _read(self, register):
        return self._transfer(register | 0x8000, 0, 0)

    def _set_up(self):
        """Write some more of the plan. False when the chip did not take it."""
        plan = self._plan
        at = self._at
        if at < 0:
            self._transfer(_RESET, 0x78, 0x9A)
            self._at = 0
            return True  # it takes 6 ms, the next tick is later
        if at == 0:
            self._tune()
            self._transfer(_ACCESS, 0x55, 0xAA)
        for _ in range(_WRITES):
            high = plan[at + 1]
            low = plan[at + 2]
            self._transfer(plan[at], high, low)
            if self._read(_LAST) != high << 8 | low:
                self._at = -1 if self._lost else 0
                return False
            at += 3
            if at == len(plan):
                self._transfer(_ACCESS, 0, 0)
                self._running = True
                if self._lost:
                    for i in range(len(self._samples)):
                        self._samples[i].rewritten = 1
                        self._read(_ENERGY + self._phases[i])  # counted with other settings
                break
        self._at = at
        return True

    def _tune(self):
        """Put what somebody has calibrated into the plan: offset and phase in units of the chip's
        registers.
        """
        plan = self._plan
        at = self._tuned_at
        for i in range(len(self._samples)):
            tuning = self._samples[i].tuning
            self._tuned[i] = tuning
            offset = phase = 0
            if tuning is not None:
                offset = tuning.offset & 0xFFFF
                phase = tuning.phase
                if phase < 0:
                    phase = -phase | 0x8000
            plan[at + 1] = offset >> 8
            plan[at + 2] = offset & 0xFF
            plan[at + 4] = phase >> 8
            plan[at + 5] = phase & 0xFF
            at += 12

    def _check(self):
        """See that the next register still is as it was written, and the tuning as it was."""
        at = self._walk
        plan = self._plan
        self._is_set(plan[at], plan[at + 1] << 8 | plan[at + 2], _GUARD, _GUARD_VALUE)
        at += 3
        self._walk = at if at < len(plan) else 0
        for i in range(len(self._samples)):
            if self._running and self._samples[i].tuning is not self._tuned[i]:
                self._running = False
                self._lost = False
                self._at = 0

    def _is_set(self, register, value, witness, witness_value):
        """Does the register hold this value? If it surely holds another while the witness is
        right, the chip has lost what was written.
        """
        got = self._read(register)
        if got == value:
            return True
        for _ in range(_SURE):
            if self._read(register) != got or self._read(witness) != witness_value:
                return False
        self._running = False
        self._lost = True
        self._at = -1
        return False

    def _energy(self, phase):
        """Counts since the last reading; -1 if the bus gave none. After a guard, or while held."""
        first = self._read(_LAST if self._held else _ENERGY + phase)
        last = self._read(_LAST)
        if first != last:
            again = self._read(_LAST)
            # A chip that shows nothing there has cleared a count for good: that shall be seen.
            if again != last and again != first or again == 0:
                self._held = again != 0
                return -1
            last = again
        if last == _ALL_ONES:  # the wire is dead: if the count is cleared, it still is there
            self._held = True
            return -1
        self._held = False
        if last != _GUARD_VALUE:
            for _ in range(_SURE):
                # A wire that goes bad from here on may have said the same wrong thing twice.
                if self._read(_GUARD) == _GUARD_VALUE:
                    return last
        return -1

    def _power(self, phase):
        """0.1 W, signed; _NO_POWER if the bus gave none."""
        high = self._read(_POWER_HIGH + phase)
        low = self._read(_POWER_LOW + phase)
        if low != self._read(_LAST) or high != self._read(_POWER_HIGH + phase):
            return _NO_POWER  # spoilt, or the two words are of two measurements
        if high & 0x8000:
            high -= 0x10000
        high *= self._times
        if not -_POWER_HIGH_END <= high < _POWER_HIGH_END:
            return _NO_POWER
        return ((high << 16) + low * self._times) * 2 // 625

    def _read_phase(self, slot, sample):
        phase = self._phases[slot]
        held = self._held
        counts = self._energy(phase)
        if counts < 0:
            return False
        if held:
            # Counted long ago: it is no reading of now.
            sample.count = (sample.count + counts) % MODULUS
            return False
        power_dw = self._power(phase)
        tuning = sample.tuning
        if tuning is not None and power_dw != _NO_POWER:
            power_dw = scaled(power_dw, tuning.gain_ppm)
            if -tuning.creep_dw < power_dw < tuning.creep_dw:
                power_dw = counts = 0
        if -_START_DW < power_dw < _START_DW:
            power_dw = 0
        sample.count = (sample.count + counts) % MODULUS
        voltage = self._read(_VOLTAGE + phase)
        current = self._read(_CURRENT + phase)
        if (
            power_dw == _NO_POWER
            or voltage == _ALL_ONES
            or self._read(_GUARD) != _GUARD_VALUE  # what a dead wire has said is no reading
        ):
            return False
        if sample.silent_ms >= self._lap_ms:
            sample.rewritten = 1  # how often the count came round, nobody knows: it is told
        sample.power_dw = power_dw
        sample.voltage_dv = (voltage + 5) // 10
        sample.current_ma = current * self._times
        sample.silent_ms = 0
        sample.fresh = (sample.fresh + 1) & _SMALL_MASK
        return True
