"""The fleet by the API: chosen, read, set and rolled back."""

import pytest

from api_kit import Api
from fleet_kit import fleet, hurried
from station_kit import KEY, NOW_S
from umeter_station.fleet import rollouts, schedules

ALL = {"all": True}
QUICK = {"canary": "1", "healthy_s": 0, "wave": "100%", "wave_pause_s": 0}


class Fleet(Api):
    def __init__(self, home):
        super().__init__(home)
        hurried(self.books.db)
        self.books.add_meter("m3", KEY)
        self.meters = fleet(self.books.db, ["m1", "m2", "m3"])

    def drive(self, steps=4):
        for _ in range(steps):
            with self.books.db.write() as conn:
                rollouts.step(conn, NOW_S)
            for meter in self.meters.values():
                meter.answer()


@pytest.fixture
def api(tmp_path):
    made = Fleet(tmp_path)
    yield made
    made.close()


def test_meters_are_chosen_by_expressions_page_by_page(api):
    client = api.as_("olaf")
    page = client.get("/v1/fleet/meters", params={"where": "board=sim8", "limit": 2}).json()
    assert [one["meter"] for one in page["items"]] == ["m1", "m2"]
    page = client.get(
        "/v1/fleet/meters", params={"where": "board=sim8", "limit": 2, "cursor": page["next"]}
    ).json()
    assert ([one["meter"] for one in page["items"]], page["next"]) == (["m3"], None)
    wrong = client.get("/v1/fleet/meters", params={"where": "board=sim8 and bord=2"})
    assert wrong.status_code == 400
    assert wrong.json()["detail"].startswith("At 16: 'bord' is not known; did you mean board?")
    assert "price_u_per_kwh" in wrong.json()["detail"]
    assert client.put("/v1/fleet/meters/m2/labels/floor", json={"value": "3"}).status_code == 204
    chosen = client.get("/v1/fleet/meters", params={"where": "label.floor=3"}).json()
    assert [one["meter"] for one in chosen["items"]] == ["m2"]
    assert client.get("/v1/fleet/meters/m2/labels").json() == {"floor": "3"}


def test_a_read_of_some_is_followed_until_all_have_answered(api):
    client = api.as_("olaf")
    asked = client.post("/v1/fleet/reads", json={"where": "meter in (m1, m3)"})
    assert asked.status_code == 202 and asked.json()["open"] == 2
    read = f"/v1/fleet/reads/{asked.json()['id']}"
    api.meters["m1"].answer(NOW_S + 3)
    now = client.get(read).json()
    assert (now["open"], now["times"]["answered"], now["times"]["p95_s"]) == (1, 1, 3)
    again = client.post("/v1/fleet/reads", json=ALL).json()
    assert (again["skipped"], again["meters"]) == (1, 3)
    answers = client.get(f"{read}/answers").json()["items"]
    assert [(a["meter"], a["state"], a["answer_s"]) for a in answers] == [
        ("m1", "applied", 3), ("m3", "created", None),
    ]  # fmt: skip
    assert client.get("/v1/fleet/answer-times").json()["p95_s"] == 3
    assert client.post("/v1/fleet/reads", json={"where": "board=none"}).status_code == 400
    assert client.post("/v1/fleet/reads", json={}).status_code == 400
    assert client.post("/v1/fleet/reads", json={"all": True, "meters": ["m1"]}).status_code == 400


def test_schedules(api):
    client = api.as_("olaf")
    body = {"name": "quarter", "selection": ALL, "every": "every 15 min", "tz": "Europe/Berlin"}
    made = client.post("/v1/fleet/schedules", json=body)
    assert made.status_code == 201 and made.json()["next_at"] % 900 == 0
    for change in ({"tz": "Europe/Nowhere"}, {"every": "sometimes"}, {"tz": "../../etc/passwd"}):
        assert client.post("/v1/fleet/schedules", json=body | change).status_code == 400
    with api.write() as conn:
        schedules.run(conn, made.json()["next_at"])
    now = client.get("/v1/fleet/schedules").json()
    assert now[0]["last_read_id"] == 1
    off = client.patch("/v1/fleet/schedules/quarter", json={"enabled": False})
    assert off.json()["enabled"] is False
    assert client.delete("/v1/fleet/schedules/quarter").status_code == 204
    assert client.delete("/v1/fleet/schedules/quarter").status_code == 404
    assert client.get("/v1/fleet/reads/1").json()["schedule_id"] is None


def test_a_template_is_rolled_out_and_back(api):
    client = api.as_("olaf")
    body = {"settings": {"limit_w": 3000, "ch.2.limit_w": 1500}, "base_version": 0}
    assert client.put("/v1/templates/flats", json=body).json()["version"] == 1
    assert client.put("/v1/templates/flats", json=body).status_code == 409
    seen = client.post("/v1/settings/dry-run", json={"selection": ALL, "template": "flats"}).json()
    assert [(d["key"], d["before"], d["after"]) for d in seen["items"][0]["differences"]] == [
        ("limit_w", 0, 3000), ("ch.2.limit_w", 0, 1500),
    ]  # fmt: skip
    versions = {one["meter"]: one["version"] for one in seen["items"]}
    order = {"selection": ALL, "template": "flats@1", "pace": QUICK}
    stale = client.post("/v1/rollouts", json=order | {"versions": {**versions, "m2": 7}})
    assert stale.status_code == 409
    started = client.post("/v1/rollouts", json=order | {"versions": versions})
    assert started.status_code == 202 and started.json()["template"] == "flats v1"
    assert client.post("/v1/rollouts", json=order).status_code == 409
    api.drive()
    rollout = client.get("/v1/rollouts/1").json()
    assert (rollout["state"], rollout["states"]) == ("done", {"applied": 3})
    keys = client.get("/v1/rollouts/1/meters/m3/keys").json()
    assert [(k["key"], k["before"], k["now"]) for k in keys] == [
        ("limit_w", 0, "applied"), ("ch.2.limit_w", None, "applied"),
    ]  # fmt: skip
    twin = client.get("/v1/meters/m3/settings").json()
    assert {d["key"]: d["state"] for d in twin["desired"]}["limit_w"] == "applied"
    assert client.post("/v1/rollouts/1/rollback", json={}).status_code == 202
    api.drive()
    rolled = client.get("/v1/rollouts", params={"limit": 1}).json()["items"][0]
    assert (rolled["rolls_back"], rolled["state"]) == (1, "done")
    assert "ch.2.limit_w" not in api.meters["m1"].told
    log = client.get("/v1/rollouts/1/log").json()
    assert log[0] == {"at": NOW_S, "by": "operator:olaf", "what": "started"}


def test_what_a_meter_would_refuse_is_said_and_nothing_is_sent(api):
    client = api.as_("olaf")
    for settings in ({"limit_w": 1.5}, {"limit_w": 10**30}, {"prize": 1}, {"limit_w": True}, {}):
        order = {"selection": ALL, "settings": settings}
        refused = client.post("/v1/rollouts", json=order)
        assert refused.status_code == 400, settings
    assert client.get("/v1/rollouts").json()["items"] == []


def test_pausing_resuming_and_aborting(api):
    client = api.as_("olaf")
    order = {"selection": ALL, "settings": {"report_s": 30}}
    assert client.post("/v1/rollouts", json=order).status_code == 202
    assert client.post("/v1/rollouts/1/pause").json()["state"] == "paused"
    assert client.post("/v1/rollouts/1/pause").status_code == 400
    assert client.post("/v1/rollouts/1/resume", json={}).json()["state"] == "running"
    assert client.post("/v1/rollouts/1/abort").json()["state"] == "aborted"
    meters = client.get("/v1/rollouts/1/meters", params={"state": "waiting", "limit": 2}).json()
    assert [one["meter"] for one in meters["items"]] == ["m1", "m2"] and meters["next"]
    assert client.get("/v1/rollouts/9").status_code == 404
    bad = {"selection": ALL, "bundle": "no such"}
    assert client.post("/v1/rollouts/updates", json=bad).status_code == 400


def test_who_may_only_look_changes_nothing(api):
    auditor = api.as_("ada")
    assert auditor.get("/v1/rollouts").status_code == 200
    order = {"selection": ALL, "settings": {"report_s": 30}}
    assert auditor.post("/v1/rollouts", json=order).status_code == 403
    assert auditor.post("/v1/fleet/reads", json=ALL).status_code == 403
    tenant = api.as_("tess")
    for path in ("/v1/rollouts", "/v1/fleet/meters", "/v1/templates", "/v1/meters/m1/settings"):
        assert tenant.get(path).status_code == 403, path
