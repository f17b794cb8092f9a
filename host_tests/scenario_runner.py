"""Runs a scenario: a table of what happens at a site, and of what the meter must show.

    # Title
    set price_u_per_kwh 200_000
    start Mon 2026-03-02 08:00
    step 15m

    at     | load W | do          | balance | contact | claims
    08:00  | 1000   | credit 1.00 |  1.00   | closed  | -
    +5h    |        |             |  0.00   | open    | credit

A row lets the time pass until `at` (UTC) under the loads of before, then sets its own loads, then
does what `do` says, then compares; an empty cell says nothing, `-` says none. A column's name is
its header's first word; `balance2` is channel 2's. README.md in scenarios/ tells all columns,
actions and header lines. Plain Python: the same file runs on CPython and inside MicroPython.
"""

import json

import scenario_cells as cells
from scenario_actions import act
from scenario_site import Site
from umeter.core.book import Book
from umeter.net.reading import reading as snapshot

_SILENT_EVENTS = (
    "boot command settings clock.set contact.open contact.close power.cut power.fail energy.open "
    "journal. frontend. register. log. set."
)
_DEFAULTS = {"stagger_ms": 100, "dwell_ms": 0, "report_s": 86_400}
_STATES = ("low", "low2", "offered", "emergency", "out", "friendly", "protected", "postpaid")
_STATES += ("closed", "locked")


class Scenario:
    """lines: (number, text) of the rows; columns: the header's names."""

    def __init__(self, text, first_line=1):
        self.title = ""
        self.settings = dict(_DEFAULTS)
        self.channels = 1
        self.start = 0
        self.step_ms = 900_000
        self.behind = False
        self.cuts = True  # may the power be cut after any row?
        self.columns = None
        self.rows = []
        number = first_line - 1
        for line in text.split("\n"):
            number += 1
            line = line.strip()
            if line.startswith("#"):
                self.title = line[1:].strip()
            elif line.startswith(">"):  # how the figures come about
                continue
            elif "|" in line:
                row = [cell.strip() for cell in line.split("|")]
                if self.columns is None:
                    self.columns = [cell.split()[0] for cell in row]
                else:
                    self.rows.append((number, row))
            elif line:
                self._head(line)

    def _head(self, line):
        word, _, rest = line.partition(" ")
        if word == "set":
            key, _, value = rest.partition(" ")
            self.settings[key] = cells.loads(value)
        elif word == "start":
            self.start = cells.moment(rest, 0)
        elif word == "step":
            self.step_ms = cells.span_ms(rest)
        elif word == "channels":
            self.channels = int(rest)
        elif word == "volts":  # behind the contacts
            self.behind = True
        elif word == "uncut":
            self.cuts = False
        else:
            raise ValueError("header line: " + line)


class _Run:
    def __init__(self, scenario, mode):
        self.failures = []
        self.checks = 0
        self.mode = mode
        self.scenario = scenario
        self.number = 0
        self.site = Site(scenario.channels, scenario.start, scenario.behind)
        self._totals = [(0, 0, 0)] * scenario.channels
        changes = sorted(scenario.settings.items())
        for i in range(0, len(changes), 16):
            answer = self.site.order("set", {"version": 1, "set": dict(changes[i : i + 16])})
            if answer["code"] != "applied":
                self._fail("settings", "applied", json.dumps(answer))
        self.site.settle()

    def _fail(self, what, expected, found):
        self.failures.append(
            "%d: %s: expected %s, found %s" % (self.number, what, expected, found)
        )

    def all(self):
        for number, row in self.scenario.rows:
            self.number = number
            if len(row) != len(self.scenario.columns):
                self._fail("row", "%d cells" % len(self.scenario.columns), "%d" % len(row))
                continue
            try:
                self._row(dict(zip(self.scenario.columns, row)))  # noqa: B905
            except Exception as error:
                self._fail("row", "to be carried out", repr(error))
            self._invariants()
            if self.mode == "cuts":
                self.site.boot()
                self.site.settle()

    def _row(self, row):
        site = self.site
        if row["at"]:
            ms = cells.wait_ms(row["at"], site.true_ms, self.scenario.start)
            if ms < 0:
                self._fail("at", row["at"], "it is later already")
            torn = self._torn() if self.scenario.cuts and self._one_price() else 0
            site.wait(ms, self.scenario.step_ms, torn)
        for name in row:
            if name.startswith("load") and row[name]:
                site.loads[int(name[4:] or 1) - 1].apply(row[name])
        answer = None
        if row.get("do"):
            site.torn = self._torn()
            for words in row["do"].split(";"):
                answer = act(site, words.strip()) or answer
                site.settle()
        else:
            site.settle()
        self._answer(row, answer)
        self._compare(row)

    def _one_price(self):
        """What a power cut leaves uncommitted, some Wh, has no date and may go to another rate."""
        settings = self.scenario.settings
        tariff = settings.get("tariff") or {"prices": [[0]]}
        return (
            len(tariff["prices"]) * len(tariff["prices"][0]) == 1 and "next_tariff" not in settings
        )

    def _torn(self):
        """After how many bytes of what is written next the power is cut: others in every row."""
        return self.number * 37 % 89 + 1 if self.mode == "torn" else 0

    def _answer(self, row, answer):
        code = answer["code"] if answer else "applied"
        expected = row.get("answer") or "applied"
        if code != expected:
            self._fail("answer", expected, json.dumps(answer))
        for name in ("parts", "refund", "taken"):
            if row.get(name) and self.mode != "torn":  # a repeated order is not answered in full
                self._equal(name, row[name], cells.of_answer(name, answer or {}))

    def _compare(self, row):
        reading = snapshot(self.site.meter, self.site)
        books = {}
        for name in row:
            expected = row[name]
            word = name.rstrip("12345678") if name[:-1] not in ("debt", "low") else name
            if not expected or word in cells.NOT_CHECKED or word.startswith("load"):
                continue
            if word == "events":
                if self.mode != "torn":
                    self._equal(name, " ".join(sorted(expected.split())), self._events())
                continue
            index = int(name[len(word) :] or 1) - 1
            if index not in books:
                books[index] = Book(self.site.meter, self.site.meter.channels[index])
            if word == "state":
                self._state(expected, reading["state"][index])
            else:
                found = cells.value(word, index, reading, books[index], self.site)
                self._equal(name, cells.normal(word, expected), found)
        if not row.get("events"):
            self._events()

    def _equal(self, name, expected, found):
        self.checks += 1
        if expected != found:
            self._fail(name, expected, found)

    def _state(self, expected, bits):
        found = cells.names(bits, _STATES)
        for word in expected.split():
            self.checks += 1
            if (word.lstrip("!") in found.split()) == word.startswith("!"):
                self._fail("state", expected, found)

    def _events(self):
        """The codes since the last row, channel 1's as they are, others' as code@ch."""
        events = self.site.meter.events
        codes = []
        while events.peek():
            code, ch = events.peek()[2:4]
            events.pop()
            family = code[: code.find(".") + 1] or code
            if family not in _SILENT_EVENTS.split() and code not in _SILENT_EVENTS.split():
                codes.append(code if ch < 2 else "%s@%d" % (code, ch))
        return " ".join(sorted(codes)) or "-"

    def _invariants(self):
        """What holds at any moment of any scenario."""
        for channel in self.site.meter.channels:
            i = channel.index
            account = channel.account
            register = channel.register
            self._equal(
                "balance is what was credited less what was charged",
                account.credited_total_u - account.charged_total_u,
                account.balance_u,
            )
            if channel.contact and channel.claims:
                self._fail("contact", "open", "closed in spite of " + cells.names(channel.claims))
            totals = (account.credited_total_u, account.charged_total_u, register.wh)
            for before, now in zip(self._totals[i], totals):  # noqa: B905
                if now < before:
                    self._fail(
                        "totals", "not to shrink", "%s after %s" % (totals, self._totals[i])
                    )
            self._totals[i] = totals
            book = Book(self.site.meter, channel)
            self._equal(
                "rates add up", cells.register_units(channel), cells.rate_units(channel, book)
            )
            if min(book.debt_u) < 0 or book.accumulated_u < 0:
                self._fail("debts", "none negative", str((book.debt_u, book.accumulated_u)))


def split(text):
    """[(number of its first line, text)] of the scenarios of a file; each begins with '# '."""
    found = []
    for number, line in enumerate(text.split("\n")):
        if line.startswith("# "):
            found.append((number + 1, []))
        if found:
            found[-1][1].append(line)
    return [(number, "\n".join(lines)) for number, lines in found]


def run(text, mode="plain", first_line=1):
    """(how much was compared, ["line: what: expected .., found ..", ..]).

    mode "cuts": the power is cut after each row, and comes back at once. "torn": it is cut in the
    middle of what is written while each row's time passes, and in the middle of what each of its
    orders writes; the station repeats the order.
    """
    scenario = Scenario(text, first_line)
    if mode == "cuts" and not scenario.cuts:
        return 0, []
    one = _Run(scenario, mode)
    one.all()
    return one.checks, one.failures
