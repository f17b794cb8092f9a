"""The BL0906 metering chip: six currents and one voltage, alone on a UART.

19200 8N1. Read `35, register` -> 3 bytes, check; write `CA, register, 3 bytes, check`; lowest byte
first, and the command is not part of the sum. For current n, with o = n + 2 for 5 and 6: I_RMS
0C + o, WATT 22 + o (signed), CF_CNT 2F + o. V_RMS 16. 88: anti-creep thresholds, WATT / 2 of the
active power in the lower 12 bits and of the reactive one above (reset value 04C04C); USR_WRPROT 9E
(5555 unlocks) (BL0906 data sheet and application note V1.02). The chip has no memory.
"""

from micropython import const

from umeter.core.sample import Sample
from umeter.frontend.belling import MODULUS, Input, Line, times, word

_READ = const(0x35)
_WRITE = const(0xCA)
_REPLY_BYTES = const(4)
_I_RMS = const(0x0C)
_V_RMS = const(0x16)
_WATT = const(0x22)
_CF_CNT = const(0x2F)
_CREEP = const(0x88)
_USR_WRPROT = const(0x9E)
_UNLOCKED = const(0x5555)
# Reactive energy is not used: its threshold is one off the reset value, so that it tells a chip
# that was reset from one whose count has come round.
_MARK = const(0x04D000)
_CREEP_RESET = const(0x04C)
_CREEP_END = const(0xFFF)

_SCAN = const(0)
_CHECK = const(1)
_SETTINGS = const(2)


def sample(channel):
    """The Sample of a channel of board.json."""
    return Sample(channel["units"], MODULUS)


def attach(uart, members):
    """What polls the channels on one bus. members: [(channel of board.json, Sample)]."""
    return [Line(uart, [Chip([Input(channel, sample) for channel, sample in members])], False)]


class Chip:
    """Reads power and count of every input, then one of the other registers in their turn, and
    begins again: 1.3 s for six inputs.

    There is one creep threshold for all inputs: the largest that is set.
    """

    def __init__(self, inputs):
        self.inputs = inputs
        self._order = bytearray(2 * len(inputs) + 1)  # 0 is for the others
        self._others = bytearray(len(inputs) + 2)
        for i in range(len(inputs)):
            at = inputs[i].channel["input"]
            if at > 4:
                at += 2
            self._order[2 * i] = _WATT + at
            self._order[2 * i + 1] = _CF_CNT + at
            self._others[i] = _I_RMS + at
        self._others[-2] = _V_RMS
        self._others[-1] = _CREEP
        self._at = self._other = -1
        self._register = 0
        self._state = _CHECK
        self._known = False  # the settings have been seen in the chip
        self._creep = _MARK | _CREEP_RESET

    def ask(self, line):
        """Line tells."""
        for one in self.inputs:
            if one.sample.tuning is not one.tuned:
                self._tune()
        if self._state == _SETTINGS:
            line.store(_WRITE, _USR_WRPROT, _UNLOCKED)
            line.store(_WRITE, _CREEP, self._creep)
            line.store(_WRITE, _USR_WRPROT, 0)
            self._state = _CHECK
            return 0
        register = _CREEP
        if self._state == _SCAN:
            self._at = (self._at + 1) % len(self._order)
            register = self._order[self._at]
            if not register:
                self._other = (self._other + 1) % len(self._others)
                register = self._others[self._other]
        self._register = register
        return line.read(_READ, register, _REPLY_BYTES)

    def take(self, frame):
        """Line tells."""
        raw = word(frame, 0)
        register = self._register
        if register == _CREEP:
            self._settle(raw == self._creep)
        elif register == _V_RMS:
            for one in self.inputs:
                one.sample.voltage_dv = times(raw, one.channel["voltage"])
        elif register < _V_RMS:
            one = self.inputs[self._other]
            one.sample.current_ma = times(raw, one.channel["current"])
        else:
            one = self.inputs[self._at >> 1]
            if register < _CF_CNT:
                one.power(raw)
            elif not one.count(raw):
                self._state = _CHECK
        return True

    def _settle(self, intact):
        for one in self.inputs:
            one.settle(intact)
            if self._known and not intact:
                one.sample.rewritten = 1
        self._known = intact
        self._state = _SCAN if intact else _SETTINGS

    def _tune(self):
        creep = 0
        for one in self.inputs:
            one.tuned = tuning = one.sample.tuning
            if tuning is not None:
                creep = max(creep, times(tuning.creep_dw, one.channel["creep"]))
        self._creep = _MARK | min(creep or _CREEP_RESET, _CREEP_END)
        self._known = False  # what will be written anew was not lost
        if self._state == _SCAN:
            self._state = _CHECK
