"""Findings, thresholds and alert targets at the terminal and over the API."""

import pytest

from api_kit import Api
from cli_kit import clocked_home, run, told
from station_kit import NOW_S, new_database, reading, store, uplink
from umeter_station.watch import findings


def noted(db, **more):
    with db.write() as conn:
        return findings.note(
            conn,
            **{"rule": "A08", "meter": "m1", "ch": 2, "evidence": {"span_s": 1800}, **more},
            severity="alarm",
            now_s=NOW_S - 7200,
        )


@pytest.fixture
def home(tmp_path):
    db = new_database(tmp_path, "m1")
    for seq in range(3):
        document = reading(seq=seq, t=NOW_S - 900 + 60 * seq)
        store(db, uplink("reading", document), now_s=NOW_S - 900 + 60 * seq)
    noted(db)
    db.close()
    return clocked_home(tmp_path)


def test_findings_at_the_terminal(home):
    listed = " ".join(told(home, "findings", "list"))
    assert "A08 register stands still under load" in listed
    assert "m1 channel 2" in listed and "span_s 1800" in listed and "2 h" in listed
    assert told(home, "findings", "ack", 1, "--note", "on my way", "--to", "ben") == [
        "Finding 1 is acknowledged."
    ]
    shown = " ".join(told(home, "findings", "show", 1))
    assert "ben looks after it." in shown and "on my way" in shown
    assert told(home, "findings", "close", 1) == ["Finding 1 is closed."]
    assert told(home, "findings", "list") == ["Nothing is wrong that this station knows of."]
    assert "closed" in " ".join(told(home, "findings", "list", "--all"))
    refused = run(home, "findings", "close", 1)
    assert refused.exit_code == 1 and "closed already" in refused.output


def test_the_rules_can_be_asked_now(home):
    assert told(home, "rules", "run")[0].startswith("1 opened")
    assert "offline" in " ".join(told(home, "findings", "list"))


def test_thresholds_at_the_terminal(home):
    told(home, "rules", "set", "stuck_w", 35)
    told(home, "rules", "set", "stuck_w", 45, "--meter", "m1", "--channel", 2)
    (line,) = [line for line in told(home, "rules", "thresholds") if line.startswith("stuck_w ")]
    assert "all meters: 35" in line and "m1 channel 2: 45" in line
    told(home, "rules", "set", "stuck_w", "default")
    assert "all meters: 35" not in " ".join(told(home, "rules", "thresholds"))
    assert run(home, "rules", "set", "stuck_w", "much").exit_code == 1
    assert run(home, "rules", "set", "stuck_w", 0).exit_code == 1


def test_alert_targets_at_the_terminal(home):
    told(home, "alerts", "add", "anna", "anna@example.org", "--quiet", "22:00-06:30")
    said = told(home, "alerts", "add", "hook", "https://example.org/x", "--rule", "A03")
    assert "signed with" in said[1]
    listed = " ".join(told(home, "alerts", "list"))
    assert "22:00 to 06:30 UTC" in listed and "A03" in listed
    told(home, "alerts", "off", 1)
    assert "email, off" in " ".join(told(home, "alerts", "list"))
    told(home, "alerts", "on", 1)
    assert told(home, "alerts", "send") == ["0 sent, 0 not."]
    assert run(home, "alerts", "add", "b", "b@c.de", "--quiet", "25:00-1:00").exit_code == 1


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    api = Api(tmp_path_factory.mktemp("findings"))
    yield api
    api.close()


def test_findings_over_the_api(api):
    number = noted(api.books.db)
    olaf = api.as_("olaf")
    page = olaf.get("/v1/findings", params={"state": "current", "limit": 1}).json()
    assert [found["id"] for found in page["items"]] == [number]
    assert olaf.get("/v1/findings", params={"severity": "critical"}).json()["items"] == []
    url = f"/v1/findings/{number}"
    assert olaf.post(f"{url}/acknowledge", json={"assignee": "ben"}).json()["assignee"] == "ben"
    assert olaf.post(f"{url}/acknowledge", json={}).status_code == 400
    assert olaf.post(f"{url}/notes", json={"note": "loose wire"}).status_code == 204
    assert olaf.post(f"{url}/assign", json={"assignee": "cleo"}).json()["assignee"] == "cleo"
    assert olaf.post(f"{url}/close", json={"quiet_s": 0}).json()["state"] == "closed"
    words = [entry["what"] for entry in olaf.get(f"{url}/history").json()]
    assert words == ["opened", "acknowledged", "note", "assigned", "closed"]
    by = {entry["by"] for entry in olaf.get(f"{url}/history").json()}
    assert by == {"rule", "operator:olaf"}
    assert olaf.get("/v1/findings/999").status_code == 404


def test_pages_of_findings(api):
    numbers = [noted(api.books.db, rule=f"A{n:02}", ch=0) for n in range(1, 6)]
    ada = api.as_("ada")
    seen, cursor = [], None
    while True:
        params = {"state": "open", "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = ada.get("/v1/findings", params=params).json()
        seen += [found["id"] for found in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == numbers[::-1]


@pytest.mark.parametrize("name", ["carl", "tess"])
def test_who_has_no_business_with_findings(api, name):
    client = api.as_(name)
    assert client.get("/v1/findings").status_code == 403
    assert client.get("/v1/alert-targets").status_code == 403


def test_an_auditor_only_looks(api):
    ada = api.as_("ada")
    assert ada.get("/v1/rules").status_code == 200
    assert ada.post("/v1/findings/1/close", json={}).status_code == 403
    limit = {"name": "stuck_w", "value": 30}
    assert ada.put("/v1/thresholds/own", json=limit).status_code == 403


def test_thresholds_over_the_api(api):
    olaf = api.as_("olaf")
    limit = {"meter": "m1", "ch": 1, "name": "stuck_w", "value": 30}
    assert olaf.put("/v1/thresholds/own", json=limit).status_code == 204
    own = olaf.get("/v1/thresholds/own").json()
    assert {"meter": "m1", "ch": 1, "name": "stuck_w", "value": 30} in own
    assert olaf.put("/v1/thresholds/own", json={**limit, "value": 10**9}).status_code == 400
    assert olaf.put("/v1/thresholds/own", json={**limit, "value": "30"}).status_code == 422
    assert olaf.put("/v1/thresholds/own", json={**limit, "value": None}).status_code == 204
    assert any(each["name"] == "stuck_w" for each in olaf.get("/v1/thresholds").json())


def test_alert_targets_over_the_api(api):
    anna = api.as_("anna")
    body = {"name": "hook", "kind": "webhook", "address": "https://example.org/x"}
    made = anna.post("/v1/alert-targets", json=body)
    assert made.status_code == 201 and len(made.json()["secret"]) == 64
    assert anna.post("/v1/alert-targets", json=body).status_code == 409
    bad = {**body, "name": "b", "address": "file:///etc/passwd"}
    assert anna.post("/v1/alert-targets", json=bad).status_code == 400
    listed = anna.get("/v1/alert-targets")
    assert "secret" not in listed.text
    number = made.json()["target"]["id"]
    off = anna.patch(f"/v1/alert-targets/{number}", json={"enabled": False})
    assert off.json()["enabled"] is False
