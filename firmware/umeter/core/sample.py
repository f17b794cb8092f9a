"""What a front end last read of one channel: the only thing that front ends and core share."""


class Sample:
    """Written by a front end, read by a channel.

    units_per_count: energy of one count of the chip's register, 0.1 W x ms (36_000_000 is 1 Wh), a
    small int.
    modulus: where that register wraps, 0 if it does not.
    keeps_register: the register outlives a power cut (PZEM).
    measures_power: power and current are read together, and apart from the register, so that steps
    of the load can be told (not S0, whose power comes from its pulses).
    """

    def __init__(self, units_per_count, modulus=0, keeps_register=False, measures_power=False):
        self.units_per_count = units_per_count
        self.modulus = modulus
        self.keeps_register = keeps_register
        self.measures_power = keeps_register or measures_power
        self.behind = 0  # 1: the voltage is measured behind the contact
        self.tuning = None  # calibration.py's, None as long as nobody has calibrated
        self.rewritten = 0  # 1: the chip had lost its settings and was given them again
        self.count = 0  # the chip's register, raw
        self.power_dw = 0
        self.voltage_dv = 0
        self.current_ma = 0
        self.fresh = 0  # number of good readings, wraps at 2**30
        self.silent_ms = 0  # since the last good reading, saturates
        self.bad_frames = 0

    def counted(self, count, more):
        """The register's value when it has counted on."""
        count += more
        return count % self.modulus if self.modulus else count
