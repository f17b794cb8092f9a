"""A channel that measures what goes into the house: it has no tenant and no credit to tell of."""

import re

import pytest

from api_kit import Api, quick_passwords
from station_kit import NOW_S, reading, store, uplink
from umeter_station.web.site import create_site
from umeter_station.web.watch import boards
from umeter_station.web.watch.boards import Wish

_OUT = 16


@pytest.fixture
def site(tmp_path, monkeypatch):
    quick_passwords(monkeypatch)
    site = Api(tmp_path, make_app=create_site)
    report = {"version": 1, "inlet_ch": 2}
    told = reading(power_dw=[2304, 41_000], contact=[1, 0], claims=[0, 2])
    told["state"] = [_OUT, _OUT]
    store(site.books.db, uplink("settings", report), now_s=NOW_S)
    store(site.books.db, uplink("reading", told), now_s=NOW_S)
    yield site
    site.close()


def _tiles(site):
    text = site.as_("olaf").get("/console/meters?text=m1").text
    return re.findall(r'<li><a class="tile.*?</li>', text)


def test_the_maps_tile_says_inlet_in_place_of_tenant_and_balance(site):
    one, two = _tiles(site)
    assert "Tenant 1" in one and "€0.00" in one and "out" in one
    assert "inlet" in two and "4,100 W" in two and "whole house" in two
    for words in ("€", "credit", "Tenant", 'class="m out"'):
        assert words not in two


def test_the_meters_page_tells_no_balance_and_no_lack_of_credit(site):
    text = site.as_("olaf").get("/console/meters/m1").text
    one, two = re.findall(r'<section class="card channel.*?</section>', text, re.S)
    assert "Balance" in one and "out of credit" in one
    assert "inlet" in two and "4,100 W" in two and "has no credit" in two
    for words in ("€", "out of credit", "no credit<", "contact open", "/label", "channel off"):
        assert words not in two


def test_a_board_is_sent_anew_only_if_it_has_changed(site):
    def look():
        with site.read() as conn:
            return boards.look(conn, Wish(text="m1"), NOW_S, True, True).boards

    before = look()
    assert look() == before
    store(site.books.db, uplink("settings", {"version": 2, "inlet_ch": 0}), now_s=NOW_S)
    after = look()
    assert after != before and after[0].tiles[1].balance == "€0.00"
