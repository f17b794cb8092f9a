"""What BL0942 and BL0906 have in common: a UART on which chips are asked in turn, registers of 24
bits with the lowest byte first, a check byte that is the inverted sum, and a count of energy that
a dip of the supply sets back to 0 together with all settings.
"""

from micropython import const

from umeter.core.calibration import scaled

MODULUS = const(0x1000000)  # of the chips' counts

_MASK = const(0xFFFFFF)
_SIGN = const(0x800000)
_LONGEST = const(23)
# Just under one tick of 100 ms, so that a chip that does not answer costs its own slot only.
_REPLY_MS = const(90)
_MISSES_TO_REST = const(3)
_REST_SCANS = const(10)
_POWER_END_DW = const(262_143)  # such a power x 4 s is still a small int
_SMALL_MASK = const(0x3FFFFFFF)
_SILENT_END_MS = const(0x1FFFFFFF)


def word(frame, at):
    """The register of 24 bits that begins at frame[at]."""
    return frame[at] | frame[at + 1] << 8 | frame[at + 2] << 16


def times(value, ratio):
    """value (0 .. 2**24 - 1) x ratio, rounded down. ratio: [k, s] for k / 2**(12 + s), with k
    below 2**17 (tools/umeter_deploy/analog.py); never leaves the small ints.
    """
    k = ratio[0]
    return ((value >> 12) * k + ((value & 0xFFF) * k >> 12)) >> ratio[1]


class Input:
    """One channel's registers, brought into its Sample.

    The count in the Sample goes on where the chip's began anew at 0: that is not a wrap, and what
    it has counted since then was drawn. Whether it did so only the chip's settings can tell, so a
    count that went back is not believed before somebody has looked at them (`settle`).
    """

    def __init__(self, channel, sample):
        self.sample = sample
        self.tuned = None
        self.channel = channel
        self._power = channel["power"]
        self._raw = -1
        self._pending = -1
        self._lost = False
        self._base = 0

    def power(self, raw):
        """Take the power register, which is signed."""
        sample = self.sample
        value = min(times(MODULUS - raw if raw & _SIGN else raw, self._power), _POWER_END_DW)
        tuning = sample.tuning
        if tuning is not None:
            value = min(scaled(value, tuning.gain_ppm), _POWER_END_DW)
        sample.power_dw = -value if raw & _SIGN else value

    def count(self, raw):
        """Take the count register. False: it went back, `settle` has to follow."""
        if raw < self._raw and not self._lost:
            self._pending = raw
            return False
        self._accept(raw)
        return True

    def settle(self, intact):
        """The chip has been looked at: it has (intact) or has lost the settings given to it."""
        if not intact:
            self._lost = True
        if self._pending >= 0:
            self._accept(self._pending)

    def _accept(self, raw):
        sample = self.sample
        if self._lost and raw < self._raw:
            self._base = sample.count
        self._lost = False
        self._raw = raw
        self._pending = -1
        sample.count = (self._base + raw) & _MASK
        sample.silent_ms = 0
        sample.fresh = (sample.fresh + 1) & _SMALL_MASK


class Line:
    """Asks the chips of one UART in turn, one transaction a tick, and never waits.

    `uart` has `any()`, `readinto(buf)` and `write(buf)`, none of which may block. A chip has
    `inputs`, `ask(line)`, which calls read() or store() and returns the bytes to expect, and
    `take(frame)`, False for a frame that cannot be. One that missed three requests rests, and is
    asked in every tenth scan only. counted: the command byte is part of what is summed up.
    """

    def __init__(self, uart, chips, counted):
        self._uart = uart
        self._chips = chips
        self._counted = counted
        self._misses = bytearray(len(chips))
        self._slot = len(chips) - 1
        self._scan = 0
        self._expected = 0
        self._waited_ms = 0
        self._sum = 0
        self._frame = bytearray(_LONGEST)
        self._request = bytearray(2)
        self._order = bytearray(6)

    def read(self, command, register, size, beside=0):
        """Ask for `size` bytes. beside: what of the request is not in the reply's sum."""
        request = self._request
        request[0] = command
        request[1] = register
        self._sum = register - beside
        if self._counted:
            self._sum += command
        self._uart.write(request)
        return size

    def store(self, command, register, value):
        """Write a register: there is no reply, it has to be read back."""
        order = self._order
        order[0] = command
        order[1] = register
        order[2] = value & 0xFF
        order[3] = value >> 8 & 0xFF
        order[4] = value >> 16
        total = command if self._counted else 0
        for i in range(1, 5):
            total += order[i]
        order[5] = ~total & 0xFF
        self._uart.write(order)

    def poll(self, dt_ms):
        """Take the reply and send the next request. `dt_ms` is the time since the last call."""
        for chip in self._chips:
            for one in chip.inputs:
                if one.sample.silent_ms < _SILENT_END_MS:
                    one.sample.silent_ms += dt_ms
        if self._expected:
            self._waited_ms += dt_ms
            got = self._uart.any()
            if got < self._expected and self._waited_ms < _REPLY_MS:
                return
            good = self._receive(got)
            self._expected = 0
            if not good:
                return  # the rest of a garbled reply may still come: let the line fall silent
        self._ask()

    def _receive(self, got):
        """Judge the `got` bytes that came in time. False when they were no whole frame for us."""
        slot = self._slot
        if not got:
            if self._misses[slot] < _MISSES_TO_REST:
                self._misses[slot] += 1
            return True
        self._misses[slot] = 0
        frame = self._frame
        self._uart.readinto(frame)
        chip = self._chips[slot]
        if got == self._expected:
            total = self._sum
            for i in range(got):
                total += frame[i]
            # The last byte inverts the sum of all before it.
            if total & 0xFF == 0xFF and chip.take(frame):
                return True
        for one in chip.inputs:
            one.sample.bad_frames = (one.sample.bad_frames + 1) & _SMALL_MASK
        return False

    def _ask(self):
        uart = self._uart
        if uart.any():
            # What comes late or from nowhere must not be read as the next reply. One gulp a tick:
            # a line that never falls silent must not hold the tick.
            uart.readinto(self._frame)
            if uart.any():
                return
        slot = self._slot
        for _ in self._chips:
            slot += 1
            if slot == len(self._chips):
                slot = 0
                self._scan = (self._scan + 1) % _REST_SCANS
            if self._misses[slot] < _MISSES_TO_REST or (self._scan + slot) % _REST_SCANS == 0:
                self._slot = slot
                self._waited_ms = 0
                self._expected = self._chips[slot].ask(self)
                return
