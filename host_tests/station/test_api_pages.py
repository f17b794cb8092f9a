"""Pages and limits: every row once, and nobody asks too often."""

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from api_kit import Api, problem, quick_passwords
from station_kit import NOW_S
from umeter_station.api.limits import Buckets
from umeter_station.api.paging import Paging, decode, encode
from umeter_station.people import acts, tenants


@pytest.fixture
def api(tmp_path, monkeypatch):
    quick_passwords(monkeypatch)
    api = Api(tmp_path)
    yield api
    api.close()


VALUES = st.lists(
    st.one_of(
        st.integers(-(2**63) + 1, 2**63 - 1),
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40),
    ),
    min_size=1,
    max_size=3,
)


@given(VALUES)
def test_a_cursor_is_read_as_it_was_written(values):
    assert decode(encode(*values), *(type(value) for value in values)) == tuple(values)


@given(st.text(max_size=60))
@example("WzFd")
@example("WzFdA===")
@example("W3RydWVd")
@example("WzEuMF0")
@example("WzFlMV0")
@example("Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OV0")
def test_what_is_no_cursor_is_refused(text):
    try:
        (found,) = decode(text, int)
    except ValueError:
        with pytest.raises(HTTPException) as refused:
            Paging(10, text).after(int)
        assert refused.value.status_code == 400
    else:
        assert type(found) is int and encode(found) == text


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(limits=st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_pages_show_every_row_once_and_in_order(pages_of, limits):
    client, path, wanted = pages_of
    seen, cursor, turn = [], None, 0
    while True:
        limit = limits[turn % len(limits)]
        params = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        page = client.get(path, params=params).json()
        assert len(page["items"]) <= limit
        seen += page["items"]
        cursor, turn = page["next"], turn + 1
        if cursor is None:
            break
        assert len(page["items"]) == limit
    assert seen == wanted


@pytest.fixture(scope="module", params=["/v1/tenants", "/v1/acts", "/v1/sites"])
def pages_of(request, tmp_path_factory):
    api = Api(tmp_path_factory.mktemp("pages"))
    with api.write() as conn:
        for number in range(20):
            tenants.add(conn, f"T{number}", "system", NOW_S)
            conn.execute(
                sa.text("INSERT INTO sites (name, created_at) VALUES (:name, 0)"),
                {"name": f"S{number}"},
            )
    client = api.as_("anna")
    wanted = client.get(request.param, params={"limit": 200}).json()
    assert wanted["next"] is None and len(wanted["items"]) >= 20
    yield client, request.param, wanted["items"]
    api.close()


def test_a_row_that_comes_while_pages_are_read_shifts_nothing(api):
    client = api.as_("anna")
    first = client.get("/v1/acts", params={"limit": 3}).json()
    with api.write() as conn:
        acts.note(conn, "system", "a", "b", {}, NOW_S)
    second = client.get("/v1/acts", params={"limit": 3, "cursor": first["next"]}).json()
    numbers = [act["n"] for page in (first, second) for act in page["items"]]
    assert numbers == list(range(numbers[0], numbers[0] - 6, -1))


def test_a_cursor_of_another_list_is_refused_or_harmless(api):
    client = api.as_("anna")
    problem(client.get("/v1/tenants", params={"cursor": encode("x")}), 400, "refused")
    problem(client.get("/v1/tenants", params={"cursor": encode(1, 2)}), 400, "refused")


def _statuses(client, count, path="/v1/session"):
    return [client.get(path).status_code for _ in range(count)]


def test_who_asks_too_often_waits(tmp_path):
    api = Api(tmp_path, per_caller=(2.0, 3))
    anna, olaf = api.as_("anna"), api.as_("olaf")
    assert _statuses(anna, 4) == [200, 200, 200, 429]
    answer = anna.get("/v1/session")
    problem(answer, 429, "too-many")
    assert answer.headers["Retry-After"] == "1"
    # Neither another caller nor one's other session.
    assert _statuses(olaf, 1) == [200]
    assert _statuses(api.as_("anna"), 1) == [429]
    api.monotonic_s += 1.0
    assert _statuses(anna, 3) == [200, 200, 429]
    api.close()


def test_an_address_and_strangers_have_limits_of_their_own(tmp_path, monkeypatch):
    quick_passwords(monkeypatch)
    api = Api(tmp_path, per_address=(1.0, 8), per_stranger=(1.0, 2))
    assert [api.sign_in("nobody")[1].status_code for _ in range(3)] == [401, 401, 429]
    # Supervisors are not strangers; but an address as a whole has its limit.
    assert _statuses(api.client(), 6, "/healthz") == [200] * 5 + [429]
    answer = api.client().get("/healthz")
    problem(answer, 429, "too-many")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    api.close()


@given(
    st.floats(0.1, 100),
    st.integers(1, 50),
    st.lists(st.floats(0, 10, allow_nan=False), max_size=60),
)
def test_a_bucket_lets_through_its_rate_and_no_more(rate, at_once, pauses):
    now = [0.0]
    bucket = Buckets(rate, at_once, lambda: now[0])
    for passed, pause in enumerate(pauses, start=1):
        now[0] += pause
        waits = bucket.take("a")
        if waits:
            # Whoever waits as told is let in then.
            now[0] += waits + 1e-9 * (1 + now[0])
            assert bucket.take("a") == 0
        assert passed <= at_once + rate * now[0] + 1e-3


def test_buckets_forget_who_has_not_asked_for_long():
    bucket = Buckets(1, 1, lambda: 0.0, most_keys=2)
    assert bucket.take("a") == 0
    assert bucket.take("b") == 0
    assert bucket.take("b") > 0
    assert bucket.take("c") == 0
    assert bucket.take("b") > 0
    assert bucket.take("a") == 0
