"""Ten years of the reference site through the firmware: does its flash last, do its rings hold
what they promise, does it still count right behind every wrap?

Measured, with the firmware's own loop of 100 ms: one whole day. From it come the commits of a day,
the bytes of a commit and the erases of a day in the journal.
Measured, in strides of a quarter of an hour: ten years of clock, with summer time in the loads,
power cuts, the clock lost and set again, wraps of ticks_ms and of the modules' registers, weekly
sales. From it come the erases of the log (it is written by the quarter of an hour and by events,
so a stride loses nothing of it), how evenly both partitions wear, what the rings hold in the end,
and the energy against the site's own. A stride has two commits where full pace has some three
hundred, and cut-offs come up to a stride late.
Extrapolated: the life of the journal's flash, as the erases of that one day, every day, spread as
unevenly as the whole run spread its own.
"""

import random

from umeter_sim.reference_site import (
    DAY_S,
    EPOCH,
    HOUR_S,
    USERS,
    ReferenceLoads,
    local_offset_s,
)
from umeter_sim.soak_board import SoakBoard
from umeter_sim.soak_rings import ring_figures

YEARS = 10
DAYS_OF_A_YEAR = 365.2425
START_UNIX = 1_767_571_200  # 2026-01-05, a Monday
EPOCH_UNIX = int(EPOCH.timestamp())
ENDURANCE = 100_000  # erases of a sector, W25Q data sheet
UNITS_PER_WH = 36_000_000
STRIDE_MS = 900_000
PACE_MS = 60_000  # how often the loads change at full pace
SETTLE_MS = 90_000  # at full pace after a boot: contacts close, one healthy minute
CUT_EVERY_H = 20 * 24  # on average; ticks wrap after 12.4 days without one
WEEK_H = 7 * 24


def soak(years=YEARS, paced_hours=24, seed=1, progress=None):
    """The figures by name; `progress` is called with the per cent that are done. RuntimeError if
    the firmware loses its books.
    """
    return _Soak(seed, progress or (lambda percent: None)).run(years, paced_hours)


class _Soak:
    def __init__(self, seed, progress):
        self._random = random.Random(seed)
        self._loads = ReferenceLoads(seed)
        self._progress = progress
        self._board = SoakBoard(START_UNIX)
        self._sold_u = [0] * USERS
        self._clock_due_h = 0  # when somebody sets the clock, if it is not set
        self._cuts = self._losses = 0

    def run(self, years, paced_hours):
        board = self._board
        board.power_up()
        self._settle()
        board.set_clock()
        for ch in range(1, USERS + 1):
            self._sell(ch, 25_000_000)
        paced = self._paced(paced_hours)
        hours = int(years * DAYS_OF_A_YEAR * 24)
        self._decade(hours)
        self._settle()
        error_wh = self._audit()
        return {
            "flash_life_years": round(self._life_years(paced, years), 1),
            "journal_bytes_per_commit": round(paced["bytes"] / paced["commits"], 1),
            "journal_commits_per_day": round(paced["commits"] / paced_hours * 24),
            "soak_years": years,
            "soak_energy_error_wh": round(error_wh, 3),
            "soak_power_cuts": self._cuts,
            "soak_clock_losses": self._losses,
            "soak_ticks_wraps": board.wraps,
            **ring_figures(board),
        }

    def _paced(self, hours):
        """The firmware's own pace: {"commits", "bytes", "erases" by partition}."""
        board = self._board
        journal, nor = board.meter.journal, board.flash["journal"]
        began = (journal.sequence, nor.programmed, sum(nor.erased))
        for minute in range(hours * 60):
            self._want()
            if minute % 720 == 300:  # two sales a day: each user buys once in four
                self._sell(1 + minute // 720 % USERS, 4_000_000)
            board.step(PACE_MS)
            if minute % 60 == 0:
                self._progress(minute * 50 // (hours * 60))
        ended = (journal.sequence, nor.programmed, sum(nor.erased))
        commits, programmed, erases = (b - a for a, b in zip(began, ended, strict=True))
        return {"commits": commits, "bytes": programmed, "erases": erases, "hours": hours}

    def _decade(self, hours):
        board = self._board
        self._stride()
        cut_h = self._next_cut(0)
        sale_h = sorted(self._random.randrange(WEEK_H) for _ in range(USERS))
        for hour in range(hours):
            for ch in range(1, USERS + 1):
                if hour % WEEK_H == sale_h[ch - 1]:
                    self._sell(ch, self._random.randrange(14_000_000, 20_000_000))
            if hour == self._clock_due_h:
                board.set_clock()
            if hour == cut_h:
                self._power_cut(hour)
                cut_h = self._next_cut(hour)
            for _ in range(4):
                self._want()
                board.step(1)
            if hour % 1000 == 0:
                self._progress(50 + hour * 50 // hours)

    def _power_cut(self, hour):
        """In the middle of a stride, at what the loads draw then; back after some time."""
        board = self._board
        board.draw(self._random.randrange(60_000))
        board.unix_ms += self._random.randrange(60_000, 6 * HOUR_S * 1000)
        board.power_up()
        self._cuts += 1
        self._settle()
        # Mostly the station is there at once; sometimes it is away for days.
        if self._random.random() < 0.7:
            board.set_clock()
        else:
            self._losses += 1
            self._clock_due_h = hour + self._random.choice((1, 5, 30, 80))
        self._stride()

    def _next_cut(self, hour):
        return hour + 100 + int(self._random.expovariate(1 / (CUT_EVERY_H - 100)))

    def _settle(self):
        board = self._board
        board.stride_ms = 0
        board.meters.at_once = 1
        self._want()
        board.step(SETTLE_MS)

    def _stride(self):
        """From now on the firmware sleeps to the next quarter of an hour."""
        self._board.stride_ms = STRIDE_MS
        self._board.meters.at_once = USERS

    def _want(self):
        when = self._board.unix_ms // 1000 - EPOCH_UNIX
        hour = (when + local_offset_s(when)) % DAY_S // HOUR_S
        self._board.meters.demand_dw[:] = self._loads.demand_dw(hour)

    def _sell(self, ch, amount_u):
        self._board.order(op="credit", ch=ch, amount_u=amount_u)
        self._sold_u[ch - 1] += amount_u

    def _audit(self):
        """Compare the books with what was sold and drawn; the largest energy error of a user."""
        worst = 0
        channels = self._board.meter.channels
        for channel, sold_u, units in zip(channels, self._sold_u, self._board.units, strict=True):
            account, register = channel.account, channel.register
            if account.credited_total_u != sold_u:
                raise RuntimeError(
                    f"sold {sold_u} to user {channel.index + 1}, credited"
                    f" {account.credited_total_u}"
                )
            if account.balance_u != sold_u - account.charged_total_u:
                raise RuntimeError(
                    f"the balance of user {channel.index + 1} is not the difference"
                )
            worst = max(worst, abs(register.wh * UNITS_PER_WH + register.residual - units))
        return worst / UNITS_PER_WH

    def _life_years(self, paced, years):
        """Until the most erased sector of any partition is worn."""
        journal, log = self._board.flash["journal"].erased, self._board.flash["log"].erased
        uneven = max(journal) * len(journal) / sum(journal)
        yearly = paced["erases"] / len(journal) * uneven * 24 / paced["hours"] * DAYS_OF_A_YEAR
        return ENDURANCE / max(yearly, max(log) / years)
