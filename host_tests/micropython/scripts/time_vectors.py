"""Runs the vectors of vectors/time_vectors.py through core, in whatever interpreter this is."""

import json

from umeter.core import calendar, tariffs
from umeter.core.channel import Channel
from umeter.core.sample import Sample
from umeter.core.settings_table import Document

_CHANNEL = 2


class Book:
    """What tariffs.py reads and writes of core's Book."""

    def __init__(self):
        self.rate = 0
        self.month = self.month_wh = self.month_rest = 0
        self.mark_wh = self.mark_rest = 0
        self.rate_wh = [0] * 4
        self.rate_rest = [0] * 4


def _moments(case):
    doc = Document(case["doc"])
    told = []
    for when in case["whens"]:
        now = calendar.now(doc, when)
        told.append([now.day, now.minute, now.weekday, now.week, now.month, now.mmdd, now.kind])
    return told


def turn(doc, channel, book, when, known):
    """Bring the tariff up to the moment; `when` 0: not known. Returns when it may change."""
    now = calendar.now(doc, when)
    minute, follows = tariffs.apply(doc, channel, book, now, when or known)
    if now is None:
        return 1 << 30
    return min(now.at(minute), follows or 1 << 30)


def use(doc, channel, book, when, known, units):
    """Book energy as the meter's tick does, block after block."""
    channel.book(units)
    while channel.late:
        turn(doc, channel, book, when, known)
        channel.charge_late()


def _tariff(case):
    doc = Document(case["doc"])
    channel = Channel(_CHANNEL, Sample(36_000_000, 1 << 30), 250_000)
    channel.register.wh, channel.register.residual = case["register"]
    book = Book()
    when = known = case["when"]
    told = []
    for seconds, power_dw, trusted in case["steps"]:
        end = when + seconds
        while when < end:
            stop = min(end, turn(doc, channel, book, when * trusted, known))
            if stop <= when:
                raise ValueError("a moment that has passed")
            use(doc, channel, book, when * trusted, known, power_dw * 1000 * (stop - when))
            when = stop
            if trusted:
                known = when
        turn(doc, channel, book, when * trusted, known)
        register = channel.register
        if [book.mark_wh, book.mark_rest] != [register.wh, register.residual]:
            raise ValueError("the mark is not where the register is")
        rates = [[book.rate_wh[i], book.rate_rest[i]] for i in range(4)]
        told.append([channel.account.charged_total_u, rates])
    return told


_RUN = {"moments": _moments, "tariff": _tariff}


def run(text):
    """JSON list of cases to JSON list of results."""
    return json.dumps([_RUN[case["kind"]](case) for case in json.loads(text)])
