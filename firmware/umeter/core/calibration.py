"""What somebody has set for a channel, against a known load. A board that was never calibrated
does not import it.

In the journal: format byte, then 10 bytes a channel: gain i32, offset i16, phase i16, creep u16,
little-endian. All of it 0 is a channel as its module came.
"""

import struct

from micropython import const

KEY = "a"
_FORMAT = const(1)
_ONE = const("<ihhH")
_ONE_BYTES = const(10)


class Tuning:
    """Never changed: another one takes its place, by which a front end sees that it has to write
    its chip anew.

    gain_ppm: millionths on top of the nominal energy of a count, and of the power. offset, phase:
    in steps of the chip's own registers; 0 where it has none. creep_dw: less power than this, in
    0.1 W, is none.
    """

    def __init__(self, nominal, gain_ppm=0, offset=0, phase=0, creep_dw=0):
        self.nominal = nominal  # units_per_count of the module as it came
        self.gain_ppm = gain_ppm
        self.offset = offset
        self.phase = phase
        self.creep_dw = creep_dw

    def power(self, power_dw):
        """A power of up to 30 kW either way, as it counts."""
        if -self.creep_dw < power_dw < self.creep_dw:
            return 0
        return scaled(power_dw, self.gain_ppm)


def scaled(value, ppm):
    """value (up to 300 000) with a gain of 1_000_000 + ppm (up to 100 000 either way) millionths,
    rounded down in the gain's part; never leaves the small ints.
    """
    if value < 0:
        return -scaled(-value, ppm)
    # No divmod: it would put a tuple in the heap.
    return value + (value // 1000 * ppm + value % 1000 * ppm // 1000) // 1000


def tune(sample, values):
    """Give a Sample these (gain_ppm, offset, phase, creep_dw)."""
    nominal = sample.units_per_count if sample.tuning is None else sample.tuning.nominal
    sample.tuning = Tuning(nominal, *values)
    sample.units_per_count = nominal + nominal * values[0] // 1_000_000


def values(sample):
    """(gain_ppm, offset, phase, creep_dw) of a Sample."""
    tuning = sample.tuning
    if tuning is None:
        return (0, 0, 0, 0)
    return (tuning.gain_ppm, tuning.offset, tuning.phase, tuning.creep_dw)


def pack(channels):
    """The journal's value for all channels."""
    record = bytearray(1 + _ONE_BYTES * len(channels))
    record[0] = _FORMAT
    for channel in channels:
        at = 1 + _ONE_BYTES * channel.index
        struct.pack_into(_ONE, record, at, *values(channel.sample))
    return record


def resume(meter, record):
    """Take over what `pack` wrote. ValueError for an unknown format."""
    if record[0] != _FORMAT:
        raise ValueError("calibration of an unknown format")
    for channel in meter.channels:
        at = 1 + _ONE_BYTES * channel.index
        if at + _ONE_BYTES <= len(record):
            there = struct.unpack_from(_ONE, record, at)
            if any(there):
                tune(channel.sample, there)
