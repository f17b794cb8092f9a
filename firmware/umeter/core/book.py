"""The slow state of a channel's account: what a turn needs and the tick does not.

It lives in the journal alone, under one key for each channel, and is read for the moment in which
it is needed. With what a channel charges it is committed in one batch.

Bits of `flags`: 1 credit mode, it is paid afterwards; 2 closed, there is no tenant; 4 friendly
hours, as far as is known; 8 today's budget was reached; 16 the user's own switch is open; 32 was
supplied below the threshold; 64 the clock cannot tell the rate; 128 another tariff is to follow.
"""

import struct

from micropython import const

# In the journal.
KEYS = ("a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7")

PART_S = const(6048)  # a hundredth of a week: what time debts are taken by

_FORMAT = const(1)
_RECORD = const("<8B11I11q8I7i3q")
_BYTES = const(224)
# In the record's order, behind the format; then come the lists.
_FIELDS = const(
    "flags level emergency limit_tries banned_tries locked rate account day part month week "
    "month_wh month_rest mark_wh mark_rest allowance_period last_n emergency_floor_u "
    "day_charged_u accumulated_u share_paid_u allowance_u allowance_charged_u standing_total_u "
    "debt_total_u other_total_u given_total_u last_u"
)


class Refusal(Exception):
    """args: the outcome's word and the reason in a sentence. Nothing has been changed."""


class Book:
    """meter: core's, whose journal has it. Without a record all is zero. ValueError for a later
    format.

    level: 0 enough credit, 1 low, 2 low on the second level, 3 pretrip, 4 out. emergency: 0 none,
    1 offered, 2 selected; emergency_floor_u is the balance at which it is used up. limit_tries,
    banned_tries: restorations used today. locked: claims that the operator alone releases.
    rate: 0 .. 3, in force. account: its number.

    Up to when time is charged: day (local, since 2020, + 1), part (of 6048 s), month and week as
    calendar.py has them; 0: unknown. month_wh, month_rest: the register as the month began.
    mark_wh, mark_rest: up to where the energy is in the rate registers rate_wh and rate_rest.

    day_charged_u: charged total as the day began, and what since then was no use of the day's.
    days_milli: used in each of the last 7 days, in thousandths, the newest first, -1 unknown.
    debt_u: debts 1 and 2 are taken with time, the third from purchases. accumulated_u: time
    charges that found no credit. share_paid_u: paid of the third debt in this week. allowance_u:
    what of the allowance can expire, as it was given at the charged total allowance_charged_u;
    allowance_period: for which, 0 none. standing_total_u, debt_total_u, other_total_u: parts of
    the charged total; energy's is the rest. given_total_u: part of the credited total that was no
    purchase.

    last_n, last_u: number of the last order whose answer told an amount, and that amount: if the
    answer was lost, it is told again. is_new: there is no record yet.
    """

    def __init__(self, meter, channel):
        self._meter = meter
        self._index = channel.index
        self._saved = record = meter.get(KEYS[channel.index])
        self.is_new = not record
        if record and (len(record) != _BYTES or record[0] != _FORMAT):
            raise ValueError("account record of an unknown format")
        values = list(struct.unpack(_RECORD, record or bytes(_BYTES)))
        for name in _FIELDS.split():
            setattr(self, name, values.pop(1))
        self.rate_wh = values[1:5]
        self.rate_rest = values[5:9]
        self.days_milli = values[9:16] if self._saved else [-1] * 7
        self.debt_u = values[16:]

    def save(self, *event):
        """Have it committed in this tick, if it has changed. event: as of `event`, but to be put
        when that is done: it tells of money.
        """
        values = [getattr(self, name) for name in _FIELDS.split()]
        values += self.rate_wh + self.rate_rest + self.days_milli + self.debt_u
        record = struct.pack(_RECORD, _FORMAT, *values)
        if record != self._saved:
            self._saved = self._meter.later[KEYS[self._index]] = record
            self._meter.urgent()
        if event:
            self._meter.unsaid.append((self._index + 1,) + event)
            self._meter.urgent()

    def event(self, code, a=0, b=0):
        """Put an event of the channel, now."""
        self._meter.event(code, self._index + 1, a, b)
