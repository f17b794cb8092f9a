"""The portal's overview and its hand: what is left, why there is no power, and the way out."""

import itertools
import json
import re
import secrets

import pytest

from api_kit import Api
from chart_kit import put, quarters
from station_kit import NOW_S, reading, store, uplink
from umeter_station.models import commands, latest_readings, meters
from umeter_station.models_people import tenancies
from umeter_station.people import accounts, sessions, tenants
from umeter_station.web.site import create_site

FROM_US = {"Sec-Fetch-Site": "same-origin"}
TARIFF = {"prices": [[300_000]], "standing_u_per_day": 100_000}
SETTINGS = {"tariff": TARIFF, "emergency_u": 5_000_000, "limit_w": 2300}
DAY_S = 86_400


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    house = Api(tmp_path_factory.mktemp("portal"), make_app=create_site)
    with house.write() as conn:
        conn.execute(
            meters.update().values(
                settings=json.dumps(SETTINGS), channels=8, presence="online", settings_version=1
            )
        )
    yield house
    house.close()


@pytest.fixture
def site(house):
    """As it was before: the meter has said nothing, and nobody has ordered anything."""
    house.clock.unix_s = NOW_S
    with house.write() as conn:
        tenants_since(conn, NOW_S - 1000)
        conn.execute(latest_readings.delete())
        conn.execute(commands.update().values(op="read"))
    return house


def tenants_since(conn, since_s):
    conn.execute(tenancies.update().where(tenancies.c.ch == 1).values(from_s=since_s))


_seq = itertools.count(1)


def tell(site, ch=1, at_s=NOW_S, **values):
    """A reading in which this channel has these values, all others nothing."""
    columns = {"contact": [1] * 8, "state": [0] * 8, "days_left": [-1] * 8}
    for name in ("claims", "armed", "balance_u", "charged_total_u", "credited_total_u"):
        columns[name] = [0] * 8
    for name, value in values.items():
        columns.setdefault(name, [0] * 8)[ch - 1] = value
    columns["credited_total_u"][ch - 1] = max(0, columns["balance_u"][ch - 1])
    columns["charged_total_u"][ch - 1] = max(0, -columns["balance_u"][ch - 1])
    told = reading(1, next(_seq), 8, t=at_s, **columns)
    for name in ("armed", "state", "days_left"):
        told[name] = columns[name]
    store(site.books.db, uplink("reading", told), now_s=at_s)


def text_of(answer):
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


def home(site, name="tess"):
    return text_of(site.as_(name).get("/home"))


def orders_of(site):
    with site.read() as conn:
        rows = conn.execute(commands.select().where(commands.c.op.in_(("restore", "emergency",
            "user"))).order_by(commands.c.id))
        return [(row.op, json.loads(row.args)) for row in rows]


def press(client, act, key=None, csrf=None, **more):
    form = {"meter": "m1", "ch": "1", "sure": "yes", "key": key or secrets.token_urlsafe(16)}
    form |= {"csrf": csrf or sessions.csrf_of(client.cookies["__Host-umeter"])} | more
    return client.post(f"/home/supply/{act}", data=form, headers=FROM_US, follow_redirects=False)


def test_what_is_left_in_money_energy_and_days(site):
    tell(site, balance_u=12_349_000, power_dw=4_560)
    with site.write() as conn:
        tenants_since(conn, NOW_S - 30 * DAY_S)
        midnight_s = NOW_S // DAY_S * DAY_S
        put(conn, quarters(midnight_s - 7 * DAY_S, 7 * 96, 100))
    text = home(site)
    assert "€12.34" in text and "about 41.2 kWh" in text and "456 W" in text
    # 9.6 kWh a day: 41.163 kWh are 4 days and some hours.
    assert "Lasts until about Jan 19, 2027" in text and "Power is on" in text


def test_the_meters_own_word_on_how_long_it_lasts_comes_first(site):
    tell(site, balance_u=1_000_000, days_left=3)
    assert "Lasts until about Jan 18, 2027" in home(site)
    tell(site, balance_u=1_000_000, days_left=9999)
    assert "Lasts more than three months" in home(site)


def test_what_is_not_known_is_not_said(site):
    text = home(site)
    assert "has not reported yet" in text and "Not known yet" in text and "€" not in text
    tell(site, balance_u=5_000_000)
    assert "cannot be said yet" in home(site)
    # A reading of before somebody moved in is not theirs.
    with site.write() as conn:
        tenants_since(conn, NOW_S + 1)
    site.clock.unix_s = NOW_S + 2
    assert "has not reported yet" in home(site)


def test_old_numbers_say_how_old_they_are(site):
    tell(site, balance_u=5_000_000, power_dw=1000)
    site.clock.unix_s = NOW_S + 7200
    text = home(site)
    assert "last reported 2 hours ago" in text and "100 W" not in text


CUTS = [
    ({"claims": 2, "state": 16}, "The credit is used up. Top up; the power", {"top-up"}),
    ({"claims": 2, "state": 20}, "Top up, or use the emergency", {"top-up", "emergency"}),
    ({"claims": 16}, "The limit is 2300 W. Switch off large appliances", set()),
    ({"claims": 16, "state": 512}, "It happened too often today: call your operator", set()),
    ({"claims": 16, "armed": 16}, "the power waits for your hand", {"restore"}),
    ({"claims": 2, "armed": 2}, "There is credit again", {"restore"}),
    ({"claims": 8}, "You switched it off here.", {"restore"}),
    ({"claims": 4}, "Your operator has switched it off.", set()),
    ({"claims": 32}, "timetable", set()),
    ({"claims": 64}, "somebody worked on it", set()),
    ({"claims": 128}, "cannot measure", set()),
    ({"claims": 1}, "has just started", set()),
    ({"claims": 256}, "does not know", set()),
    ({"claims": 0}, "comes on in a moment", set()),
    ({"claims": 64, "armed": 64, "state": 512}, "somebody worked on it", set()),
]


@pytest.mark.parametrize(("told", "sentence", "acts"), CUTS)
def test_why_there_is_no_power_and_the_way_out(site, told, sentence, acts):
    tell(site, contact=0, **told)
    answer = site.as_("tess").get("/home")
    text = text_of(answer)
    assert "Power is off" in text and sentence in text
    reasons = "".join(re.findall(r'<div class="reason">.*?</div>', answer.text, re.S))
    found = {a for a in ("restore", "emergency") if f"/home/supply/{a}" in reasons}
    assert found | ({"top-up"} if "/home/top-up" in reasons else set()) == acts


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (32, "Friendly hours"),
        (64, "is protected"),
        (128, "You pay afterwards"),
        (256, "account is closed"),
        (8, "You are using the emergency credit"),
        (1, "Your credit is low"),
        (4, "Emergency credit is offered"),
    ],
)
def test_how_the_account_stands(site, state, sentence):
    tell(site, balance_u=1_000_000, state=state)
    assert sentence in home(site)


def test_several_channels_are_shown_and_added_up(site):
    with site.write() as conn:
        tenants.move_in(conn, 1, "m1", 5, NOW_S - 1000, "system", NOW_S)
    told = reading(1, next(_seq), 8, balance_u=[10_000_000, 77_000_000, 0, 0, 5_500_000, 0, 0, 0],
        credited_total_u=[10_000_000, 77_000_000, 0, 0, 5_500_000, 0, 0, 0], contact=[1] * 8)
    store(site.books.db, uplink("reading", told))
    text = home(site)
    assert "All together" in text and "€15.50" in text and "€10.00" in text
    assert "€77" not in text and "€92" not in text


def test_restoring_is_a_page_of_its_own_that_is_done_once(site):
    tell(site, contact=0, claims=16, armed=16)
    tess = site.as_("tess")
    page = tess.get("/home/supply/restore?meter=m1&ch=1")
    assert "make sure that it is safe" in page.text and 'name="sure"' in page.text
    key = re.search(r'name="key" value="([^"]+)"', page.text)[1]
    for _ in range(3):
        answer = press(tess, "restore", key)
        assert answer.status_code == 303 and answer.headers["Location"] == "/home?said=ordered"
    assert orders_of(site) == [("restore", {"ch": 1})]
    assert "is on its way to the meter" in text_of(tess.get("/home"))
    answer = press(tess, "off", key)
    assert answer.status_code == 409 and len(orders_of(site)) == 1


def test_nothing_is_ordered_without_the_tick_the_token_or_an_offer(site):
    tell(site, contact=0, claims=2, state=16)
    tess = site.as_("tess")
    assert press(tess, "restore", sure="").status_code == 400
    assert press(tess, "restore", csrf="x").status_code == 403
    assert press(tess, "emergency").status_code == 400
    assert press(tess, "restore", "short").status_code == 400
    assert press(tess, "explode").status_code == 400
    tell(site, contact=0, claims=4, state=256)
    assert press(tess, "restore").status_code == 400
    assert orders_of(site) == []
    tell(site, contact=0, claims=2, state=20)
    assert press(tess, "emergency").status_code == 303
    assert press(tess, "off").status_code == 303
    assert orders_of(site) == [
        ("emergency", {"ch": 1}),
        ("user", {"ch": 1, "state": "open"}),
    ]


@pytest.mark.parametrize(("meter", "ch"), [("m1", 2), ("m1", 3), ("m2", 1), ("nobody", 1)])
def test_another_household_cannot_be_seen_or_switched(site, meter, ch):
    tell(site, 2, contact=0, claims=16, armed=16, balance_u=77_000_000)
    tess = site.as_("tess")
    for act in ("restore", "emergency", "off"):
        assert tess.get(f"/home/supply/{act}?meter={meter}&ch={ch}").status_code == 404
        assert press(tess, act, meter=meter, ch=str(ch)).status_code == 404
    assert orders_of(site) == [] and "€77" not in tess.get("/home").text
    answer = tess.get(f"/home/usage?channel={meter}.{ch}")
    assert answer.status_code == 404


def test_staff_and_strangers_have_no_portal(site):
    for path in ("/home", "/home/usage", "/home/purchases", "/home/settings", "/live/home"):
        assert site.as_("anna").get(path).status_code == 403
        answer = site.client(follow_redirects=False).get(path)
        assert answer.status_code == 303 and "/sign-in" in answer.headers["Location"]
    anna = site.as_("anna")
    assert press(anna, "off").status_code == 403


def test_who_has_no_channel_is_told_so(site):
    with site.write() as conn:
        tenant_id = tenants.add(conn, "New", "system", NOW_S)
        accounts.add(conn, "newcomer", "tenant", "x", "system", NOW_S, tenant_id=tenant_id)
    client = site.as_("newcomer")
    for path in ("/home", "/home/usage"):
        assert "Nothing here is yours yet" in client.get(path).text
    assert client.get("/home/purchases").status_code == 200
    assert client.get("/home/settings").status_code == 200


def test_the_first_load_is_small(site):
    tell(site, balance_u=5_000_000)
    tess = site.as_("tess")
    page = tess.get("/home")
    sizes = [int(page.headers["Content-Length"])]
    for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
        answer = tess.get(path, headers={"Accept-Encoding": "gzip"})
        sizes.append(int(answer.headers["Content-Length"]))
    assert "uPlot" not in page.text and sum(sizes) <= 61_440, sizes


def test_the_page_speaks_chinese(site):
    tell(site, contact=0, claims=2, state=20)
    answer = site.as_("tess").get("/home", headers={"Accept-Language": "zh"})
    assert "余额" in answer.text and "充值" in answer.text and "Top up" not in answer.text
