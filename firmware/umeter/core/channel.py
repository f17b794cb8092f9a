"""One metered output: register readings to energy, energy to money, money to claims."""

import struct

from micropython import const

from umeter.core.account import Account
from umeter.core.delta import FIRST, NOT_ACCEPTED, QUARANTINE_JUMP, Delta
from umeter.core.energy import UNITS_PER_WH, Register
from umeter.core.supply import BOOT, CREDIT, FAULT, OPERATOR
from umeter.core.tariff import UNITS_PER_MWH, FlatTariff

# What is new about a channel, as bits from 2 on. 1 is Supply's, 2 and 4 are verdicts of Delta.
NEWS = (
    "register.reset",
    "register.jump",
    "register.frozen",
    "frontend.silent",
    "frontend.back",
    "energy.open",
    "credit.low",
    "credit.out",
    "credit.back",
)
JUMP = const(4)
_QUARANTINES = const(6)
_FROZEN = const(8)
_SILENT = const(16)
_BACK = const(32)
_KNOWN = const(1024)  # no event: a register that outlives the board was read for the first time
URGENT_NEWS = const(1078)  # _QUARANTINES | _SILENT | _BACK | _KNOWN: to be committed at once
ENERGY_OPEN = const(64)
_CREDIT_LOW = const(128)
_CREDIT_OUT = const(256)
_CREDIT_BACK = const(512)

FORMAT = const(2)
RECORD = "<BBBB12I"  # format, count is valid, claims, 0, then see pack_into
RECORD_BYTES = const(52)
SINCE = "<IH"  # units and counts since a record
SINCE_BYTES = const(6)
_PARTS_PER_U = const(36_000_000_000)  # of the tariff's remainder in a micro-unit
_MOST_UNITS = const(0x7FFFFFFF)
_MOST_COUNTS = const(0xFFFF)

_LONG_MS = const(0x1FFFFFFF)
_YOUNG_MS = const(5000)  # a power older than this says nothing about now
# 25 kW for this long is still a small int; what a longer tick misses comes with the counts.
_RUN_MS = const(4000)
_BOOT_READ_MS = const(5000)
_GOOD_READINGS = const(3)
_FROZEN_FROM_DW = const(200)
_FROZEN_COUNTS = const(3)
_FROZEN_READINGS = const(10)
_SETTLE_MS = const(3000)  # chips count up to a second late
_OPEN_QUIET_MS = const(600_000)


class Channel:
    """Books what one front end counts.

    Chips count in steps of up to 1 Wh, minutes apart at small loads. In between, the last power
    runs register and credit ahead of the count, so that a known load is cut in time. A reading
    says that the energy was in [count, count + 1) when it was taken; what is booked is kept in
    that range at each reading, save that nothing is ever taken back. `tick` allocates nothing in
    the steady state.
    """

    def __init__(self, index, sample, p_max_dw):
        self.index = index
        self.sample = sample
        self.register = Register()
        self.account = Account()
        self.tariff = FlatTariff()
        self.delta = Delta(sample, p_max_dw)
        self.claims = BOOT
        self.contact = 0  # this and the next are kept by Supply
        self.open_ms = 0
        self.ahead = 0  # units booked beyond the believed count
        self.quarantined = 0  # counts that no load can have drawn: the operator decides
        self.news = 0
        self.open_counts = 0  # counted while the contact was open, since the last event about it
        self.fault_ms = 60_000
        self._fresh = sample.fresh
        self._since_ms = 0  # since the last believed reading
        self.slack_ms = 0  # and how much older that reading may have been
        self._good = 0
        self._held = 0  # units by which the last reading found the power to run too far ahead
        self._still = 0  # readings since the last count
        self._uncounted = 0  # energy by power since the last count
        self._frozen = False
        self._open_quiet_ms = 0
        self._credit_state = -1  # 0 enough, 1 low, 2 out; -1 not evaluated yet

    def tick(self, dt_ms):
        """Book, charge and claim. Returns the units (0.1 W x ms) booked in this tick."""
        if self._since_ms < _LONG_MS:
            self._since_ms += dt_ms
        if self._open_quiet_ms > 0:
            self._open_quiet_ms -= dt_ms
        units = 0
        sample = self.sample
        # A load cannot draw through an open contact.
        if self.contact and self._since_ms < _YOUNG_MS and sample.power_dw > 0:
            units = self._run(min(sample.power_dw, self.delta.p_max_dw), min(dt_ms, _RUN_MS))
        if sample.fresh != self._fresh:
            self._fresh = sample.fresh
            units += self._read(dt_ms)
            # At its moment the reading was less than one count behind: what is booked beyond that
            # waits for the load to draw it.
            self._held = max(0, self.ahead - sample.units_per_count + 1)
        self.evaluate()
        self._tell_credit()
        if self.claims & BOOT:
            # Nobody is fed unmetered: a front end that does not even begin to read is at fault.
            patience_ms = _BOOT_READ_MS
        else:
            patience_ms = self.fault_ms
        if self._since_ms >= patience_ms and not self.claims & FAULT:
            self.claims |= FAULT
            self.news |= _SILENT
            self._good = 0
        if self.claims & FAULT:
            self.claims &= ~BOOT
        return units

    def evaluate(self):
        """Make the claim CREDIT follow the account."""
        if self.account.is_out():
            self.claims |= CREDIT
        else:
            self.claims &= ~CREDIT

    def _tell_credit(self):
        before = self._credit_state
        state = 2 if self.claims & CREDIT else 1 if self.account.is_low() else 0
        if state == before:
            return
        self._credit_state = state
        if before < 0:  # a reboot is no crossing
            return
        if state == 2:
            self.news |= _CREDIT_OUT
        elif before == 2:
            self.news |= _CREDIT_BACK
        elif state == 1:
            self.news |= _CREDIT_LOW

    def _run(self, power_dw, dt_ms):
        """Book what the power says ahead of the count."""
        units = power_dw * dt_ms
        if self._frozen:
            return self._book(units)
        # Not for a pulse meter: its power is derived from its counts.
        if power_dw >= _FROZEN_FROM_DW and self.sample.keeps_register:
            self._uncounted += units
        held = min(units, self._held)
        self._held -= held
        units -= held
        self.ahead += units
        return self._book(units)

    def _read(self, dt_ms):
        """Judge a fresh reading and book what it counted."""
        delta = self.delta
        elapsed_ms = self._since_ms + self.slack_ms
        verdict = delta.judge(self.sample.count, elapsed_ms)
        if verdict & NOT_ACCEPTED:
            self.sample.bad_frames += 1
            return 0
        self.news |= verdict & _QUARANTINES
        if verdict == FIRST and self.sample.keeps_register:
            self.news |= _KNOWN
        if verdict == QUARANTINE_JUMP:
            self.quarantined = min(self.quarantined + delta.refused_counts, _LONG_MS)
        self.claims &= ~BOOT
        self._since_ms = 0
        # A reading picked up in a late tick may have waited since the tick before.
        self.slack_ms = dt_ms
        if self.claims & FAULT:
            self._good += 1
            if self._good == _GOOD_READINGS:
                self.claims &= ~FAULT
                self.news |= _BACK
        counts = delta.counts
        if not counts:
            return self._stand_still()
        self._frozen = False
        self._still = 0
        self._uncounted = 0
        if not self.contact and self.open_ms >= elapsed_ms + _SETTLE_MS:
            self.open_counts += counts
            if self._open_quiet_ms <= 0:
                self._open_quiet_ms = _OPEN_QUIET_MS
                self.news |= ENERGY_OPEN
        units = counts * self.sample.units_per_count - self.ahead
        if units < 0:
            self.ahead = -units
            return 0
        self.ahead = 0
        return self._book(units)

    def _stand_still(self):
        """A reading without a count: nothing, unless the power says that the register is stuck."""
        self._still += 1
        if (
            not self._frozen
            and self._still >= _FROZEN_READINGS
            and self._uncounted >= _FROZEN_COUNTS * self.sample.units_per_count
        ):
            self._frozen = True
            self.news |= _FROZEN
            return self._book(self._uncounted - self.ahead)
        return 0

    def _book(self, units):
        self.register.add(units)
        self.account.charge(self.tariff.charge(units))
        return units

    def pack_into(self, buf):
        """Write what must survive a power cut, RECORD_BYTES long, little-endian. restore.py reads
        it.
        """
        account = self.account
        # A counter in the board starts anew: its count means nothing to the next boot.
        known = self.sample.keeps_register and self.delta.last >= 0
        struct.pack_into(
            RECORD,
            buf,
            0,
            FORMAT,
            1 if known else 0,
            self.claims & (OPERATOR | FAULT),
            0,
            self.register.wh,
            self.register.residual,
            self.ahead,
            self.delta.last if known else 0,
            account.credited_hi,
            account.credited_lo,
            account.charged_hi,
            account.charged_lo,
            self.tariff.millionths,
            self.tariff.parts,
            self.tariff.price_u_per_kwh,
            self.quarantined,
        )

    def pack_since(self, record, buf, at):
        """Write what was booked since a record of `pack_into`, SINCE_BYTES long. True if the
        record and this together are exactly what `pack_into` would write now; else the channel
        needs a new record.
        """
        if record is None or len(record) != RECORD_BYTES:
            return False
        sample = self.sample
        account = self.account
        tariff = self.tariff
        old = struct.unpack(RECORD, record)
        units = (self.register.wh - old[4]) * UNITS_PER_WH + self.register.residual - old[5]
        counts, odd = divmod(units + old[6] - self.ahead, sample.units_per_count)
        due, rest = divmod(
            units * old[14] + old[12] * UNITS_PER_MWH + old[13],
            _PARTS_PER_U,
        )
        known = sample.keeps_register and self.delta.last >= 0
        if (
            odd
            or not 0 <= units <= _MOST_UNITS
            or not 0 <= counts <= _MOST_COUNTS
            or old[1] != known
            or old[2] != self.claims & (OPERATOR | FAULT)
            or known
            and sample.counted(old[7], counts) != self.delta.last
            or old[8] != account.credited_hi
            or old[9] != account.credited_lo
            or old[10] * 1_000_000 + old[11] + due != account.charged_total_u
            or tariff.millionths * UNITS_PER_MWH + tariff.parts != rest
            or tariff.price_u_per_kwh != old[14]
            or self.quarantined != old[15]
        ):
            return False
        struct.pack_into(SINCE, buf, at, units, counts)
        return True
