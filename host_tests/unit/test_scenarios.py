"""The scenarios on CPython as they are, and their runner."""

import pytest

import scenario_cells as cells
import scenario_runner
from scenario_files import FOLDER, SCENARIOS, failures


@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(name):
    assert failures(name, "plain") == []


def test_there_are_enough_and_each_is_named_once():
    texts = [path.read_text() for path in FOLDER.glob("*.txt")]
    assert sum(text.count("\n# ") + text.startswith("# ") for text in texts) == len(SCENARIOS)
    assert len(SCENARIOS) >= 60


WRONG = """# A table that is wrong on purpose
start Mon 2026-03-02 08:00
at    | load W | do          | answer   | balance | contact | claims | state | events
08:00 | 1000   | credit 1.00 | too_much | 1.01    | open    | user   | out   | -
"""


def test_a_wrong_cell_is_told_with_line_expectation_and_finding():
    _, found = scenario_runner.run(WRONG, "plain", 7)
    assert len(found) == 6
    assert found[0].startswith("10: answer: expected too_much, found ")
    assert found[1:5] == [
        "10: balance: expected 1.01, found 1.00",
        "10: contact: expected open, found closed",
        "10: claims: expected user, found -",
        "10: state: expected out, found low",
    ]
    assert found[5].startswith("10: events: expected -, found ")


def test_refused_settings_and_missing_cells_are_failures():
    text = "# t\nset price_u_per_kwh -1\nstart Mon 2026-03-02 08:00\nat | do\n08:00 | a | b\n"
    _, found = scenario_runner.run(text)
    assert found[0].startswith("0: settings: expected applied")
    assert found[1] == "5: row: expected 2 cells, found 3"


def test_a_weekday_that_is_none_is_refused():
    with pytest.raises(ValueError, match="is no Tue"):
        cells.moment("Tue 2026-03-02 08:00", 0)


def test_money_and_spans_are_exact():
    assert [cells.micro(text) for text in ("1", "-0.50", "0.000001")] == [1_000_000, -500_000, 1]
    assert [cells.money(u) for u in (0, -500_000, 1_234_567)] == ["0.00", "-0.50", "1.234567"]
    assert cells.span_ms("1d2h30m5s100ms") == 95_405_100
    with pytest.raises(ValueError, match="unit"):
        cells.span_ms("15")
