"""The steps of the story, each checked against the site's truth, the wire, the journal or the
books.
"""

import itertools
import time
from fractions import Fraction

from umeter_sim.journal_image import decode_journal
from umeter_sim.scene import METER, PRICE_U_PER_KWH, wait_until

USERS = range(1, 9)
EURO_U = 1_000_000
UNITS_PER_WH = 36_000_000
HOUR_MS = 3_600_000
CREDIT, OPERATOR = 2, 4
# Power of each user's load in W, kept constant so that the last micro-unit has a known moment.
LOAD_W = (350, 1200, 2000, 90, 1500, 40, 2400, 760)
# User 3's credit lasts a little over the hour, user 5's into the hour without a broker.
SALES_U = (9_000_000, 8_000_000, 523_457, 5_000_000, 641_003, 3_000_000, 20_000_000, 6_543_210)


class Failed(Exception):
    """A step of the story does not hold. args[0]: what was found instead."""


def require(condition, found, *values):
    if not condition:
        raise Failed(found % values if values else found)


def charge_u(units):
    """What energy in 0.1 W x ms costs at the story's price, as an exact fraction of
    micro-units.
    """
    return Fraction(units) * PRICE_U_PER_KWH / (UNITS_PER_WH * 1000)


class Story:
    """The steps share one scene; what a later step needs of an earlier one is kept here."""

    def __init__(self, scene, tap):
        self.scene = scene
        self.sim = scene.sim
        self.tap = tap

    def steps(self):
        return (
            (
                "First boot: contacts open, balances zero, nothing said before the journal",
                self.first_boot,
            ),
            ("Eight sales: credited once, contacts close one after another", self.eight_sales),
            (
                "An hour of load: registers and charges against the site's own truth",
                self.hour_of_load,
            ),
            ("User 3 runs out: that contact opens, at once and alone", self.runs_out),
            ("A sale restores user 3", self.restored_by_sale),
            (
                "Power cut under load: nothing lost, nothing invented, a replay refused",
                self.power_cut,
            ),
            ("An hour without the broker: user 5 is cut all the same", self.broker_gone),
            ("A fresh reading on demand; the operator opens and closes user 2", self.operator),
            (
                "credited - charged = balance: on the meter, in the journal, in the station",
                self.books_agree,
            ),
        )

    # 1
    def first_boot(self):
        self.sim.start()
        reading = wait_until(lambda: self.scene.station.latest_reading(METER), "the first reading")
        meter = self.scene.meter()
        require(meter["boot"] == 1, "boot count is %d", meter["boot"])
        require(reading.boot == 1, "the first reading names boot %d", reading.boot)
        for channel in reading.channels:
            require(channel["balance_u"] == 0, "a first balance is %d", channel["balance_u"])
            require(channel["contact"] == 0, "a contact is closed without credit")
        require(closings(self.sim) == [], "contacts have moved: %r", closings(self.sim))
        require(
            self.tap.first_kind() == "status", "the first message was %r", self.tap.first_kind()
        )
        changes = {"price_u_per_kwh": PRICE_U_PER_KWH, "report_s": 30}
        answer = self.scene.ordered(self.scene.station.order_set(METER, changes))
        require(answer.state == "applied", "the settings were %s: %r", answer.state, answer.result)
        wait_until(lambda: self._clock_is_set(), "the station to set the meter's clock")
        return "boot %d, 8 contacts open, clock set" % meter["boot"]

    def _clock_is_set(self):
        reading = self.scene.station.latest_reading(METER)
        return reading and reading.clock == 1

    # 2
    def eight_sales(self):
        for ch in USERS:
            self.sim.ask("load", ch=ch, want=LOAD_W[ch - 1] * 10)
        orders = [self.scene.station.sell(METER, ch, SALES_U[ch - 1]).command_id for ch in USERS]
        for order in orders:
            answer = self.scene.ordered(order)
            require(answer.state == "applied", "a sale was %s: %r", answer.state, answer.result)
        wait_until(lambda: len(closings(self.sim)) >= 8, "eight contacts to close")
        closed = closings(self.sim)
        require(sorted(ch for _, ch in closed) == list(USERS), "closed were %r", closed)
        gaps = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(closed)]
        require(min(gaps) >= 500, "two contacts closed %d ms apart", min(gaps))
        for ch in USERS:
            credited_u = self.scene.channel(ch)["credited_total_u"]
            require(credited_u == SALES_U[ch - 1], "user %d was credited %d", ch, credited_u)
        return "8 sales, closings %d ms apart at least" % min(gaps)

    # 3
    def hour_of_load(self):
        self.sim.pause()
        self.sim.run_for(HOUR_MS)
        worst = self._registers_against_truth()
        kwh = sum(channel["wh"] for channel in self.scene.meter()["channels"]) / 1000
        self.sim.resume()
        return f"{kwh:.3f} kWh, worst register off by {worst:.3f} Wh, charges exact"

    def _registers_against_truth(self):
        """The largest distance of a register from the site's truth, Wh; charges must be exact.
        The board is paused.
        """
        worst = Fraction(0)
        truth = self.scene.truth()["channels"]
        for ch, (told, drawn) in enumerate(
            zip(self.scene.meter()["channels"], truth, strict=True), 1
        ):
            units = told["wh"] * UNITS_PER_WH + told["residual"]
            off = Fraction(units - drawn["wh"] * UNITS_PER_WH - drawn["residual"], UNITS_PER_WH)
            require(abs(off) <= 1, "user %d's register is off by %.3f Wh", ch, float(off))
            due_u = charge_u(units)
            require(
                told["charged_total_u"] == due_u.__floor__(),
                "user %d was charged %d, due is %s",
                ch,
                told["charged_total_u"],
                due_u,
            )
            worst = max(worst, abs(off))
        return float(worst)

    # 4
    def runs_out(self):
        others = [self.scene.channel(ch)["contact"] for ch in USERS if ch != 3]
        require(all(others), "not all others are fed before the test: %r", others)
        self.sim.pause()
        per_ms = charge_u(LOAD_W[2] * 10)
        left_u = self.scene.channel(3)["balance_u"]
        require(left_u > 0, "user 3 is out already, with %d", left_u)
        coarse_ms = int(left_u / per_ms) - 2000
        if coarse_ms > 0:
            self.sim.run_for(coarse_ms)
        before = self.scene.channel(3)
        require(before["contact"], "user 3 was cut with %d left", before["balance_u"])
        for _ in range(100):
            self.sim.run_for(100)
            now = self.scene.channel(3)
            if not now["contact"]:
                break
        require(not now["contact"], "user 3 is still fed with %d left", now["balance_u"])
        late_ms = float(-now["balance_u"] / per_ms)
        require(0 <= late_ms <= 300, "user 3 was cut %.0f ms late", late_ms)
        require(now["claims"] == CREDIT, "user 3's claims are %d", now["claims"])
        fed = [self.scene.channel(ch)["contact"] for ch in USERS if ch != 3]
        require(all(fed), "others were cut too: %r", fed)
        self.sim.resume()
        return f"cut {late_ms:.0f} ms after the last micro-unit"

    # 5
    def restored_by_sale(self):
        before_u = self.scene.channel(3)["balance_u"]
        require(self.scene.sell(3, 4 * EURO_U).state == "applied", "the sale was not applied")
        wait_until(lambda: self.scene.channel(3)["contact"], "user 3's contact to close")
        require(
            self.scene.channel(3)["balance_u"] <= before_u + 4 * EURO_U, "credit came from nowhere"
        )
        return "fed again"

    # 6
    def power_cut(self):
        time.sleep(1)  # some virtual minute under load
        self.sim.pause()
        before, drawn = self.scene.meter(), self.scene.truth()["channels"]
        self.sim.power_cut()
        said = self.tap.count("status")
        self.sim.power_on(after_ms=10 * 60_000)
        self.sim.resume()
        wait_until(lambda: self.tap.count("status") > said, "the meter to come back")
        self.sim.pause()
        self.sim.run_for(5000)
        after = self.scene.meter()
        require(after["boot"] == before["boot"] + 1, "boot count is %d", after["boot"])
        require(
            after["window"] >= before["window"], "command numbers went back to %d", after["window"]
        )
        lost_wh = Fraction(0)
        for ch, (then, now, true) in enumerate(
            zip(before["channels"], after["channels"], drawn, strict=True), 1
        ):
            require(now["credited_total_u"] == then["credited_total_u"], "user %d lost credit", ch)
            require(now["wh"] >= then["wh"] - 1, "user %d's register went back", ch)
            lost_wh += max(
                0,
                Fraction(true["wh"] - now["wh"])
                + Fraction(true["residual"] - now["residual"], UNITS_PER_WH),
            )
        require(lost_wh <= 4, "%.3f Wh were lost", float(lost_wh))
        self._registers_against_truth()
        self.sim.resume()
        self._replay_is_refused()
        return f"{float(lost_wh):.3f} Wh short over 8 channels, replay refused"

    def _replay_is_refused(self):
        credit = self.tap.last_command("credit")
        before_u = self.scene.channel(credit.order["ch"])["credited_total_u"]
        answers = len(self.tap.results_of(credit.order["n"]))
        self.tap.replay(credit)
        answer = wait_until(
            lambda: self.tap.results_of(credit.order["n"])[answers:], "an answer to the replay"
        )[0]
        require(answer["code"] == "replayed", "the replay was answered %r", answer)
        require(answer["first"] == "applied", "the first time it was %r", answer["first"])
        after_u = self.scene.channel(credit.order["ch"])["credited_total_u"]
        require(after_u == before_u, "the replay was credited: %d, then %d", before_u, after_u)

    # 7
    def broker_gone(self):
        require(self.scene.channel(5)["contact"], "user 5 is out too early")
        self.scene.broker.stop()
        self.sim.pause()
        self.sim.run_for(HOUR_MS)
        cut = self.scene.channel(5)
        require(not cut["contact"] and cut["claims"] == CREDIT, "user 5 without a broker: %r", cut)
        self._registers_against_truth()
        self.scene.broker.start()
        self.sim.resume()
        said = self.scene.station.latest_reading(METER).seq
        reading = wait_until(
            lambda: (r := self.scene.station.latest_reading(METER)).seq > said and r,
            "a reading after the broker's return",
            60,
        )
        require(
            reading.channels[4]["charged_total_u"] >= cut["charged_total_u"],
            "the station knows %r of user 5",
            reading.channels[4],
        )
        return "cut without a broker, totals caught up"

    # 8
    def operator(self):
        answer = self.scene.ordered(self.scene.station.order_read(METER))
        require(answer.state == "applied", "the reading was %s", answer.state)
        fresh = answer.result["reading"]
        require(max(fresh["age_s"]) <= 2, "values are %r s old", fresh["age_s"])
        require(
            fresh["energy_wh"][1] <= self.scene.channel(2)["wh"],
            "the reading is ahead of the meter",
        )
        for state, closed in (("open", 0), ("close", 1)):
            answer = self.scene.ordered(self.scene.station.order_supply(METER, 2, state))
            require(answer.state == "applied", "the order to %s was %s", state, answer.state)
            wait_until(
                lambda c=closed: self.scene.channel(2)["contact"] == c,
                "user 2's contact to " + state,
            )
            claims = self.scene.channel(2)["claims"]
            require(claims == (0 if closed else OPERATOR), "user 2's claims are %d", claims)
        return "values at most %d s old; opened and closed" % max(fresh["age_s"])

    # 9
    def books_agree(self):
        self.sim.pause()
        on_meter = self.scene.meter()["channels"]
        in_journal = decode_journal(self.sim.flash())
        require(self.scene.station.reconcile() == [], "ledger and meter differ")
        books = {balance.ch: balance for balance in self.scene.station.balances(METER)}
        for ch in USERS:
            told, kept, sold = on_meter[ch - 1], in_journal[ch - 1], books[ch]
            for name, totals in (("meter", told), ("journal", kept)):
                left_u = totals["credited_total_u"] - totals["charged_total_u"]
                require(left_u == totals["balance_u"], "user %d: %s does not balance", ch, name)
                require(
                    totals["credited_total_u"] == sold.credited_u,
                    "user %d: %s and ledger",
                    ch,
                    name,
                )
            require(
                kept["charged_total_u"] <= told["charged_total_u"], "user %d: journal is ahead", ch
            )
            require(
                sold.charged_total_u <= told["charged_total_u"], "user %d: station is ahead", ch
            )
            require(
                sold.in_transit_u == 0 and sold.sold_u == sold.credited_u,
                "user %d: in transit",
                ch,
            )
        self.sim.resume()
        readings = self.tap.readings()
        for earlier, later in itertools.pairwise(readings):
            for name in ("energy_wh", "credited_total_u", "charged_total_u"):
                for ch, before, after in zip(USERS, earlier[name], later[name], strict=True):
                    require(after >= before, "user %d's %s went back in a reading", ch, name)
        return "8 channels to the micro-unit, and no total fell in %d readings" % len(readings)


def closings(sim):
    """[virtual ms, channel number] of every contact that has closed, in the order of time."""
    return [(at_ms, ch) for at_ms, ch, closed in sim.edges() if closed]
