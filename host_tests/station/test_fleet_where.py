"""Expressions that choose meters: what they mean, and what is said of those that mean nothing."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_kit import FleetMeter, fleet, hurried
from station_kit import NOW_S, new_database
from umeter_station import key_rotation, twin
from umeter_station.errors import StationError
from umeter_station.fleet import names, where
from umeter_station.fleet.select import Selection, choose, label, parse
from umeter_station.fleet.where import Compare, Join, Not, WhereError
from umeter_station.models_watch import findings
from umeter_station.people import sites

NAMED = [*names.FIELDS, "price_u_per_kwh", "ch.3.limit_w", "desired.report_s", "label.floor"]
_words = st.text(string.ascii_letters + string.digits + "_-:/", min_size=1, max_size=8)
_texts = st.one_of(_words, st.text(" ()='<>,~" + string.ascii_letters, max_size=8))


def _values(name):
    if name.kind in ("int", "age"):
        low = 0 if name.kind == "age" else -(10**9)
        return st.one_of(st.none(), st.integers(low, 10**8))
    if name.kind == "setting":
        return st.one_of(st.none(), st.integers(-(10**9), 10**9), _texts)
    return st.one_of(st.none(), _texts)


@st.composite
def _compares(draw):
    name = names.find(draw(st.sampled_from(NAMED)))
    op = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">=", "~", "in"]))
    number = draw(st.integers(1, 3)) if op == "in" else 1
    return Compare(name, op, tuple(draw(_values(name)) for _ in range(number)))


def _joined(parts):
    both = st.sampled_from(["and", "or"])
    some = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(Join, both, some), st.builds(Not, parts))


_trees = st.recursive(_compares(), _joined, max_leaves=8)


@given(_trees)
def test_what_is_written_is_read_as_the_same(tree):
    assert str(where.parse(str(tree))) == str(tree)


@given(_trees, st.data())
def test_it_is_true_of_what_logic_says(tree, data):
    facts = {}

    def look(name):
        if name.text not in facts:
            facts[name.text] = data.draw(_values(name))
        return facts[name.text]

    def judge(part):
        if isinstance(part, Not):
            return not judge(part.part)
        if isinstance(part, Join):
            return (all if part.op == "and" else any)([judge(one) for one in part.parts])
        return part.matches(look)

    assert where.parse(str(tree)).matches(look) == judge(tree)


@given(st.text(max_size=60) | st.text(" ()=<>~,'\"andortipsev.*3", max_size=60))
def test_anything_is_read_or_refused_at_a_place_in_it(text):
    try:
        where.parse(text)
    except WhereError as error:
        assert 1 <= error.at <= len(text) + 1
        assert str(error).startswith(f"At {error.at}: ")


@pytest.mark.parametrize(
    "text, at, words",
    [
        ("", 1, "a name is missing"),
        ("sit=north", 1, "did you mean site?"),
        ("site=north and prise=3", 16, "'prise' is not known"),
        ("site north", 6, "must come one of"),
        ("site=", 6, "a value for site is missing"),
        ("site=a b=c", 8, "'b=c' is too much"),
        ("(site=a or site=b", 18, "the parenthesis of 1 is not closed"),
        ("boot>many", 6, "a whole number"),
        ("seen>2 weeks", 8, "is too much"),
        ("seen>2years", 6, "as 90s, 15min, 2h or 1d"),
        ("meter in m1", 10, "values in parentheses"),
        ("meter in (m1", 13, "the values end with )"),
        ("and site=a", 1, "a name is missing"),
        ("ch.100.limit_w=1", 1, "is not known"),
        ("__class__=1", 1, "is not known"),
        ("site=a\0b", 7, "is no letter"),
        ("not " * 50 + "site=a", 165, "nested too deeply"),
        ("(" * 50 + "site=a", 42, "nested too deeply"),
        ("site=" + "a" * 3_000, 2_000, "at most 2000 letters"),
    ],
)
def test_a_mistake_is_named_with_its_place(text, at, words):
    with pytest.raises(WhereError) as caught:
        where.parse(text)
    assert (caught.value.at, words in str(caught.value)) == (at, True), str(caught.value)


def test_what_is_known_is_told():
    with pytest.raises(WhereError, match=r"reading_age, .*label.NAME.*ch.N.SETTING.*limit_w"):
        where.parse("nonsense=1")


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    """m1 to m4, and m5, which is retired: a little of everything."""
    db = hurried(new_database(tmp_path_factory.mktemp("fleet"), *(f"m{n}" for n in range(1, 6))))
    meters = fleet(db, ["m1", "m2"])
    meters["m1"].told = {"price_u_per_kwh": 300_000, "ch.3.limit_w": 2_000, "weekend": [5, 6]}
    meters["m1"].version = 4
    meters["m1"].report()
    meters["m2"].read(now_s=NOW_S - 1_000)
    old = FleetMeter(db, "m3", board="wt32", version="0.9.10", release=0, channels=2)
    old.status()
    old.read(now_s=NOW_S - 7_200)
    old.status(online=False)
    with db.write() as conn:
        label(conn, ["m1", "m2"], "floor", "3")
        site = sites.add(conn, "north", "", "system", NOW_S)
        sites.put_meter(conn, site.id, "m1", "system", NOW_S)
        sites.put_meter(conn, site.id, "m3", "system", NOW_S)
        twin.order_set(conn, "m2", {"report_s": 30}, NOW_S - 500, by="anna")
        for meter, rule, severity, state in (
            ("m1", "A06", "critical", "open"),
            ("m1", "A14", "warn", "acknowledged"),
            ("m2", "A02", "alarm", "closed"),
        ):
            times = dict.fromkeys(("since_s", "opened_at", "seen_at"), NOW_S)
            row = {"meter": meter, "rule": rule, "severity": severity, "state": state}
            conn.execute(findings.insert().values(**row, **times, evidence="{}"))
        key_rotation.retire(conn, "m5", NOW_S)
    return db


@pytest.mark.parametrize(
    "text, chosen",
    [
        ("presence=online", "m1 m2"),
        ("site=north and presence=online", "m1"),
        ("site=none", "m2 m4"),
        ("not site=none", "m1 m3"),
        ("price_u_per_kwh>250000", "m1"),
        ("price_u_per_kwh>0.25 or board=wt32", "m1 m3"),
        ("price_u_per_kwh=0.20", "m2 m3 m4"),
        ("reported.price_u_per_kwh=none", "m3 m4"),
        ("ch.3.limit_w=2000", "m1"),
        ("ch.3.limit_w=0", "m2 m3 m4"),
        ("ch.*.limit_w>1000", "m1"),
        ("ch.*.price_u_per_kwh>250000", "m1"),
        ('weekend="[5,6]"', "m1"),
        ("desired.report_s=30", "m2"),
        ("differs>0", "m2"),
        ("differs_age>=500s and differs_age<10min", "m2"),
        ("orders>0", "m2"),
        ("findings>=2", "m1"),
        ("critical>0", "m1"),
        ("finding=A14", "m1"),
        ("finding=A02", ""),
        ("finding~A*", "m1"),
        ("label.floor=3 and not meter=m2", "m1"),
        ("label.floor!=3", "m3 m4"),
        ("version<0.10", "m3"),
        ("version>=1.0", "m1 m2"),
        ("release=0", "m3"),
        ("status.release=0", "m3"),
        ("status.nothing=none", "m1 m2 m3 m4"),
        ("reading_age>15min", "m2 m3"),
        ("reading_age=none", "m1 m4"),
        ("seen>1h", "m3"),
        ("settings_version=4", "m1"),
        ("channels in (2, 3)", "m3"),
        ("meter in (m4,m1)", "m1 m4"),
        ("meter~m*", "m1 m2 m3 m4"),
        ("boot>=1 and (board=wt32 or board=sim8) and not channels<8", "m1 m2"),
    ],
)
def test_what_is_chosen(db, text, chosen):
    with db.read() as conn:
        found = choose(conn, Selection(where=text), NOW_S)
    assert " ".join(known.meter for known in found) == chosen


def test_by_name_and_all(db):
    with db.read() as conn:
        assert [m.meter for m in choose(conn, Selection(names=("m2", "m1", "m2")), 0)] == [
            "m1",
            "m2",
        ]
        assert len(choose(conn, Selection(all=True), 0)) == 4
        with pytest.raises(StationError, match="retired"):
            choose(conn, Selection(names=("m5",)), 0)
        with pytest.raises(StationError, match="unknown"):
            choose(conn, Selection(names=("m9",)), 0)


@pytest.mark.parametrize("given", [{}, {"all": True, "names": ("m1",)}, {"where": " "}])
def test_not_to_choose_or_to_choose_twice_is_refused(given):
    with pytest.raises(StationError, match="by one of these"):
        Selection(**given)


def test_a_choice_is_kept_as_a_text():
    for one in (Selection(all=True), Selection(where="boot>1"), Selection(names=("m1", "m2"))):
        assert parse(str(one)) == one


def test_labels_are_plain(db):
    with db.write() as conn:
        for name, value in (("a b", "x"), ("", "x"), ("floor", "x" * 65), ("floor", "a\nb")):
            with pytest.raises(StationError):
                label(conn, ["m1"], name, value)
