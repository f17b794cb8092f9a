"""The scenarios once more, inside the interpreter that runs the meter on the board: each sixth of
them, the bench takes all.
"""

from thoroughness import every, share
from umeter_sim import scenarios


def test_scenarios_on_micropython(tmp_path):
    results = scenarios.run_all(tmp_path, every(6))
    assert [failure for _, failures in results for failure in failures] == []
    assert len(results) >= share(120, 20) and all(checks > 0 for checks, _ in results)
