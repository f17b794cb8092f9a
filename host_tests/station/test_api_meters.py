"""Meters, their readings and orders over the API: what staff does, and what a tenant may see."""

import pytest
import sqlalchemy as sa

from api_kit import Api
from station_kit import KEY, NOW_S, reading, store, uplink
from umeter_station import strangers
from umeter_station.models import intervals
from umeter_station.people import acts


@pytest.fixture
def api(tmp_path):
    api = Api(tmp_path)
    yield api
    api.close()


def test_a_tenant_sees_readings_and_profile_since_they_came(api):
    # tess has had channel 1 since NOW_S - 1000.
    with api.write() as conn:
        for n, t_end in enumerate((-2_000, -1_000, -200, 0), start=1):
            wh = {f"wh_{ch}": 10 * n + ch for ch in range(1, 9)}
            row = {"meter": "m1", "n": n, "raw": bytes(32), "t_end": NOW_S + t_end, "minutes": 10}
            row |= {"flags": 0, "quarantined": 0, "estimated": 0, "received_at": NOW_S, **wh}
            conn.execute(intervals.insert().values(row))
    store(api.books.db, uplink("reading", reading(energy_wh=[7, 8])), now_s=NOW_S - 1_001)
    tess, staff = api.as_("tess"), api.as_("olaf")
    path = "/v1/meters/m1/channels/1"
    found = tess.get(f"{path}/intervals").json()["items"]
    assert [(i["n"], i["wh"]) for i in found] == [(3, 31), (4, 41)]
    found = staff.get(f"{path}/intervals?limit=3").json()
    assert [i["n"] for i in found["items"]] == [1, 2, 3]
    assert tess.get(f"{path}/reading").status_code == 404
    assert staff.get(f"{path}/reading").json()["values"]["energy_wh"] == 7
    store(api.books.db, uplink("reading", reading(seq=2, energy_wh=[9, 8])), now_s=NOW_S)
    assert tess.get(f"{path}/reading").json()["values"]["energy_wh"] == 9
    assert "8" not in str(tess.get(f"{path}/reading").json()["values"])
    assert tess.get("/v1/meters/m1/reading").status_code == 403
    assert len(staff.get("/v1/meters/m1/reading").json()["channels"]) == 2


def test_an_order_is_given_followed_and_called_off(api):
    staff = api.as_("olaf")
    order = staff.post("/v1/meters/m1/read").json()
    assert (order["state"], order["states"][0]["by"]) == ("created", "operator:olaf")
    listed = staff.get("/v1/orders?meter=m1&only_open=true").json()["items"]
    assert [o["id"] for o in listed] == [order["id"]]
    done = staff.delete(f"/v1/orders/{order['id']}").json()
    assert [(s["state"], s["by"]) for s in done["states"]] == [
        ("created", "operator:olaf"),
        ("cancelled", "operator:olaf"),
    ]
    assert staff.delete(f"/v1/orders/{order['id']}").status_code == 400
    assert api.as_("carl").delete("/v1/orders/1").status_code == 403
    assert staff.get("/v1/orders/99").status_code == 404
    with api.read() as conn:
        told = [act.act for act in acts.newest(conn, 2)]
    assert told == ["order.cancel", "order.read"]


def test_money_is_not_called_off_as_an_order(api):
    api.live_in()
    staff = api.as_("anna")
    sale = next(o for o in staff.get("/v1/orders").json()["items"] if o["op"] == "credit")
    assert staff.delete(f"/v1/orders/{sale['id']}").status_code == 400
    assert staff.get(f"/v1/orders/{sale['id']}").json()["state"] == "created"


def test_a_new_key_is_not_shown_not_even_wrapped(api):
    order_id = api.books.rotate_key("m1")
    with api.read() as conn:
        args = conn.execute(sa.text("SELECT args FROM commands WHERE op = 'key'")).scalar()
    assert len(args) > 20
    shown = api.as_("anna").get(f"/v1/orders/{order_id}").json()
    assert (shown["op"], shown["args"]) == ("key", {})


def test_the_supply_takes_two_people_where_that_is_switched_on(api):
    owner, operator = api.as_("anna"), api.as_("olaf")
    path = "/v1/meters/m1/channels/2/supply"
    assert api.as_("carl").post(path, json={"state": "open"}).status_code == 403
    done = operator.post(path, json={"state": "open"}).json()
    assert (done["approval_id"], api.books.command(done["order_id"]).args) == (
        None,
        {"ch": 2, "state": "open"},
    )
    owner.put("/v1/two-person/supply", json={"on": True})
    asked = operator.post(path, json={"state": "close"}).json()
    assert asked["order_id"] is None
    assert (
        operator.post("/v1/meters/m9/channels/2/supply", json={"state": "open"}).status_code == 404
    )
    decision = f"/v1/approvals/{asked['approval_id']}/decision"
    assert operator.post(decision, json={"yes": True}).status_code == 400
    order_id = owner.post(decision, json={"yes": True}).json()["outcome"]["order_id"]
    order = owner.get(f"/v1/orders/{order_id}").json()
    assert (order["args"]["state"], order["states"][0]["by"]) == ("close", "operator:olaf")


def test_a_stranger_is_adopted_or_forgotten(api):
    with api.write() as conn:
        for name in ("new1", "new2"):
            strangers.note(conn, name, NOW_S)
    staff = api.as_("olaf")
    assert [s["meter"] for s in staff.get("/v1/strangers").json()] == ["new1", "new2"]
    assert staff.post("/v1/strangers/new1/adopt", json={"key": "zz"}).status_code == 400
    made = staff.post("/v1/strangers/new1/adopt", json={"key": KEY.hex()})
    assert made.status_code == 201 and KEY.hex() not in made.text
    assert staff.delete("/v1/strangers/new2").status_code == 204
    assert staff.delete("/v1/strangers/new2").status_code == 404
    assert staff.get("/v1/strangers").json() == []
    names = [m["meter"] for m in staff.get("/v1/meters").json()["items"]]
    assert names == ["m1", "m2", "new1"]
    assert "key" not in {name for m in staff.get("/v1/meters").json()["items"] for name in m}
