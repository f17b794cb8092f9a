"""Who gets a chart's numbers: the staff of any channel, a tenant of theirs since they moved in."""

import pytest

from api_kit import Api
from chart_kit import put, quarters
from station_kit import NOW_S
from umeter_station.web.site import create_site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Api(tmp_path_factory.mktemp("charts"), make_app=create_site)
    with site.write() as conn:
        put(conn, quarters(NOW_S // 900 * 900 - 900 * 20, 19, 40))
    yield site
    site.close()


RANGE = f"from_s={NOW_S - 86_400}&until_s={NOW_S}"


def test_staff_see_all_of_a_channel(site):
    for name in ("anna", "olaf", "carl", "ada"):
        answer = site.as_(name).get(f"/charts/m1/1.json?{RANGE}")
        assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/json"
        assert sum(wh or 0 for wh in answer.json()["wh"]) == 19 * 40


def test_a_tenant_sees_their_own_since_they_moved_in(site):
    tess = site.as_("tess")
    data = tess.get(f"/charts/m1/1.json?{RANGE}").json()
    # She came 1000 s ago: one whole interval lies since then.
    assert sum(wh or 0 for wh in data["wh"]) in (0, 40)
    assert tess.get(f"/charts/own.json?{RANGE}").json()["wh"] == data["wh"]
    for path in ("m1/2", "m1/3", "m2/1", "m3/1", "nobody/1"):
        answer = tess.get(f"/charts/{path}.json?{RANGE}")
        assert answer.status_code == 404 and "wh" not in answer.text.split('"')


def test_who_may_not_read_gets_nothing(site):
    assert site.as_("anna").get(f"/charts/own.json?{RANGE}").status_code == 403
    answer = site.client(follow_redirects=False).get(f"/charts/m1/1.json?{RANGE}")
    assert answer.status_code == 303 and answer.headers["Location"].startswith("/sign-in")


@pytest.mark.parametrize(
    "query",
    [
        "",
        "from_s=5",
        f"from_s={NOW_S}&until_s=1",
        "last_s=x",
        f"last_s={1 << 50}",
        f"{RANGE}&kind=heat",
        f"{RANGE}&step=week",
    ],
)
def test_a_bad_question_is_answered_with_a_sentence(site, query):
    answer = site.as_("anna").get(f"/charts/m1/1.json?{query}")
    assert answer.status_code == 400 and "<h1>" in answer.text


def test_the_last_seconds_end_now(site):
    data = site.as_("anna").get("/charts/m1/1.json?kind=power&last_s=600").json()
    assert data["from"] == NOW_S - 600 and data["end"] == NOW_S
