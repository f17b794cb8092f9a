"""PZEM-004T v3 energy modules (and PZEM-014/016), up to eight on one UART.

Modbus-RTU, 9600 8N1. Function 0x04 reads ten input registers from address 0; words are big-endian
and 32-bit values come low word first: 0 voltage 0.1 V; 1-2 current 1 mA; 3-4 power 0.1 W; 5-6
energy 1 Wh (ends at 9999.99 kWh, survives power cuts); 7 frequency 0.1 Hz; 8 power factor 0.01; 9
alarm. CRC-16/MODBUS, low byte first (PZEM-004T v3.0 user manual).
"""

from micropython import const

from umeter.core.sample import Sample

UNITS_PER_COUNT = const(36_000_000)  # 1 Wh in 0.1 W x ms
MODULUS = const(10_000_000)  # Wh

_READ_INPUT = const(4)
_REQUEST_BYTES = const(8)
_REPLY_BYTES = const(25)
_EXCEPTION_BYTES = const(5)

# 34 ms on the wire at 9600 baud and up to 55 ms for the module to think. Just under one tick of
# 100 ms, so that a module that does not answer costs its own slot only.
_REPLY_MS = const(90)
_MISSES_TO_REST = const(6)
_REST_SCANS = const(10)

# 4 x 2**16 x 0.1 W: the 100 A module ends at 26 kW, and such a power x 4 s is still a small int.
_POWER_HIGH_END = const(4)
_SMALL_MASK = const(0x3FFFFFFF)
_SILENT_END_MS = const(0x1FFFFFFF)

_CRC_NIBBLES = const((
    0x0000, 0xCC01, 0xD801, 0x1400, 0xF001, 0x3C00, 0x2800, 0xE401,
    0xA001, 0x6C00, 0x7800, 0xB401, 0x5000, 0x9C01, 0x8801, 0x4400,
))  # fmt: skip


def sample(channel):
    """The Sample of a channel of board.json."""
    return Sample(UNITS_PER_COUNT, MODULUS, True)


def attach(uart, members):
    """What polls the channels on one bus. members: [(channel of board.json, Sample)]."""
    return [PzemBus(uart, [(channel["address"], sample) for channel, sample in members])]


def crc16(frame, length):
    """CRC-16/MODBUS of the first `length` bytes; 0 over a frame that ends with its own CRC."""
    table = _CRC_NIBBLES
    crc = 0xFFFF
    for i in range(length):
        byte = frame[i]
        crc = (crc >> 4) ^ table[(crc ^ byte) & 15]
        crc = (crc >> 4) ^ table[(crc ^ (byte >> 4)) & 15]
    return crc


class PzemBus:
    """Asks the modules of one UART in turn, one transaction a tick, and never waits.

    `uart` has `any()`, `readinto(buf)` and `write(buf)`, none of which may block.
    `samples_by_address` is a list of (address, Sample): a reply counts only under the address that
    was asked, never by its order. A module whose reply is missing or garbled is asked once more at
    once, so that a lost frame costs it 100 ms and not a scan. One that missed six requests rests,
    and is asked in every tenth scan only.
    """

    def __init__(self, uart, samples_by_address):
        self._uart = uart
        count = len(samples_by_address)
        self._addresses = bytearray(count)
        self._samples = []
        for address, sample in samples_by_address:
            self._addresses[len(self._samples)] = address
            self._samples.append(sample)
        self._misses = bytearray(count)
        self._slot = count - 1
        self._scan = 0
        self._waiting = False
        self._waited_ms = 0
        self._again = False  # the module of this slot is asked for the second time
        self._frame = bytearray(_REPLY_BYTES)
        self._request = bytearray(_REQUEST_BYTES)
        self._request[1] = _READ_INPUT
        self._request[5] = 10
        self.exceptions = 0

    def poll(self, dt_ms):
        """Take the reply and send the next request. `dt_ms` is the time since the last call."""
        for sample in self._samples:
            if sample.silent_ms < _SILENT_END_MS:
                sample.silent_ms += dt_ms
        if self._waiting:
            self._waited_ms += dt_ms
            got = self._uart.any()
            if got < _REPLY_BYTES and self._waited_ms < _REPLY_MS:
                return
            self._waiting = False
            if not self._receive(got):
                return  # the rest of a garbled reply may still come: let the line fall silent
        self._ask()

    def _receive(self, got):
        """Judge the `got` bytes that came in time. False when they were no whole frame for us."""
        slot = self._slot
        again = self._again
        self._again = False
        if not got:
            if self._misses[slot] < _MISSES_TO_REST:
                self._misses[slot] += 1
                self._again = not again
            return True
        self._misses[slot] = 0
        self._uart.readinto(self._frame)
        if self._accept(got):
            return True
        if self._is_exception(got):
            self.exceptions = (self.exceptions + 1) & _SMALL_MASK
            return True
        sample = self._samples[slot]
        sample.bad_frames = (sample.bad_frames + 1) & _SMALL_MASK
        self._again = not again
        return False

    def _is_exception(self, got):
        frame = self._frame
        return (
            got == _EXCEPTION_BYTES
            and frame[0] == self._addresses[self._slot]
            and frame[1] == _READ_INPUT | 0x80
            and crc16(frame, _EXCEPTION_BYTES) == 0
        )

    def _accept(self, got):
        frame = self._frame
        if (
            got != _REPLY_BYTES
            or frame[0] != self._addresses[self._slot]
            or frame[1] != _READ_INPUT
            or frame[2] != _REPLY_BYTES - 5
            or crc16(frame, _REPLY_BYTES) != 0
            # No true value reaches 2**24: whatever a sick module says, all values are small ints.
            or frame[7] | frame[11] | frame[15]
            or frame[12] >= _POWER_HIGH_END
        ):
            return False
        sample = self._samples[self._slot]
        sample.voltage_dv = self._word(3)
        sample.current_ma = self._long(5)
        sample.power_dw = self._long(9)
        if sample.tuning is not None:
            sample.power_dw = sample.tuning.power(sample.power_dw)
        sample.count = self._long(13)
        sample.silent_ms = 0
        sample.fresh = (sample.fresh + 1) & _SMALL_MASK
        return True

    def _word(self, at):
        return self._frame[at] << 8 | self._frame[at + 1]

    def _long(self, at):
        return self._word(at + 2) << 16 | self._word(at)

    def _ask(self):
        uart = self._uart
        if uart.any():
            # What comes late or from nowhere must not be read as the next reply. One gulp a tick:
            # a line that never falls silent must not hold the tick.
            uart.readinto(self._frame)
            if uart.any():
                return
        slot = self._next_slot()
        if slot < 0:
            return
        request = self._request
        request[0] = self._addresses[slot]
        crc = crc16(request, _REQUEST_BYTES - 2)
        request[6] = crc & 0xFF
        request[7] = crc >> 8
        uart.write(request)
        self._slot = slot
        self._waited_ms = 0
        self._waiting = True

    def _next_slot(self):
        """The next module to ask, or -1 when all that are left in this scan are resting."""
        slot = self._slot
        if self._again:
            return slot
        for _ in self._samples:
            slot += 1
            if slot == len(self._samples):
                slot = 0
                self._scan = (self._scan + 1) % _REST_SCANS
            if self._misses[slot] < _MISSES_TO_REST or (self._scan + slot) % _REST_SCANS == 0:
                return slot
        return -1
