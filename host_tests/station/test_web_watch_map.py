"""The map of meters, live parts made of pieces, reading many at once, and strangers."""

import re

import pytest

from api_kit import Api, quick_passwords
from station_kit import KEY, NOW_S, reading, store, uplink
from umeter_station import meters, orders, strangers
from umeter_station.fleet import reads
from umeter_station.people import sites, tenants
from umeter_station.watch import findings
from umeter_station.web.live import Piece, _Pieces, _Whole, marks
from umeter_station.web.site import create_site
from umeter_station.web.watch import boards
from umeter_station.web.watch.boards import Wish

FROM_US = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def site(tmp_path, monkeypatch):
    quick_passwords(monkeypatch)
    site = Api(tmp_path, make_app=create_site)
    with site.write() as conn:
        meters.add(conn, "m3", KEY, NOW_S)
        house = sites.add(conn, "North", "", "system", NOW_S)
        sites.put_meter(conn, house.id, "m2", "system", NOW_S)
        findings.note(conn, "A06", "m1", 2, {}, "critical", NOW_S)
    told = reading(
        power_dw=[2304, 0],
        balance_u=[1_239_999, -5],
        credited_total_u=[1_239_999, 0],
        charged_total_u=[0, 5],
        contact=[1, 0],
        claims=[0, 2],
        age_s=[0, 90],
    )
    store(site.books.db, uplink("reading", told), now_s=NOW_S - 130)
    yield site
    site.close()


def _page(site, path="/console/meters", name="olaf", status=200, **headers):
    answer = site.as_(name).get(path, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.text


def _post(site, path, name="olaf", **form):
    client = site.as_(name, follow_redirects=False)
    return client.post(path, data=form, headers=FROM_US)


def _boards(text):
    return re.findall(r'id="b-([^"]+)"', text)


def test_tiles_tell_power_balance_contact_claims_age_and_findings(site):
    text = _page(site)
    # Houses by name, then what belongs to none.
    assert _boards(text) == ["m2", "m1", "m3"] and text.index("North") < text.index("Without")
    tiles = re.findall(r'<li><a class="tile.*?</li>', text)
    one, two = (tile for tile in tiles if "/m1#" in tile)
    assert "230 W" in one and "€1.23" in one and "fed" in one and "Tenant 1" in one
    assert "-€0.01" in two and "no credit" in two and "critical" in two and "silent" in two
    assert "2 min ago" in text and "never heard" in text and "no reading yet" in text
    assert "2 channels · 3 boards" in re.sub(r"\s+", " ", text)


def test_filters_and_search(site):
    site_id = re.search(r'<option value="(\d+)">North', _page(site))[1]
    assert _boards(_page(site, f"/console/meters?site={site_id}")) == ["m2"]
    assert _boards(_page(site, "/console/meters?site=none")) == ["m1", "m3"]
    assert _boards(_page(site, "/console/meters?presence=online")) == ["m1"]
    assert _boards(_page(site, "/console/meters?text=M3")) == ["m3"]
    found = _page(site, "/console/meters?text=tenant+2")
    assert _boards(found) == ["m1"] and len(re.findall(r'class="tile [a-z]+ hit"', found)) == 1
    assert "No meter fits" in _page(site, "/console/meters?text=%25")
    for query in ("site=x", "presence=away", "page=-1", "text=" + "x" * 81):
        _page(site, f"/console/meters?{query}", status=400)
    part = _page(site, "/console/meters?text=m3", **{"HX-Request": "true"})
    assert _boards(part) == ["m3"] and "<html" not in part


def test_who_has_no_right_to_findings_or_reads_has_none_on_the_map(site):
    text = _page(site, name="carl")
    assert _boards(text) == ["m2", "m1", "m3"] and "Tenant 1" in text
    assert "critical" not in text and "checkbox" not in text and "/console/reads" not in text
    for path in ("/console/meters", "/live/meters", "/console/strangers"):
        _page(site, path, "tess", status=403)
    for path in ("/console/reads/1", "/live/reads/1"):
        _page(site, path, "carl", status=403)
        _page(site, path, "tess", status=403)


def test_pages_of_boards(site, monkeypatch):
    monkeypatch.setattr(boards, "PAGE", 2)
    first = _page(site)
    assert _boards(first) == ["m2", "m1"] and "/console/meters?page=1" in first
    second = _page(site, "/console/meters?page=1")
    assert _boards(second) == ["m3"] and 'rel="prev"' in second


def test_a_tenants_name_is_never_markup(site):
    with site.write() as conn:
        tenant_id = tenants.add(conn, "<script>&", "system", NOW_S)
        tenants.move_in(conn, tenant_id, "m2", 1, NOW_S - 5, "system", NOW_S)
    store(site.books.db, uplink("reading", reading(channels=1), "m2"), now_s=NOW_S)
    text = _page(site)
    assert "&lt;script&gt;&amp;" in text and "<script>&" not in text


def test_the_map_asks_as_few_questions_as_for_one_board(site, monkeypatch):
    with site.read() as conn:
        asked = []
        execute = conn.execute
        monkeypatch.setattr(conn, "execute", lambda *a: asked.append(a) or execute(*a))
        sight = boards.look(conn, Wish(), NOW_S, with_findings=True, with_tenants=True)
    assert len(sight.boards) == 3 and len(asked) == 3


def test_only_pieces_that_changed_are_sent_and_all_if_they_are_others():
    made = {"a": 1, "b": 1}

    def look():
        return [Piece(n, v, lambda n=n, v=v: f"<i id={n}>{v}</i>") for n, v in made.items()]

    def whole(pieces):
        return "".join(piece.html() for piece in pieces)

    stream = _Pieces(look, whole, have=marks(look()))
    assert stream.look() == b""
    made["b"] = 2
    assert stream.look() == b"event: pieces\ndata: <i id=b>2</i>\n\n"
    made["c"] = 1
    assert stream.look().startswith(b"event: part\n") and stream.look() == b""
    del made["a"]
    made["d"] = 1
    assert b"event: part" in stream.look()
    # A page from before some restart: what is different is sent.
    assert b"event: pieces" in _Pieces(look, whole, have="0" * 18).look()
    assert b"event: part" in _Pieces(look, whole, have="").look()
    texts = iter(["x", "x", "y\nz"])
    part = _Whole(lambda: next(texts))
    assert [part.look() for _ in range(3)] == [
        b"event: part\ndata: x\n\n",
        b"",
        b"event: part\ndata: y\ndata: z\n\n",
    ]


def test_many_are_read_with_progress_and_a_list_of_who_is_late(site):
    answer = _post(site, "/console/reads", meter=["m1", "m2"])
    path = answer.headers["Location"]
    read_id = int(path.rpartition("/")[2])
    text = _page(site, path)
    assert 'max="2" value="0"' in text and "not sent yet" in text and "operator:olaf" in text
    again = _post(site, "/console/reads", shown="yes", text="m1").headers["Location"]
    with site.read() as conn:
        first, second = (reads.get(conn, n) for n in (read_id, int(again.rpartition("/")[2])))
    assert [a.meter for a in second.answers] == ["m1"]
    assert second.answers[0].command_id == first.answers[0].command_id and second.skipped == 1
    with site.write() as conn:
        for one in first.answers:
            orders.give_up(conn, one.command_id, NOW_S)
    assert "Over: those below did not answer" in _page(site, path)
    by_words = _post(site, "/console/reads", where="meter=m3").headers["Location"]
    assert "where meter=m3" in _page(site, by_words)
    refused = _post(site, "/console/reads", where="meter=(")
    assert refused.status_code == 400 and "At " in refused.text
    assert _post(site, "/console/reads").status_code == 400
    assert _post(site, "/console/reads", meter="m9").status_code == 404
    for name in ("carl", "ada", "tess"):
        assert _post(site, "/console/reads", name, meter="m1").status_code == 403
    _page(site, "/console/reads/999", status=404)


def test_a_stranger_is_adopted_with_its_key_or_forgotten(site):
    with site.write() as conn:
        for name in ("new1", "new2"):
            strangers.note(conn, name, NOW_S)
    assert "2 boards that nobody knows" in _page(site)
    assert "new1" in _page(site, "/console/strangers")
    assert "/adopt" not in _page(site, "/console/strangers", "ada")
    wrong = _post(site, "/console/strangers/new1/adopt", key="ff" * 31)
    assert wrong.status_code == 400 and 'role="alert"' in wrong.text and "ffff" not in wrong.text
    for name in ("carl", "ada", "tess"):
        answer = _post(site, "/console/strangers/new1/adopt", name, key=KEY.hex())
        assert answer.status_code == 403
    adopted = _post(site, "/console/strangers/new1/adopt", key=KEY.hex())
    assert adopted.headers["Location"] == "/console/meters/new1?said=adopted"
    assert _post(site, "/console/strangers/new2/forget").status_code == 303
    assert _post(site, "/console/strangers/new2/forget").status_code == 404
    assert "There are none." in _page(site, "/console/strangers")
    with site.read() as conn:
        assert meters.find(conn, "new1") and not meters.find(conn, "new2")
