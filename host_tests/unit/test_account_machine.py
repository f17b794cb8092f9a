"""Any order of commands, loads, time, power cuts and clock steps, against exact arithmetic."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

import scenario_cells as cells
from account_oracle import Oracle
from scenario_site import Site
from thoroughness import share
from umeter.core import transient
from umeter.core.book import Book
from umeter.core.supply import CREDIT

_STEP_MS = 900_000
_START = cells.moment("2027-03-01 09:00", 0)
_UNCUT = 5  # flags of the book: credit mode, friendly hours
_CREDIT_MODE = 1
_AMOUNTS_U = st.one_of(
    st.sampled_from((1, 500_000, 1_000_000, 5_000_000, 20_000_000)), st.integers(1, 60_000_000)
)
_WATTS = st.sampled_from((0, 4, 400, 2000, 10_000))
_NOTHING_DUE = {"price_u": 0, "standing_u": 0, "debts_u": (0, 0, 0)}
_TORN = st.one_of(st.just(0), st.integers(1, 400))  # bytes that are written before the power cut


_SETTINGS = {
    "debt1_weekly_u": st.sampled_from((0, 5_200_000, 1_234_567)),
    "debt2_weekly_u": st.sampled_from((1, 99_990_000)),
    "debt3_percent": st.sampled_from((0, 10, 33, 100)),
    "debt3_cap_u": st.sampled_from((0, 5_000_000)),
    "disable_at_u": st.sampled_from((0, -2_000_000, 1_000_000)),
    "emergency_u": st.sampled_from((0, 5_000_000)),
    "pretrip_u": st.sampled_from((None, 2_000_000)),
    "reclose": st.sampled_from(("auto", "armed")),
    "friendly": st.sampled_from(([], [["1234567", 1800, 2400]])),
    "max_balance_u": st.sampled_from((0, 80_000_000)),
}


class AccountMachine(RuleBasedStateMachine):
    @initialize(
        chosen=st.fixed_dictionaries(_SETTINGS),
        price_u=st.sampled_from((0, 200_000, 123_457, 99_999_999)),
        standing_u=st.sampled_from((0, 300_000, 123_456)),
        debts_u=st.tuples(*[st.integers(0, 400_000_000)] * 3),
    )
    def install(self, chosen, price_u, standing_u, debts_u):
        changes = dict(
            chosen,
            tariff={"prices": [[price_u]], "standing_u_per_day": standing_u},
            emergency_at_u=chosen["disable_at_u"],
            low_credit_u=3_000_000,
            dwell_ms=0,
            stagger_ms=100,
        )
        self.site = Site(1, _START)
        self.oracle = Oracle(dict(chosen, price_u_per_kwh=price_u, standing=standing_u))
        self.oracle.pass_time(_START)
        self.error_s = 0  # of the clock while it is trusted
        self.totals = (0, 0, 0)
        self.disable_u = chosen["disable_at_u"]
        self.emergency_u = chosen["emergency_u"]
        assert self.site.order("set", {"version": 1, "set": changes})["code"] == "applied"
        self.site.settle()
        for debt in (1, 2, 3):
            self.owe(debt, debts_u[debt - 1], 0)

    @property
    def channel(self):
        return self.site.meter.channels[0]

    @property
    def book(self):
        return Book(self.site.meter, self.channel)

    @property
    def out_u(self):
        book = self.book
        return book.emergency_floor_u if book.emergency == 2 else self.disable_u

    def order(self, op, torn=0, **fields):
        self.site.torn = torn
        answer = self.site.order(op, dict(fields, ch=1))
        self.site.settle()
        return answer

    @rule(quarters=st.integers(1, 30), watts=_WATTS, torn=_TORN)
    def wait(self, quarters, watts, torn):
        self.site.loads[0].apply(str(watts))
        for _ in range(quarters):
            counted = self._counted_wh()
            owed_u = self.book.accumulated_u
            enough = self.channel.account.balance_u > self.out_u
            self.site.wait(_STEP_MS, _STEP_MS, torn)
            torn = 0
            self.oracle.draw((self._counted_wh() - counted) * cells.UNITS_PER_WH)
            if self.site.when:
                self.oracle.pass_time(self.site.when)
            if enough and self.channel.account.balance_u > self.out_u:
                assert self.book.accumulated_u == owed_u, "accumulated in spite of credit"
            self.agrees()

    def _counted_wh(self):
        """What the front end has counted of what the load has drawn."""
        return self.site.loads[0].units // cells.UNITS_PER_WH

    @rule(amount_u=_AMOUNTS_U, torn=_TORN)
    def buy(self, amount_u, torn):
        balance_u = self.channel.account.balance_u
        code, share_u, old_u, below_u = self.oracle.top_up(
            amount_u, balance_u, self.book.accumulated_u
        )
        before = self.book
        answer = self.order("credit", torn, amount_u=amount_u)
        assert answer["code"] == code
        if code == "applied" and before.emergency == 2:
            self._repaid(before.emergency_floor_u, amount_u - share_u - old_u)
        if "kept_u" in answer:
            assert answer["payment_debt_u"] == share_u
            assert answer["accumulated_u"] == old_u
            assert answer["below_u"] + answer["emergency_u"] == below_u
            assert min(answer["below_u"], answer["emergency_u"]) >= 0
            assert answer["kept_u"] == amount_u - share_u - old_u - below_u

    @rule(quarters=st.integers(0, 8), amount_u=st.integers(1, 4_000_000), torn=_TORN)
    def borrow_and_repay(self, quarters, amount_u, torn):
        self.select_emergency(torn)
        self.wait(quarters, 400, 0)
        self.buy(amount_u, 0)

    def _repaid(self, floor_u, lifted_u):
        """What is repaid of emergency credit is not lent again; cleared, it is gone."""
        book = self.book
        if self.channel.account.balance_u > self.disable_u:
            assert book.emergency < 2
        else:
            assert book.emergency == 2
            assert book.emergency_floor_u == min(self.disable_u, floor_u + lifted_u)

    @rule(amount_u=_AMOUNTS_U, torn=_TORN)
    def take_back(self, amount_u, torn):
        if self.oracle.closed:
            assert self.order("debit", torn, amount_u=amount_u)["code"] == "not_now"
            return
        taken_u = self.oracle.take_back(amount_u, self.channel.account.balance_u)
        answer = self.order("debit", torn, amount_u=amount_u)
        assert answer["code"] == "applied"
        assert answer.get("taken_u", taken_u) == taken_u

    @rule(debt=st.integers(1, 3), add_u=st.integers(-30_000_000, 99_000_000), torn=_TORN)
    def owe(self, debt, add_u, torn):
        code = self.oracle.owe(debt, add_u)
        assert self.order("debt", torn, debt=debt, add_u=add_u)["code"] == code

    @rule(torn=_TORN)
    def select_emergency(self, torn):
        before = self.book
        balance_u = self.channel.account.balance_u
        code = self.order("emergency", torn)["code"]
        assert code == ("applied" if before.emergency == 1 else "not_now")
        if code == "applied":
            assert self.emergency_u > 0 and balance_u <= self.disable_u
            floor_u = self.book.emergency_floor_u + self.emergency_u
            assert floor_u in (self.disable_u, balance_u), "friendly use is not lent twice"

    # While the clock is not known, what is due to the day is not known either.
    @precondition(lambda self: self.site.when)
    @rule(action=st.sampled_from(("close", "reset")), torn=_TORN)
    def settle_account(self, action, torn):
        accumulated_u = self.book.accumulated_u
        balance_u = self.channel.account.balance_u
        answer = self.order("account", torn, action=action)
        if self.oracle.closed:
            assert answer["code"] == "not_now"
            return
        refund_u = self.oracle.clear(balance_u, accumulated_u)
        self.oracle.closed = action == "close"
        assert answer["code"] == "applied" and answer.get("refund_u", refund_u) == refund_u
        assert self.channel.account.balance_u == 0 and self.book.accumulated_u == 0

    @precondition(lambda self: self.site.when)
    @rule(number=st.integers(1, 0x3FFFFFFF), torn=_TORN)
    def next_tenant(self, number, torn):
        code = self.order("account", torn, action="open", account=number)["code"]
        assert code == ("applied" if self.oracle.closed else "not_now")
        self.oracle.closed = False

    @rule(torn=_TORN)
    def pay_afterwards(self, torn):
        code = self.order("account", torn, action="credit")["code"]
        assert code == ("not_now" if self.oracle.closed else "applied")

    @rule(lend_u=st.sampled_from((0, 1_000_000, 30_000_000)), torn=_TORN)
    def pay_before(self, lend_u, torn):
        cut = self.channel.account.balance_u + lend_u <= self.out_u
        code = self.order("account", torn, action="prepaid", lend_u=lend_u)["code"]
        assert code == ("not_now" if cut or self.oracle.closed else "applied")
        if code == "applied":
            self.oracle.credited_u += lend_u
            self.oracle.debts_u[2] += lend_u

    @rule(op=st.sampled_from(("user", "supply")), state=st.sampled_from(("open", "close")))
    def switch(self, op, state):
        assert self.order(op, state=state)["code"] == "applied"

    @rule()
    def hand(self):
        self.order("restore")

    @rule(hours=st.integers(0, 300), lost=st.booleans())
    def cut_power(self, hours, lost):
        self.site.true_ms += hours * 3_600_000
        if lost:
            self.site.error_s = None
        self.site.boot()
        self.site.settle()
        if self.site.when:
            self.oracle.pass_time(self.site.when)

    @precondition(lambda self: self.site.when)
    @rule(hours=st.integers(-2000, 5000), seconds=st.integers(11, 3599))
    def set_clock(self, hours, seconds):
        when = max(cells.moment("2026-02-01 00:00", 0), self.site.when + hours * 3600 + seconds)
        self._order_time(when)
        self.oracle.set_time(self.site.when)
        self.error_s = self.site.error_s

    @precondition(lambda self: not self.site.when)
    @rule()
    def find_the_time(self):
        self._order_time(self.site.true_when + self.error_s)
        self.oracle.pass_time(self.site.when)

    def _order_time(self, when):
        t = when + cells.EPOCH_OFFSET_S
        assert self.site.order("time", {"t": t, "boot": self.site.meter.boot})["code"] == "applied"
        self.site.settle()

    @invariant()
    def agrees(self):
        if not hasattr(self, "site"):
            return
        channel = self.channel
        account = channel.account
        book = self.book
        assert account.balance_u == account.credited_total_u - account.charged_total_u
        assert account.credited_total_u == self.oracle.credited_u
        assert account.charged_total_u == self.oracle.charged_u(book.accumulated_u)
        assert list(book.debt_u) == self.oracle.debts_u
        assert book.accumulated_u >= 0 and min(book.debt_u) >= 0
        parts_u = book.standing_total_u + book.debt_total_u + book.other_total_u
        assert min(book.standing_total_u, book.debt_total_u, book.other_total_u) >= 0
        assert account.charged_total_u == parts_u + self.oracle.energy_u
        assert book.other_total_u == self.oracle.other_u
        totals = (account.credited_total_u, account.charged_total_u, cells.register_units(channel))
        assert min(now - before for now, before in zip(totals, self.totals, strict=True)) >= 0
        self.totals = totals
        assert cells.rate_units(channel, book) == cells.register_units(channel)
        assert bool(channel.contact) == (channel.claims == 0)
        assert channel.armed & ~channel.claims == 0
        if account.balance_u <= self.out_u and not book.flags & _UNCUT and not self.oracle.closed:
            assert channel.claims & CREDIT, "fed without credit"
        if book.flags & _CREDIT_MODE:
            assert not channel.claims & CREDIT, "cut though it is paid afterwards"
        assert self.site.meter.events.peek() is None or "turn.failed" not in self._codes()

    def _codes(self):
        events = self.site.meter.events
        codes = []
        while events.peek():
            codes.append(events.peek()[2])
            events.pop()
        return codes

    def teardown(self):
        transient._forget = _FORGET


_FORGET = transient._forget


class TestAccount(AccountMachine.TestCase):
    settings = settings(max_examples=share(25, 12), stateful_step_count=30)

    def setUp(self):
        # A board forgets its transient modules for the sake of its heap; here it costs time only.
        transient._forget = lambda name: None
        super().setUp()

    def tearDown(self):
        transient._forget = _FORGET
        super().tearDown()


def test_a_debt_is_not_paid_for_the_time_before_it_was_owed():
    chosen = {"debt1_weekly_u": 5_200_000, "debt2_weekly_u": 1, "disable_at_u": 0, "friendly": []}
    chosen.update({"debt3_percent": 0, "debt3_cap_u": 0, "max_balance_u": 0, "emergency_u": 0})
    state = AccountMachine()
    try:
        state.install(chosen={**chosen, "pretrip_u": None, "reclose": "auto"}, **_NOTHING_DUE)
        state.wait(quarters=9, torn=0, watts=0)  # a part has ended since the last half hour
        state.owe(debt=1, add_u=1, torn=0)
        state.agrees()
        state.wait(quarters=9, torn=0, watts=0)  # and here another one
        assert state.book.debt_u[0] == 0 and state.book.accumulated_u == 1
    finally:
        state.teardown()
