"""One metered output: register readings to energy, energy to money, money to claims."""

from micropython import const

from umeter.core.account import Account
from umeter.core.delta import FIRST, NOT_ACCEPTED, QUARANTINE_JUMP, Delta
from umeter.core.energy import UNITS_PER_WH, Register
from umeter.core.supply import BOOT, CREDIT, FAULT
from umeter.core.tariff import FlatTariff

# What is new about a channel, as bits from 2 on. 1 is Supply's, 2 and 4 are verdicts of Delta.
NEWS = (
    "register.reset",
    "register.jump",
    "register.frozen",
    "frontend.silent",
    "frontend.back",
    "energy.open",
    "",  # _KNOWN
    "frontend.reset",
)
JUMP = const(4)
_QUARANTINES = const(6)
_FROZEN = const(8)
_SILENT = const(16)
_BACK = const(32)
ENERGY_OPEN = const(64)
_REWRITTEN = const(256)
_KNOWN = const(128)  # no event: a register that outlives the board was read for the first time
URGENT_NEWS = const(182)  # _QUARANTINES | _SILENT | _BACK | _KNOWN: to be committed at once

# Why the channel is due for a turn: its terms are to be worked out anew, see turn.py.
DUE_MONEY = const(1)  # the account reached its alarm
DUE_BLOCK = const(2)  # the register reached block_end_wh
DUE_TIMER = const(4)  # timer_ms ran out
DUE_LIMIT = const(8)  # over limit_dw for guard_ms
DUE_STEP = const(16)  # a load was switched on that somebody may have banned
DUE_WELD = const(32)  # power behind a contact that is open
DUE_STUCK = const(64)  # no voltage behind a contact that is closed
DUE_REVERSE = const(128)  # power comes back
DUE_FROZEN = const(256)  # the register stands still under load

NO_BLOCK = const(0x3FFFFFFF)

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
_ODD_READINGS = const(5)  # in a row: one may fall into the moving of a contact
_WELD_DW = const(150)
_REVERSE_DW = const(-50)
_NO_VOLTAGE_DV = const(500)


class Channel:
    """Books what one front end counts.

    Chips count in steps of up to 1 Wh, minutes apart at small loads. In between, the last power
    runs register and credit ahead of the count, so that a known load is cut in time. A reading
    says that the energy was in [count, count + 1) when it was taken; what is booked is kept in
    that range at each reading, save that nothing is ever taken back. `tick` allocates nothing in
    the steady state.

    What the tick compares with are plain numbers, the terms in force. Whatever crosses one of
    them sets a bit of `due`: then the meter has turn.py work the terms out anew.
    """

    def __init__(self, index, sample, p_max_dw):
        self.index = index
        self.sample = sample
        self.register = Register()
        self.account = Account()
        self.tariff = FlatTariff()
        self.delta = Delta(sample, p_max_dw)
        self.claims = BOOT
        self.armed = 0  # claims whose cause has gone, and which wait for the consumer's hand
        self.by_hand = 0  # every claim of the meter's own waits for it
        self.due = 0
        self.late = 0  # units of this tick beyond the block's end, not charged yet
        self.block_end_wh = NO_BLOCK
        self.timer_ms = 0  # until DUE_TIMER; 0: none
        self.limit_dw = 0  # 0: none
        self.guard_ms = 0
        self.over_ms = 0  # so long the power has been over the limit
        self.steps = None  # look(sample): was a load switched on; forget(): the contact opened
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
        self._odd = 0  # what is wrong in the last readings, as a bit of `due`
        self._odd_readings = 0

    def tick(self, dt_ms):
        """Book, charge and claim. Returns the units (0.1 W x ms) booked in this tick."""
        if self._since_ms < _LONG_MS:
            self._since_ms += dt_ms
        if self._open_quiet_ms > 0:
            self._open_quiet_ms -= dt_ms
        if self.timer_ms > 0:
            self.timer_ms -= dt_ms
            if self.timer_ms <= 0:
                self.timer_ms = 0
                self.due |= DUE_TIMER
        units = 0
        sample = self.sample
        # A load cannot draw through an open contact.
        if self.contact and self._since_ms < _YOUNG_MS and sample.power_dw > 0:
            units = self._run(min(sample.power_dw, self.delta.p_max_dw), min(dt_ms, _RUN_MS))
            self._guard(dt_ms)
        else:
            self.over_ms = 0
        if sample.fresh != self._fresh:
            self._fresh = sample.fresh
            units += self._read(dt_ms)
            # At its moment the reading was less than one count behind: what is booked beyond that
            # waits for the load to draw it.
            self._held = max(0, self.ahead - sample.units_per_count + 1)
            self._watch()
            if sample.rewritten:
                sample.rewritten = 0
                self.news |= _REWRITTEN
        self.evaluate()
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
        account = self.account
        if account.is_out():
            self.claims |= CREDIT
            self.armed &= ~CREDIT
        elif self.claims & ~self.armed & CREDIT and account.is_back():
            self.clear(CREDIT)
        if account.is_due():
            self.due |= DUE_MONEY

    def clear(self, claim):
        """The cause of a claim has gone: it ends, or waits for the consumer's hand."""
        if self.by_hand:
            self.armed |= claim
        else:
            self.claims &= ~claim

    def end(self, claims):
        """These claims end, whether they wait for the consumer's hand or not."""
        self.claims &= ~claims
        self.armed &= ~claims

    def _guard(self, dt_ms):
        """How long the load limit has been passed; told once, until the power is back under it."""
        if self.limit_dw == 0 or self.sample.power_dw <= self.limit_dw:
            self.over_ms = 0
        elif self.over_ms < self.guard_ms:
            self.over_ms += dt_ms
            if self.over_ms >= self.guard_ms:
                self.due |= DUE_LIMIT

    def _watch(self):
        """What a reading shows that cannot be: told once, until a reading shows something else."""
        sample = self.sample
        odd = 0
        if sample.power_dw <= _REVERSE_DW:
            odd = DUE_REVERSE
        elif not self.contact:
            if sample.power_dw >= _WELD_DW and self.open_ms >= _SETTLE_MS:
                odd = DUE_WELD
        elif sample.behind and sample.voltage_dv < _NO_VOLTAGE_DV:
            odd = DUE_STUCK
        if odd != self._odd:
            self._odd = odd
            self._odd_readings = 0
        if odd and self._odd_readings < _ODD_READINGS:
            self._odd_readings += 1
            if self._odd_readings == _ODD_READINGS:
                self.due |= odd
        if self.steps is not None:
            if not self.contact:
                self.steps.forget()
            elif self.steps.look(sample):
                self.due |= DUE_STEP

    def _run(self, power_dw, dt_ms):
        """Book what the power says ahead of the count."""
        units = power_dw * dt_ms
        if self._frozen:
            return self.book(units)
        # Not for a pulse meter: its power is derived from its counts.
        if power_dw >= _FROZEN_FROM_DW and self.sample.keeps_register:
            self._uncounted += units
        held = min(units, self._held)
        self._held -= held
        units -= held
        self.ahead += units
        return self.book(units)

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
        return self.book(units)

    def _stand_still(self):
        """A reading without a count: nothing, unless the power says that the register is stuck."""
        self._still += 1
        if (
            not self._frozen
            and self._still >= _FROZEN_READINGS
            and self._uncounted >= _FROZEN_COUNTS * self.sample.units_per_count
        ):
            self._frozen = True
            self.due |= DUE_FROZEN
            self.news |= _FROZEN
            return self.book(self._uncounted - self.ahead)
        return 0

    def book(self, units):
        """Book energy and charge it. What lies beyond the end of a block is charged by
        `charge_late`, when the next block's price is in force.
        """
        register = self.register
        register.add(units)
        beyond = register.wh - self.block_end_wh
        if beyond < 0:
            self.account.charge(self.tariff.charge(units))
        else:
            late = min(units, beyond * UNITS_PER_WH + register.residual - self.late)
            self.late += late
            self.due |= DUE_BLOCK
            self.account.charge(self.tariff.charge(units - late))
        return units

    def charge_late(self):
        """Charge what `book` left. Comes back with more to do if that passes another block."""
        register = self.register
        beyond = (register.wh - self.block_end_wh) * UNITS_PER_WH + register.residual
        left = min(self.late, max(0, beyond))
        self.account.charge(self.tariff.charge(self.late - left))
        self.late = left
