"""BL0942 metering chips, up to four on one UART (TSSOP14, addresses 0..3 by pins A1 and A2).

8N1 at the rate of pin SCLK_BPS: 4800 or 9600. Read `58|address, register`, write `A8|address,
register, 3 bytes, check`; register AA is the packet of 23 bytes: 55, I_RMS, V_RMS, I_FAST_RMS,
WATT (signed), CF_CNT, FREQ (2 bytes), 00, STATUS, 2 bytes, check. Registers used: WA_CREEP 14
(reset value 0B, x 3125 / 256 in WATT), MODE 19 (reset value 87), USR_WRPROT 1D (55 unlocks)
(BL0942 data sheet V1.06). The chip has no memory: below 2.7 V it forgets count and settings.

The rate is left to the pin. MODE can set 19200 and 38400, but a chip that was reset falls back to
its pin and would not be heard again.
"""

from micropython import const

from umeter.core.sample import Sample
from umeter.frontend.belling import MODULUS, Input, Line, times, word

_READ = const(0x58)
_WRITE = const(0xA8)
_HEAD = const(0x55)
_PACKET = const(0xAA)
_PACKET_BYTES = const(23)
_REGISTER_BYTES = const(4)
_WA_CREEP = const(0x14)
_MODE = const(0x19)
_USR_WRPROT = const(0x1D)
_UNLOCKED = const(0x55)
_SETTINGS = const(0)  # no register: all settings are to be written

_MODE_BITS = const(0xFC)  # the two lowest are reserved
_CREEP_RESET = const(0x0B)
_CREEP_END = const(0xFF)
_CHECK_READINGS = const(32)


def sample(channel):
    """The Sample of a channel of board.json."""
    return Sample(channel["units"], MODULUS, False, True)


def attach(uart, members):
    """What polls the channels on one bus. members: [(channel of board.json, Sample)]."""
    return [Line(uart, [Chip(channel, sample) for channel, sample in members], True)]


class Chip:
    """One BL0942. channel has address, mode and the ratios of tools/umeter_deploy/analog.py.

    MODE is given RMS values of 800 ms, which it has not by itself: that tells a chip that was
    reset from one whose count has come round.
    """

    def __init__(self, channel, sample):
        self._channel = channel
        self._sample = sample
        self._input = Input(channel, sample)
        self.inputs = [self._input]
        self._creep = _CREEP_RESET
        self._register = _MODE  # to be asked for next
        self._known = False  # the settings have been seen in the chip
        self._readings = 0

    def ask(self, line):
        """Line tells."""
        if self._sample.tuning is not self._input.tuned:
            self._tune()
        address = self._channel["address"]
        register = self._register
        if register == _PACKET:
            return line.read(_READ | address, _PACKET, _PACKET_BYTES, _PACKET)
        if register != _SETTINGS:
            return line.read(_READ | address, register, _REGISTER_BYTES)
        address |= _WRITE
        line.store(address, _USR_WRPROT, _UNLOCKED)
        line.store(address, _MODE, self._channel["mode"])
        line.store(address, _WA_CREEP, self._creep)
        line.store(address, _USR_WRPROT, 0)
        self._register = _MODE
        return 0

    def take(self, frame):
        """Line tells."""
        register = self._register
        if register == _PACKET:
            if frame[0] != _HEAD:
                return False
            self._measure(frame)
            return True
        if register == _MODE:
            intact = (frame[0] ^ self._channel["mode"]) & _MODE_BITS == 0
            self._input.settle(intact)
        else:
            intact = frame[0] == self._creep
        if not intact:
            if self._known:
                self._known = False
                self._sample.rewritten = 1
            self._register = _SETTINGS
        elif register == _MODE and not self._known:
            self._register = _WA_CREEP
        else:
            self._known = True
            self._register = _PACKET
        return True

    def _measure(self, frame):
        sample = self._sample
        sample.current_ma = times(word(frame, 1), self._channel["current"])
        sample.voltage_dv = times(word(frame, 4), self._channel["voltage"])
        self._input.power(word(frame, 10))
        self._readings = (self._readings + 1) % (2 * _CHECK_READINGS)
        if not self._input.count(word(frame, 13)) or self._readings == _CHECK_READINGS:
            self._register = _MODE
        elif not self._readings:
            self._register = _WA_CREEP

    def _tune(self):
        self._input.tuned = tuning = self._sample.tuning
        self._creep = _CREEP_RESET
        if tuning is not None and tuning.creep_dw:
            self._creep = min(times(tuning.creep_dw, self._channel["creep"]), _CREEP_END)
        self._known = False  # what will be written anew was not lost
        if self._register == _PACKET:
            self._register = _WA_CREEP
