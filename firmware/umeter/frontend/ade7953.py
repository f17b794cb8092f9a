"""ADE7953 metering chips on I2C or SPI: two currents, one voltage.

Registers have 16 bits of address, whose upper byte says how many bytes they have: 0x0xx one, 0x1xx
two, 0x2xx three, 0x3xx the same with four. I2C address 0x38. On SPI (mode 0, 1 MHz) 0x80 after the
address reads and 0x00 writes. Most significant byte first, signed ones in two's complement, the
phase in sign and magnitude. (ADE7953 data sheet, rev. B.)

The chip's default is to clear its energy when it is read. That is turned off (LCYCMODE bit 6):
differences of a register that only counts lose nothing when a read is spoilt. Each is compared
with what the chip says it has sent (LAST_RWDATA), and stands between two reads of the checksum of
the chip's settings (0x37F): a chip that was reset, or a wire that is dead, cannot show that.

Energy that flows back is not consumption: ACCMODE counts only what is positive, the power is
signed.
"""

from micropython import const

from umeter.core.calibration import scaled
from umeter.core.sample import Sample

# A count is 64 of the chip's, whose energy is no whole number of units.
_CHIP_COUNTS_SHIFT = const(6)
MODULUS = const(0x1000000)

_ADDRESS = const(0x38)
_READ = const(0x80)
_CONFIG = const(0x102)
_CONFIG_VALUE = const(0x0104)  # interface locked, checksum on, high-pass filter on
_CONFIG_RESET = const(0x8004)
_WATT = const(0x212)
_CURRENT = const(0x21A)
_VOLTAGE = const(0x21C)
_ENERGY = const(0x21E)
_LAST = const(0x2FF)
_CHECKSUM = const(0x37F)
_24_BITS = const(0xFFFFFF)
_SIGN = const(0x800000)

# Register (2 bytes) and value (3): unlock and the setting that the data sheet requires, CONFIG,
# LCYCMODE, ACCMODE, no-load detection off while its threshold is set.
_FIRST = (
    b"\x00\xfe\x00\x00\xad\x01\x20\x00\x00\x30\x01\x02\x00\x01\x04\x00\x04\x00\x00\x00"
    b"\x02\x01\x00\x00\x05\x00\x01\x00\x00\x07"
)
_UNLOCK = const(0xFE)  # cannot be read back
_WRITES = const(3)
_SURE = const(5)
_BACK = const(0xFF0000)
_START_DW = const(20)  # as the chip is told: less is noise, whose half above zero would be booked
_SMALL_MASK = const(0x3FFFFFFF)
_SILENT_END_MS = const(0x1FFFFFFF)


def sample(channel):
    """The Sample of a channel of board.json."""
    return Sample(channel["units"], MODULUS, False, True)


def attach(port, members):
    """What polls the chips of one bus. port: a machine.I2C or hal/spi.py's; members: [(channel of
    board.json, Sample)]. A chip is a select pin; on I2C there is but one.
    """
    chips = {}
    for member in members:
        chips.setdefault(member[0].get("cs"), []).append(member)
    return [
        Ade7953(_I2c(port) if cs is None else _Spi(port.spi, port.pin(cs, 1)), chips[cs])
        for cs in chips
    ]


class _I2c:
    """OSError when the chip does not answer."""

    def __init__(self, i2c):
        self._i2c = i2c

    def read(self, register, buf):
        self._i2c.readfrom_mem_into(_ADDRESS, register, buf, addrsize=16)

    def write(self, register, buf):
        self._i2c.writeto_mem(_ADDRESS, register, buf, addrsize=16)


class _Spi:
    def __init__(self, spi, select):
        self._spi = spi
        self._select = select
        self._head = bytearray(3)

    def _open(self, register, what):
        head = self._head
        head[0] = register >> 8
        head[1] = register & 0xFF
        head[2] = what
        self._select(0)
        self._spi.write(head)

    def read(self, register, buf):
        self._open(register, _READ)
        self._spi.readinto(buf)
        self._select(1)

    def write(self, register, buf):
        self._open(register, 0)
        self._spi.write(buf)
        self._select(1)


class Ade7953:
    """One chip: one of its currents a tick. `link` has read(register, buf) and write(register,
    buf); they may raise OSError.
    """

    def __init__(self, link, members):
        self._link = link
        self._samples = [sample for _, sample in members]
        self._members = [
            (channel["b"], channel["watt"], channel["amp"], channel["volt"], channel["lap_ms"])
            for channel, _ in members
        ]
        self._bufs = [bytearray(size) for size in (1, 2, 3, 4)]
        self._plan = bytearray(_FIRST)
        self._add(0x203, members[0][0]["no_load"])
        self._add(0x001, 0)
        self._add(0x007, members[0][0]["pga_v"])
        self._tuned_at = len(self._plan)
        for channel, _ in members:
            b = channel["b"]
            self._add(0x108 + b, 0)  # PHCAL and WATTOS, see _tune
            self._add(0x289 + 12 * b, 0)
            self._add(0x008 + b, channel["pga"])
        self._tuned = [None] * len(members)
        self._last = [-1] * len(members)  # the chip's count; -1: to be read first
        self._total = [0] * len(members)
        self._checksum = bytearray(4)
        self._at = 0  # of the plan, while it is written
        self._running = False
        self._lost = False
        self._slot = 0

    def _add(self, register, value):
        self._plan += bytes(
            (register >> 8, register & 0xFF, value >> 16, value >> 8 & 0xFF, value & 0xFF)
        )

    def poll(self, dt_ms):
        """Read one current, or go on with setting the chip up. `dt_ms`: since the last call."""
        for sample in self._samples:
            if sample.silent_ms < _SILENT_END_MS:
                sample.silent_ms += dt_ms
        slot = self._slot
        sample = self._samples[slot]
        try:
            good = self._read_input(slot, sample) if self._running else self._set_up()
        except OSError:
            good = False
        if not good:
            sample.bad_frames = (sample.bad_frames + 1) & _SMALL_MASK
        slot += 1
        self._slot = slot if slot < len(self._samples) else 0

    def _read(self, register):
        buf = self._bufs[register >> 8]
        self._link.read(register, buf)
        value = 0
        for byte in buf:
            value = value << 8 | byte
        return value

    def _set_up(self):
        """Write some more of the plan. False when the chip did not take it."""
        plan = self._plan
        at = self._at
        if at == len(plan):
            return self._keep_checksum()
        if not at:
            self._tune()
        self._at = 0  # from the start again if anything fails
        for _ in range(_WRITES):
            register = plan[at] << 8 | plan[at + 1]
            buf = self._bufs[plan[at]]
            for i in range(len(buf)):
                buf[i] = plan[at + 5 - len(buf) + i]
            self._link.write(register, buf)
            value = plan[at + 2] << 16 | plan[at + 3] << 8 | plan[at + 4]
            at += 5
            if register != _UNLOCK and self._read(register) != value:
                return False
            if at == len(plan):
                break
        self._at = at
        return True

    def _keep_checksum(self):
        """A tick after the last write, the checksum is what it will be."""
        self._at = 0
        self._link.read(_CHECKSUM, self._checksum)
        self._link.read(_CHECKSUM, self._bufs[3])
        if self._checksum != self._bufs[3] or self._read(_CONFIG) != _CONFIG_VALUE:
            return False
        if self._lost:
            self._lost = False
            for i in range(len(self._samples)):
                self._last[i] = -1
                self._samples[i].rewritten = 1
        self._running = True
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
                offset = tuning.offset & _24_BITS
                phase = tuning.phase
                if phase < 0:
                    phase = -phase | 0x200
            plan[at + 3] = phase >> 8
            plan[at + 4] = phase & 0xFF
            plan[at + 7] = offset >> 16
            plan[at + 8] = offset >> 8 & 0xFF
            plan[at + 9] = offset & 0xFF
            at += 15

    def _is_set(self):
        """Are the settings those that were written? If they surely are not, they are written
        anew.
        """
        buf = self._bufs[3]
        for _ in range(_SURE):
            self._link.read(_CHECKSUM, buf)
            if buf == self._checksum:
                return True
            config = self._read(_CONFIG)
            if config != _CONFIG_VALUE and config != _CONFIG_RESET:
                return False  # the wire says anything
        self._running = False
        self._lost = True
        return False

    def _read_input(self, slot, sample):
        if sample.tuning is not self._tuned[slot]:
            self._running = False
            return True
        b, watt, amp, volt, lap_ms = self._members[slot]
        if not self._is_set():
            return False
        energy = self._read(_ENERGY + b)
        good = energy == self._read(_LAST)
        power = self._read(_WATT + b)
        good = good and power == self._read(_LAST)
        current = self._read(_CURRENT + b)
        voltage = self._read(_VOLTAGE)
        if not self._is_set() or not good:
            return False
        if power & _SIGN:
            power_dw = -(_times(_24_BITS + 1 - power, watt) >> 8)
        else:
            power_dw = _times(power, watt) >> 8
        last = self._last[slot]
        counts = (energy - last) & _24_BITS if last >= 0 else 0
        if counts > _BACK:
            return False  # a spoilt one has passed before: until it is made good
        self._last[slot] = energy
        tuning = sample.tuning
        if tuning is not None:
            power_dw = scaled(power_dw, tuning.gain_ppm)
            if -tuning.creep_dw < power_dw < tuning.creep_dw:
                power_dw = counts = 0
        if -_START_DW < power_dw < _START_DW:
            power_dw = 0
        total = (self._total[slot] + counts) & _SMALL_MASK
        self._total[slot] = total
        if sample.silent_ms >= lap_ms:
            sample.rewritten = 1  # how often the count came round, nobody knows: it is told
        sample.count = total >> _CHIP_COUNTS_SHIFT
        sample.power_dw = power_dw
        sample.voltage_dv = _times(voltage, volt) >> 12
        sample.current_ma = _times(current, amp) >> 12
        sample.silent_ms = 0
        sample.fresh = (sample.fresh + 1) & _SMALL_MASK
        return True


def _times(value, factor):
    """value x factor / 2**12, for a value of 24 bits and a factor below 2**18, without leaving the
    small ints.
    """
    return (value >> 12) * factor + ((value & 0xFFF) * factor >> 12)
