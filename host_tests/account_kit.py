"""A meter reduced to what an account's code sees: one channel, settings, a journal in memory."""

from types import SimpleNamespace

import pytest

from umeter.core import turn
from umeter.core.book import Book, Refusal
from umeter.core.channel import Channel
from umeter.core.energy import UNITS_PER_WH
from umeter.core.sample import Sample
from umeter.core.settings_table import Document

DAY = 86_400
PART = 6048
MONDAY = 2252 * DAY  # 2026-03-02 00:00 UTC
KWH = 1000 * UNITS_PER_WH


class Bench:
    """settings: those that differ from the defaults. `when` 0: the clock is not trusted."""

    def __init__(self, when=MONDAY, **settings):
        self.changed = settings
        self.channel = Channel(0, Sample(UNITS_PER_WH, 10_000_000, True), 250_000)
        self.channel.claims = 0
        self.channels = (self.channel,)
        self.settings = SimpleNamespace(open=lambda: Document(self.changed))
        self.when = when
        self.last_when = 0
        self.next_when = 0
        self.up_s = 0
        self.ticks = 1
        self.later = {}
        self.unsaid = []
        self.events = []
        self.commits = 0

    # What core expects of a meter.

    def get(self, key):
        return self.later.get(key)

    def event(self, code, ch=0, a=0, b=0):
        self.events.append((code, ch, a, b))

    def urgent(self):
        self.commits += 1

    def _say(self):
        """What the commit lets be told."""
        for ch, *event in self.unsaid:
            self.event(event[0], ch, *event[1:])
        del self.unsaid[:]

    # What tests do with it.

    @property
    def doc(self):
        return self.settings.open()

    @property
    def book(self):
        return Book(self, self.channel)

    @property
    def account(self):
        return self.channel.account

    def change(self, **fields):
        book = self.book
        for name, value in fields.items():
            setattr(book, name, value)
        book.save()

    def turn(self, when=None):
        """A turn at a moment; the codes of what it told."""
        if when is not None:
            self.when = when
        del self.events[:]
        turn.turn(self)
        self._say()
        return [event[0] for event in self.events]

    def spend(self, amount_u):
        """Charge for energy, then what the tick would do about it."""
        self.account.charge(amount_u)
        self.channel.evaluate()
        del self.events[:]
        if self.channel.due:
            turn.look(self, self.channel)
        self._say()
        return [event[0] for event in self.events]

    def do(self, function, *args):
        """An order, and the turn that follows it. Its answer."""
        del self.events[:]
        told = function(self, self.doc, self.channel, self.book, *args)
        self._say()
        turn.look(self, self.channel)
        return told


def with_credit(credit_u, **settings):
    """A bench whose first turn finds this credit."""
    bench = Bench(**settings)
    if credit_u:
        bench.account.credit(credit_u)
    bench.turn()
    return bench


def refused(bench, function, *args):
    """The word of a refusal that has changed nothing."""
    before = bench.account.credited_total_u, bench.account.charged_total_u, dict(bench.later)
    with pytest.raises(Refusal) as caught:
        function(bench, bench.doc, bench.channel, bench.book, *args)
    after = bench.account.credited_total_u, bench.account.charged_total_u, bench.later
    assert after == before
    assert caught.value.args[1]
    return caught.value.args[0]
