"""What an account must show, by exact arithmetic from the published rules alone.

Only whole sums: energy since the beginning times its price, whole midnights, whole hundredths of a
week. How an account is kept in between is not its business.
"""

UNITS_PER_KWH = 36_000_000_000
_DAY_S = 86_400
_PART_S = 6048


class Oracle:
    """settings: those of the channel, all of those named here present."""

    def __init__(self, settings):
        self._get = settings.__getitem__
        self.credited_u = 0
        self._energy = 0  # sum of units x price
        self._due_u = 0  # standing charges and time debts that fell due
        self._paid_u = 0  # of the payment debt
        self.other_u = 0  # taken back and paid out
        self._dropped_u = 0  # what had accumulated when a tenant left
        self.debts_u = [0, 0, 0]
        self.closed = False
        self._marks = None  # (days, parts) up to which time is charged
        self._week = 0
        self._share_u = 0  # of the payment debt, in this week

    def draw(self, units):
        """Energy, in 0.1 W x ms."""
        self._energy += units * self._get("price_u_per_kwh")

    def pass_time(self, when):
        """The time is known to be `when`, by a clock that was not set since the last call."""
        days, parts = when // _DAY_S, when // _PART_S
        if self._marks is not None and not self.closed:
            self._due_u += max(0, days - self._marks[0]) * self._get("standing")
            for part in range(self._marks[1], parts):
                for i in (0, 1):
                    self._take(i, part % 100)
        week = (days + 2) // 7
        if week > self._week:
            self._share_u = 0
        self.set_time(when)

    def set_time(self, when):
        """The clock was set: that is no time."""
        self._marks = when // _DAY_S, when // _PART_S
        self._week = (self._marks[0] + 2) // 7

    def _take(self, i, part):
        weekly_u = self._get("debt%d_weekly_u" % (i + 1))
        share_u = weekly_u * (part + 1) // 100 - weekly_u * part // 100
        taken_u = min(share_u, self.debts_u[i])
        self.debts_u[i] -= taken_u
        self._due_u += taken_u

    def charged_u(self, accumulated_u):
        """The charged total, if so much of what fell due has found no credit yet."""
        parts = (self._due_u, self._paid_u, self.other_u, -self._dropped_u, -accumulated_u)
        return self.energy_u + sum(parts)

    @property
    def energy_u(self):
        """The energy's part of the charged total."""
        return self._energy // UNITS_PER_KWH

    def top_up(self, amount_u, balance_u, accumulated_u):
        """(outcome, payment debt, accumulated, repaid below the threshold) of a purchase."""
        if self.closed:
            return "not_now", 0, 0, 0
        share_u = min(self.debts_u[2], amount_u * self._get("debt3_percent") // 100)
        if self._get("debt3_cap_u"):
            share_u = min(share_u, self._get("debt3_cap_u") - self._share_u)
        old_u = min(amount_u - share_u, accumulated_u)
        rest_u = amount_u - share_u - old_u
        if 0 < self._get("max_balance_u") < balance_u + rest_u:
            return "too_much", 0, 0, 0
        self.credited_u += amount_u
        self._paid_u += share_u
        self._share_u += share_u
        self.debts_u[2] -= share_u
        return (
            "applied",
            share_u,
            old_u,
            min(rest_u, max(0, self._get("disable_at_u") - balance_u)),
        )

    def take_back(self, amount_u, balance_u):
        """What a debit takes."""
        taken_u = max(0, min(amount_u, balance_u - self._get("disable_at_u")))
        self.other_u += taken_u
        return taken_u

    def clear(self, balance_u, accumulated_u):
        """The tenant's account is settled: the refund. What is owed below zero is written off."""
        self.other_u += max(0, balance_u)
        self.credited_u += max(0, -balance_u)
        self._dropped_u += accumulated_u
        self.debts_u = [0, 0, 0]
        self._share_u = 0
        return max(0, balance_u)

    def owe(self, debt, add_u):
        """Outcome of an order about a debt 1..3."""
        if self.closed:
            return "not_now"
        if not 0 <= self.debts_u[debt - 1] + add_u <= 9_999_990_000:
            return "range"
        self.debts_u[debt - 1] += add_u
        return "applied"
