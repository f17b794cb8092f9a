"""A meter's pages: values, supply, charts, events, orders, settings, logs; what is done there."""

import re

import pytest

from api_kit import Api, quick_passwords
from station_kit import NOW_S, reading, result, store, uplink
from umeter_station import orders, twin
from umeter_station.people import acts, approvals
from umeter_station.web.site import create_site
from umeter_station.web.watch import meter_orders

FROM_US = {"Sec-Fetch-Site": "same-origin"}
M1 = "/console/meters/m1"
TABS = ("", "/usage", "/events", "/orders", "/settings", "/state")


@pytest.fixture
def site(tmp_path, monkeypatch):
    quick_passwords(monkeypatch)
    site = Api(tmp_path, make_app=create_site)
    told = reading(
        power_dw=[2304, 0],
        energy_wh=[1_234_567, 5],
        balance_u=[5_000_000, 0],
        credited_total_u=[5_000_000, 0],
        contact=[1, 0],
        claims=[0, 6],
        voltage_dv=[2304, None],
    )
    told["armed"] = [0, 2]
    status = {"state": "online", "channels": 2, "boot": 1, "version": "1.4", "board": "b8"}
    store(site.books.db, uplink("status", status), now_s=NOW_S)
    store(site.books.db, uplink("reading", told), now_s=NOW_S)
    for n, code, ch, a in ((1, "contact.open", 2, 4), (2, "register.jump", 1, 700)):
        event = {"n": n, "boot": 1, "t": NOW_S - 500, "code": code, "ch": ch, "a": a, "b": 0}
        store(site.books.db, uplink("event", event), now_s=NOW_S)
    yield site
    site.close()


def _page(site, path=M1, name="olaf", status=200):
    answer = site.as_(name).get(path)
    assert answer.status_code == status, answer.text
    return answer.text


def _post(site, path, name="olaf", headers=None, **form):
    client = site.as_(name, follow_redirects=False)
    return client.post(path, data=form, headers={**FROM_US, **(headers or {})})


def _orders(site, op):
    with site.read() as conn:
        found, _ = meter_orders.of_meter(conn, "m1")
    return [order.command for order in found if order.command.op == op]


def test_values_of_now_and_who_holds_a_contact_open(site):
    text = _page(site)
    for words in ("230 W", "1,234.567 kWh", "€5.00", "230.4 V", "Tenant 1", "contact closed"):
        assert words in text
    claims = text.split('class="claim"')
    assert "cut by hand" in claims[-1] and "An operator holds it open." in claims[-1]
    assert "since Jan 15, 2027" in claims[-1] and "waits for a hand" not in claims[-1]
    assert "no credit" in claims[-2] and "waits for a hand" in claims[-2]
    assert "since" not in claims[-2]  # No event tells.
    assert "The meter holds back 0.700 kWh" in text
    silent = _page(site, "/console/meters/m2")
    assert "No reading has come yet." in silent and "never heard" in silent
    _page(site, "/console/meters/m9", status=404)


def test_what_somebody_may_not_do_is_not_offered(site):
    text = _page(site, name="carl")
    assert "230 W" in text and "Tenant 1" in text
    for offer in (f"{M1}/read", "/supply?", "/quarantine", f"{M1}/settings", "/findings/"):
        assert offer not in text
    assert "/supply?" not in _page(site, name="ada")


@pytest.mark.parametrize(
    ("name", "closed"), [("carl", {"/settings"}), ("tess", set(TABS)), ("ada", set())]
)
def test_who_may_open_which_tab(site, name, closed):
    for tab in TABS:
        _page(site, M1 + tab, name, 403 if tab in closed else 200)
    _page(site, "/live/meters/m1", "tess", 403)


@pytest.mark.parametrize("name", ["carl", "ada", "tess"])
def test_who_may_change_nothing(site, name):
    with site.write() as conn:
        order_id = orders.order_read(conn, "m1", NOW_S)
        approvals.switch(conn, "supply", True, "system", NOW_S)
        args = {"meter": "m1", "ch": 1, "state": "open"}
        approval_id = approvals.ask(conn, "supply", args, "operator:olaf", NOW_S)
    forms = {
        f"{M1}/read": {},
        f"{M1}/channels/1/supply": {"state": "open", "sure": "yes"},
        f"{M1}/channels/1/quarantine": {"action": "accept"},
        f"/console/orders/{order_id}/cancel": {},
        f"{M1}/approvals/{approval_id}": {"yes": "yes"},
    }
    for path, form in forms.items():
        assert _post(site, path, name, **form).status_code == 403, path
    _page(site, f"{M1}/channels/1/supply?state=open", name, 403)
    with site.read() as conn:
        assert len(_orders(site, "read")) == 1 and not _orders(site, "supply")
        assert approvals.get(conn, approval_id, NOW_S).state == "asked"


def test_reading_now_is_followed_until_the_values_are_fresh(site):
    answer = _post(site, f"{M1}/read")
    where = answer.headers["Location"]
    assert where.startswith(f"{M1}?order=")
    again = _post(site, f"{M1}/read", headers={"HX-Request": "true"})
    assert again.status_code == 200 and 'hx-trigger="every 1s"' in again.text
    assert "<html" not in again.text
    (command,) = _orders(site, "read")
    site.clock.unix_s = NOW_S + 3
    assert "Asked 3 s ago" in _page(site, where)
    store(site.books.db, result(command.n, reading=reading(seq=2)), now_s=NOW_S + 4)
    site.clock.unix_s = NOW_S + 9
    text = _page(site, f"/console/orders/{command.id}/progress")
    assert "after 4 s" in text and "fresh" in text and "hx-trigger" not in text
    # An order of another meter is not shown on this one's page.
    assert "after 4 s" not in _page(site, f"/console/meters/m2?order={command.id}")


def test_the_supply_is_cut_only_after_a_look_at_what_will_happen(site):
    path = f"{M1}/channels/1/supply"
    text = _page(site, f"{path}?state=open")
    assert "goes off at once" in text and "contact closed, 230 W" in text
    refused = _post(site, path, state="open")
    assert refused.status_code == 400 and 'role="alert"' in refused.text
    assert not _orders(site, "supply")
    first = _post(site, path, state="open", sure="yes").headers["Location"]
    assert _post(site, path, state="open", sure="yes").headers["Location"] == first
    (command,) = _orders(site, "supply")
    assert command.args == {"ch": 1, "state": "open"}
    for bad in ({"state": "half", "sure": "yes"}, {"sure": "yes"}):
        assert _post(site, path, **bad).status_code == 400
    assert _post(site, f"{M1}/channels/7/supply", state="open", sure="yes").status_code == 404
    text = _page(site, f"{M1}/channels/2/supply?state=close")
    assert "It will stay open all the same" in text and "no credit" in text


def test_a_lock_that_only_an_operator_may_end_is_released(site):
    path = f"{M1}/channels/1/supply"
    assert "Have a look at the box first" in _page(site, f"{path}?state=tamper")
    for _time in range(2):
        assert _post(site, path, state="overload", sure="yes").status_code == 303
    (command,) = _orders(site, "release")
    assert command.args == {"ch": 1, "claim": "overload"}
    told = reading(seq=2, contact=[0, 0], claims=[16, 0])
    store(site.books.db, uplink("reading", told), now_s=NOW_S)
    assert "supply?state=overload" in _page(site)


def test_where_two_are_needed_another_person_agrees(site):
    with site.write() as conn:
        approvals.switch(conn, "supply", True, "system", NOW_S)
    path = f"{M1}/channels/1/supply"
    assert "two people" in _page(site, f"{path}?state=open")
    for _time in range(2):  # Asked once.
        answer = _post(site, path, state="open", sure="yes")
        assert answer.headers["Location"] == f"{M1}?said=second-person"
    with site.read() as conn:
        (asked,) = approvals.page(conn, 9, NOW_S)
    assert not _orders(site, "supply")
    decide = f"{M1}/approvals/{asked.id}"
    assert decide not in _page(site) and decide in _page(site, name="anna")
    assert "waits for a second person" in _page(site, name="ada")
    assert _post(site, decide, yes="yes").status_code == 400  # By whoever asked.
    other = f"/console/meters/m2/approvals/{asked.id}"
    assert _post(site, other, "anna", yes="yes").status_code == 404
    done = _post(site, decide, "anna", yes="yes")
    (command,) = _orders(site, "supply")
    assert done.headers["Location"] == f"{M1}?order={command.id}&said=ordered"
    assert _post(site, decide, "anna", yes="no").status_code == 409


def test_what_is_held_back_is_accepted_or_refused_once(site):
    path = f"{M1}/channels/1/quarantine"
    assert _post(site, path, action="keep").status_code == 400
    for _time in range(2):
        assert _post(site, path, action="accept").status_code == 303
    (command,) = _orders(site, "quarantine")
    assert command.args == {"ch": 1, "action": "accept"}
    with site.read() as conn:
        (act,) = acts.newest(conn, 9, act="order.quarantine")
    assert act.by == "operator:olaf" and act.about == "meter:m1"
    event = {"n": 3, "boot": 1, "t": NOW_S, "code": "quarantine.accepted", "ch": 1, "a": 700}
    store(site.books.db, uplink("event", event), now_s=NOW_S)
    assert "holds back" not in _page(site)


def test_orders_are_listed_with_their_states_and_called_off(site):
    with site.write() as conn:
        twin.order_set(conn, "m1", {"limit_w": 4000}, NOW_S, by="operator:anna")
        orders.place(conn, "m1", "history", {"what": "events", "from": 1, "count": 5}, NOW_S)
        orders.place(conn, "m1", "key", {"wrapped": "s3cret"}, NOW_S, "operator:anna")
        orders.place(conn, "m1", "credit", {"ch": 1, "amount_u": 5}, NOW_S)
    text = _page(site, f"{M1}/orders")
    assert "operator:anna" in text and "limit_w" in text and "s3cret" not in text
    assert "its logs" not in text and "its logs" in _page(site, f"{M1}/orders?chores=true")
    (command,) = _orders(site, "set")
    path = f"/console/orders/{command.id}/cancel"
    assert path in text and _post(site, path).headers["Location"] == f"{M1}/orders?said=done"
    assert "called off" in _page(site, f"{M1}/orders")
    assert _post(site, path).status_code == 400
    (money,) = _orders(site, "credit")
    refused = _post(site, f"/console/orders/{money.id}/cancel")
    assert refused.status_code == 400 and "moves money" in refused.text


def test_orders_are_told_in_words_and_begin_with_being_ordered(site):
    with site.write() as conn:
        orders.place(conn, "m1", "credit", {"ch": 1, "amount_u": 10_000_000}, NOW_S)
        orders.place(conn, "m1", "supply", {"ch": 2, "state": "open"}, NOW_S)
        orders.place(conn, "m1", "release", {"ch": 2, "claim": "tamper"}, NOW_S)
        orders.place(conn, "m1", "debt", {"ch": 2, "debt": 3, "add_u": -1_500_000}, NOW_S)
        twin.order_set(conn, "m1", {"low_credit_u": 2_500_000, "lock_on": ["weld"]}, NOW_S)
    text = _page(site, f"{M1}/orders")
    for words in (
        "channel 1, €10.00<",
        "channel 2, open the contact<",
        "channel 2, tampering<",
        "channel 2, debt 3, add -€1.50<",
        "low_credit_u = 2.50, lock_on = [&#34;weld&#34;]<",
    ):
        assert words in text
    # Open as it is, it was ordered at some time.
    assert text.count("not sent yet") == text.count("<article") == 5
    assert text.count("<strong>ordered</strong>") == 5


def test_events_are_told_in_words_with_their_codes_beside(site):
    for n, code, a in ((3, "credit.low", 2_999_990), (4, "set.limit_w", 5), (5, "code.99", 7)):
        event = {"n": n, "boot": 1, "t": NOW_S, "code": code, "ch": 1, "a": a, "b": 0}
        store(site.books.db, uplink("event", event), now_s=NOW_S)
    rows = re.findall(r"<tr><td.*?</tr>", _page(site, f"{M1}/events"), re.S)
    unknown, setting, low, _jump, opened = rows
    assert "<code>code.99</code>" in unknown and ">7 0<" in unknown
    assert "Setting limit_w" in setting and "5 before, now 0" in setting
    assert "Credit low" in low and "balance €2.99" in low and ">credit.low<" in low
    assert "Contact opened" in opened and 'data-label="Channel">2<' in opened


def test_orders_and_events_go_back_in_pages(site, monkeypatch):
    monkeypatch.setattr(meter_orders, "PAGE", 2)
    with site.write() as conn:
        for _time in range(3):
            orders.order_link(conn, "m1", NOW_S)
    older = re.search(r'href="([^"]+)" rel="next"', _page(site, f"{M1}/orders"))[1]
    assert _page(site, older).count("<article") == 1
    text = _page(site, f"{M1}/events")
    assert "700 Wh not booked" in text and "cut by hand" in text
    assert "700 Wh" not in _page(site, f"{M1}/events?before=2")


def test_settings_show_what_is_desired_beside_what_is_reported(site):
    report = {"version": 0, "limit_w": 3000, "report_s": 60, "low_credit_u": 2_500_000}
    report |= {"ch.1.price_u_per_kwh": 252_500, "friendly": [["67", 2200, 2400]], "unit": "money"}
    store(site.books.db, uplink("settings", report), now_s=NOW_S)
    with site.write() as conn:
        twin.order_set(conn, "m1", {"limit_w": 4000}, NOW_S, by="operator:anna")
    site.clock.unix_s = NOW_S + 3 * 86_400
    text = _page(site, f"{M1}/settings")
    row = re.search(r"<code>limit_w</code>.*?</tr>", text, re.S)[0]
    assert "4000" in row and "3000" in row and "not answered yet" in row and "3 days" in row
    assert "operator:anna" in row and text.index("limit_w") < text.index("report_s")
    for key, shown in (
        ("low_credit_u", "2.50"),
        ("ch.1.price_u_per_kwh", "0.2525"),
        ("friendly", "[[&#34;67&#34;,2200,2400]]"),
        ("unit", "money"),
    ):
        row = re.search(rf"<code>{key}</code>.*?</tr>", text, re.S)[0]
        assert f'data-label="Reported">{shown}<' in row


def test_software_logs_and_the_verdict_on_the_audit_log(site):
    text = _page(site, f"{M1}/state", "ada")
    assert "1.4" in text and "b8" in text and "never updated" in text
    assert "Audit log" in text and "Can the audit log be believed?" in text
    assert "believed" not in _page(site, f"{M1}/state", "carl")


def test_charts_of_each_channel(site):
    text = _page(site, f"{M1}/usage?ch=2&kind=power&last=day")
    assert 'data-chart="/charts/m1/2.json?kind=power&amp;last_s=86400"' in text
    # Voltage is known of days only; what there is not is the usual instead.
    assert "last_s=259200" in _page(site, f"{M1}/usage?kind=voltage&last=year")
    assert "kind=energy&amp;last_s=604800" in _page(site, f"{M1}/usage?kind=x&last=y")
    _page(site, f"{M1}/usage?ch=9", status=404)
