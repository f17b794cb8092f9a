"""The scenarios once more, inside the interpreter that runs the meter on the board."""

from umeter_sim import scenarios


def test_every_scenario_on_micropython(tmp_path):
    results = scenarios.run_all(tmp_path)
    assert [failure for _, failures in results for failure in failures] == []
    assert len(results) >= 60 and all(checks > 0 for checks, _ in results)
