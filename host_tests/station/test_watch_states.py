"""When verdicts become a finding and when it ends, for any rule and any run of verdicts."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from umeter_station.watch import states
from umeter_station.watch.catalog import BY_ID, RULES, SPOILS_SUMS
from umeter_station.watch.states import CLOSE, OPEN, Mark, step

RULE = replace(BY_ID["A10"], k=2, n=3, calm_n=2, calm_s=100)
VERDICTS = st.lists(st.tuples(st.booleans(), st.integers(1, 300)), max_size=60)


def played(rule, verdicts):
    """(time, seen, act, open after it) of each verdict."""
    mark, is_open, now_s, told = Mark(), False, 1000, []
    for seen, wait_s in verdicts:
        now_s += wait_s
        mark, act = step(rule, mark, is_open, now_s - 10 if seen else None, now_s)
        if act is not None:
            is_open = act == OPEN
            mark = mark if is_open else Mark()
        told.append((now_s, seen, act, is_open))
    return told


def test_it_takes_k_of_n():
    acts = [act for *_, act, _ in played(RULE, [(True, 1), (False, 1), (True, 1)])]
    assert acts == [None, None, OPEN]
    assert not any(
        act for *_, act, _ in played(RULE, [(True, 1), (False, 1), (False, 1), (True, 1)])
    )


def test_it_closes_after_a_calm_time_and_number():
    opened = [(True, 1), (True, 1)]
    assert played(RULE, [*opened, (False, 100), (False, 1)])[-1][2] == CLOSE
    assert played(RULE, [*opened, (False, 100)])[-1][2] is None
    assert played(RULE, [*opened, (False, 1), (False, 1), (False, 97)])[-1][2] is None


@given(VERDICTS, st.integers(1, 3), st.integers(0, 3), st.integers(1, 4), st.integers(0, 500))
def test_any_run_of_verdicts(verdicts, k, more, calm_n, calm_s):
    rule = replace(RULE, k=k, n=k + more, calm_n=calm_n, calm_s=calm_s)
    was_open, since = False, []
    for now_s, seen, act, is_open in played(rule, verdicts):
        since.append((now_s, seen))
        if act == OPEN:
            assert seen and not was_open
            assert sum(s for _, s in since[-rule.n :]) >= k
        elif act == CLOSE:
            assert was_open and not any(s for _, s in since[-calm_n:])
            assert now_s - max(at for at, s in since if s) >= calm_s
            since = []
        assert is_open == (act == OPEN or (was_open and act != CLOSE))
        was_open = is_open


@given(VERDICTS)
def test_it_began_no_later_than_it_was_seen(verdicts):
    mark, now_s = Mark(), 1000
    for seen, wait_s in verdicts:
        now_s += wait_s
        mark, _ = step(RULE, mark, False, now_s - 10 if seen else None, now_s)
        assert mark.since_s <= mark.seen_at
        assert (mark.bits & 1 == 1) is seen


def test_rules_are_numbered_and_explained_without_a_circle():
    assert [rule.id for rule in RULES] == [f"A{n:02}" for n in range(1, 24)]
    assert set(SPOILS_SUMS) <= set(BY_ID)

    def depth(rule, above=()):
        assert rule.id not in above
        return 1 + max((depth(BY_ID[c], (*above, rule.id)) for c in rule.causes), default=0)

    assert max(depth(rule) for rule in RULES) <= 5


def test_a_cause_explains_its_own_channel_or_all():
    a08, a09, a03, a02 = (BY_ID[name] for name in ("A08", "A09", "A03", "A02"))
    assert states.explains(a08, 2, a09, 2)
    assert not states.explains(a08, 3, a09, 2)
    assert states.explains(a02, 0, a09, 2)
    assert states.explains(a08, 3, a03, 0)
    assert not states.explains(a09, 2, a08, 2)
