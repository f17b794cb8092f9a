"""Whatever cashiers, meters and customers do in whatever order, the books keep their promises."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from desk_kit import (
    ANNA,
    BERT,
    DAY_S,
    answer,
    balances_u,
    charged,
    check,
    open_orders,
    sell,
    sell_as,
)
from station_kit import NOW_S, new_database
from umeter_station import holding, ledger, queries
from umeter_station.desk import agents, charges, fate, payouts, posting, shifts, voids
from umeter_station.desk.charges import Charges
from umeter_station.errors import StationError

_AMOUNTS = st.sampled_from([1_000_000, 5_000_000, 7_654_321, 20_000_000])
_WHO = st.sampled_from([ANNA, BERT])
_CODES = st.sampled_from(["applied", "applied", "too_much", "range", "expired"])


class Desk(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.home = tempfile.TemporaryDirectory()
        self.db = new_database(Path(self.home.name))
        self.keys, self.receipts, self.number = [], {}, 0
        self.credited_u = self.charged_u = self.returned_u = 0
        self.outcome = {}  # By order: final, as a meter keeps it.
        self.now_s, self.seq = NOW_S, 0
        with self.db.write() as conn:
            terms = Charges(fee_u=20_000, fee_permille=7, tax_permille=190, from_s=NOW_S)
            charges.set_terms(conn, "*", terms, "op", NOW_S)
            agents.set_terms(conn, "bob", 40_000_000, 15, "op", NOW_S)

    def teardown(self):
        self.db.close()
        self.home.cleanup()

    def _key(self):
        self.number += 1
        return f"k{self.number}"

    def _try(self, function):
        """Do it in one transaction, if it can be done; None if it was refused."""
        try:
            with self.db.write() as conn:
                return function(conn)
        except StationError:
            return None

    @rule(by=_WHO, float_u=st.sampled_from([0, 30_000_000]))
    def open_a_shift(self, by, float_u):
        desk = by.partition(":")[2]
        self._try(lambda conn: shifts.open_(conn, desk, by, float_u, by, self.now_s))

    @rule(by=_WHO, over_u=st.sampled_from([0, 0, -10_000, 5]))
    def close_a_shift(self, by, over_u):
        def close(conn):
            shift = shifts.open_of(conn, by)
            if shift is not None:
                counted_u = max(0, shifts.expected_u(conn, shift.id) + over_u)
                shifts.close(conn, shift.id, counted_u, by, self.now_s)

        self._try(close)

    @rule(by=_WHO, paid_u=_AMOUNTS)
    def sell_for_cash(self, by, paid_u):
        self._note(sell(self.db, paid_u, self._key(), by, now_s=self.now_s))

    @rule(paid_u=_AMOUNTS, way=st.sampled_from(["web", "agent"]))
    def sell_otherwise(self, paid_u, way):
        account = ledger.clearing("card") if way == "web" else ledger.agent("bob")
        try:
            sale = sell_as(self.db, account, way, paid_u, self._key(), now_s=self.now_s)
        except StationError:
            return  # Beyond the ceiling.
        self._note(sale)

    def _note(self, sale):
        assert not sale.repeated
        self.keys.append((sale.purchase.key, sale))
        self.receipts.setdefault(sale.register, []).append(sale.receipt_no)

    @precondition(lambda self: self.keys)
    @rule(data=st.data())
    def sell_the_same_again(self, data):
        key, first = data.draw(st.sampled_from(self.keys))
        sale = sell_as(
            self.db,
            first.paid_from,
            first.way,
            first.quote.paid_u,
            key,
            now_s=self.now_s,
            shift_id=first.shift_id,
        )
        assert sale.repeated and sale.receipt_no == first.receipt_no

    @rule(code=_CODES, data=st.data(), times=st.integers(1, 2))
    def the_meter_answers(self, code, data, times):
        waiting = open_orders(self.db)
        if not waiting:
            return
        n, op, args = data.draw(st.sampled_from(waiting))
        balance_u = self.credited_u - self.charged_u
        more = {}
        if n not in self.outcome:
            if op == "debit":
                code = "applied"
                more = {"taken_u": max(0, min(args["amount_u"], balance_u))}
                self.charged_u += more["taken_u"]
                self.returned_u += more["taken_u"]
            elif code == "applied":
                self.credited_u += args["amount_u"]
            self.outcome[n] = code
        for _ in range(times):
            answer(self.db, n, self.outcome[n], self.now_s, **more)

    @precondition(lambda self: self.outcome)
    @rule(data=st.data())
    def an_answer_comes_again(self, data):
        n = data.draw(st.sampled_from(sorted(self.outcome)))
        answer(self.db, n, "replayed", self.now_s, first=self.outcome[n])

    @precondition(lambda self: self.keys)
    @rule(data=st.data(), what=st.sampled_from(["resend", "refund", "void"]), by=_WHO)
    def decide_about_a_sale(self, data, what, by):
        key, _ = data.draw(st.sampled_from(self.keys[-3:]))

        def decide(conn):
            if what == "resend":
                holding.resend(conn, key, self._key(), self.now_s)
            elif what == "refund":
                holding.refund(conn, key, self.now_s)
            else:
                shift = shifts.open_of(conn, by)
                if shift is not None:
                    voids.void_last(conn, shift.id, key, by, self.now_s)

        self._try(decide)

    @rule(amount_u=_AMOUNTS)
    def take_credit_back(self, amount_u):
        key = self._key()
        self._try(lambda conn: payouts.take_back(conn, "m1", 3, amount_u, key, ANNA, self.now_s))

    @rule(by=_WHO, amount_u=st.sampled_from([1, 1_000_000, 4_000_000]))
    def pay_out(self, by, amount_u):
        key = self._key()

        def pay(conn):
            shift = shifts.open_of(conn, by)
            return payouts.pay_out(
                conn,
                meter="m1",
                ch=3,
                amount_u=amount_u,
                key=key,
                reason="",
                by=by,
                now_s=self.now_s,
                shift_id=shift and shift.id,
            )

        paid = self._try(pay)
        if paid is not None:
            self.receipts.setdefault(paid.register, []).append(paid.receipt_no)

    @rule(amount_u=_AMOUNTS)
    def the_agent_pays_in(self, amount_u):
        key, into = self._key(), ledger.bank("main")
        self._try(lambda conn: agents.settle(conn, "bob", amount_u, into, key, "op", self.now_s))

    @rule(used_u=st.integers(0, 3_000_000), days=st.integers(0, 2))
    def credit_is_used_and_days_pass(self, used_u, days):
        self.charged_u += used_u
        self.seq += 1
        charged(self.db, self.charged_u, self.now_s, self.seq, self.credited_u)
        self.now_s += days * DAY_S
        with self.db.write() as conn:
            posting.post_some(conn, self.now_s)

    @invariant()
    def the_books_are_right(self):
        check(self.db)
        balance = balances_u(self.db)
        # What is owed to customers, in whatever account, is never below nothing.
        assert balance.get("refund-due:m1/3", 0) >= 0 and balance.get("transit:m1/3", 0) >= 0
        assert balance.get(ledger.REVENUE_ENERGY, 0) <= self.charged_u - self.returned_u
        assert -balance.get("agent:bob", 0) <= 40_000_000 + 1_000_000  # A commission taken back.
        for numbers in self.receipts.values():
            assert numbers == list(range(1, len(numbers) + 1))

    @invariant()
    def the_ledger_has_what_the_meter_has(self):
        with self.db.read() as conn:
            for found in queries.balances(conn, "m1"):
                if found.ch == 3:
                    assert found.credited_u == self.credited_u
                    assert found.returned_u == self.returned_u
            for key, sale in self.keys[-3:]:
                told = fate.of(conn, key)
                assert told.steps[0].amount_u == sale.quote.paid_u


Desk.TestCase.settings = settings(max_examples=5, stateful_step_count=24, deadline=None)
TestDesk = Desk.TestCase
