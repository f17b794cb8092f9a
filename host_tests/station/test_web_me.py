"""/me: one's own password, one-time codes and sessions."""

import logging
import re

import pyotp
import pytest

from api_kit import PASSWORD, Api, quick_passwords
from umeter_station.api.deps import CSRF_HEADER
from umeter_station.people import sessions, tries
from umeter_station.web.site import create_site

FROM_US = {"Sec-Fetch-Site": "same-origin"}
NEW = "another horse, another battery"


@pytest.fixture
def site(tmp_path, monkeypatch):
    quick_passwords(monkeypatch)
    site = Api(tmp_path, make_app=create_site)
    yield site
    site.close()


@pytest.fixture
def tess(site):
    return site.as_("tess", follow_redirects=False)


def sent(client, path, **form):
    csrf = sessions.csrf_of(client.cookies["__Host-umeter"])
    return client.post(path, data={"csrf": csrf, **form}, headers=FROM_US)


def can_sign_in(site, password, **more):
    form = {"name": "tess", "password": password, **more}
    client = site.client(follow_redirects=False)
    return client.post("/sign-in", data=form, headers=FROM_US).status_code == 303


def enrolled(client):
    """The secret that the page shows."""
    page = sent(client, "/me/codes", password=PASSWORD)
    assert page.status_code == 200 and "<svg" in page.text
    return re.search(r'class="secret">([A-Z2-7]{32})<', page.text)[1]


def confirmed(site, client):
    """The secret, and the recovery codes."""
    secret = enrolled(client)
    page = sent(client, "/me/codes/confirm", code=pyotp.TOTP(secret).at(site.clock.unix_s))
    assert page.status_code == 200, page.text
    return secret, re.findall(r'<li class="secret">([^<]+)</li>', page.text)


def test_who_is_not_signed_in_has_no_such_page(site):
    client = site.client(follow_redirects=False)
    assert client.get("/me").headers["Location"] == "/sign-in?next=/me"
    for path in ("password", "codes", "codes/confirm", "codes/remove", "sessions/end"):
        answer = client.post(f"/me/{path}", headers=FROM_US)
        assert answer.headers["Location"] == "/sign-in"


def test_everybody_has_an_own_one(site):
    for name in ("anna", "olaf", "carl", "ada", "tess"):
        page = site.as_(name).get("/me")
        assert page.status_code == 200 and f'value="{name}"' in page.text
        assert not re.search(r"<script(?![^>]* src=)|<style|\bstyle=|\bon[a-z]+=", page.text)


def test_a_new_password_counts_at_once_and_ends_what_was_open_elsewhere(site, tess):
    elsewhere = site.as_("tess", follow_redirects=False)
    answer = sent(tess, "/me/password", old=PASSWORD, new=NEW)
    assert answer.headers["Location"] == "/me?said=password-changed"
    assert tess.get("/me").status_code == 200
    assert elsewhere.get("/me").status_code == 303
    assert can_sign_in(site, NEW) and not can_sign_in(site, PASSWORD)


def test_a_password_that_is_refused_changes_nothing(site, tess):
    for old, new, sentence in (
        ("no such word", NEW, "That is not your password."),
        (PASSWORD, "too short", "10 to 256 characters"),
        (PASSWORD, "tesstesstess", "choose another"),
        (PASSWORD, "aaaaaaaaaaaa", "repeats itself"),
        (PASSWORD, "x" * 300, "is not right"),
    ):
        page = sent(tess, "/me/password", old=old, new=new)
        assert page.status_code == 400 and sentence in page.text
        assert old not in page.text and new not in page.text
    assert can_sign_in(site, PASSWORD)


def test_a_session_left_open_is_no_way_to_try_passwords(site, tess):
    free = tries.NAME[0]
    codes = [sent(tess, "/me/codes", password="wrong").status_code for _ in range(free + 2)]
    assert codes == [400] * (free + 1) + [429]
    page = sent(tess, "/me/password", old=PASSWORD, new=NEW)
    assert page.status_code == 429 and int(page.headers["Retry-After"]) > 0


def test_codes_are_asked_for_once_one_has_confirmed_them(site, tess):
    secret = enrolled(tess)
    assert secret not in tess.get("/me").text, "it is shown once"
    assert can_sign_in(site, PASSWORD), "a device that was never confirmed locks nobody out"
    page = sent(tess, "/me/codes/confirm", code="000000")
    assert page.status_code == 400 and "not the code of now" in page.text
    assert secret not in page.text
    elsewhere = site.as_("tess", follow_redirects=False)
    page = sent(tess, "/me/codes/confirm", code=pyotp.TOTP(secret).at(site.clock.unix_s))
    codes = re.findall(r'<li class="secret">([^<]+)</li>', page.text)
    assert len(set(codes)) == 10 and page.headers["Cache-Control"] == "no-store"
    assert elsewhere.get("/me").status_code == 303 and tess.get("/me").status_code == 200
    assert not can_sign_in(site, PASSWORD)
    site.clock.unix_s += 30
    assert can_sign_in(site, PASSWORD, code=pyotp.TOTP(secret).at(site.clock.unix_s))
    assert can_sign_in(site, PASSWORD, code=codes[0])
    assert not can_sign_in(site, PASSWORD, code=codes[0])
    page = tess.get("/me").text
    assert "9 recovery codes are left" in page and not any(code in page for code in codes)


def test_codes_are_not_set_up_twice_nor_switched_off_without_the_password(site, tess):
    confirmed(site, tess)
    page = sent(tess, "/me/codes", password=PASSWORD)
    assert page.status_code == 400 and "in use already" in page.text
    assert sent(tess, "/me/codes/remove", password="wrong").status_code == 400
    assert not can_sign_in(site, PASSWORD)
    answer = sent(tess, "/me/codes/remove", password=PASSWORD)
    assert answer.headers["Location"] == "/me?said=codes-off"
    assert can_sign_in(site, PASSWORD)


def test_one_sees_the_own_sessions_and_ends_the_others(site, tess):
    others = [site.as_("tess", follow_redirects=False) for _ in range(2)]
    ulla = site.as_("ulla", follow_redirects=False)
    page = tess.get("/me").text
    assert page.count('<th scope="row"') == 3 and page.count("this one") == 1
    answer = sent(tess, "/me/sessions/end")
    assert answer.headers["Location"] == "/me?said=only-here"
    assert [each.get("/me").status_code for each in (*others, tess, ulla)] == [303, 303, 200, 200]
    assert "Sign out everywhere but here" not in tess.get("/me").text


def test_forms_of_other_sites_and_of_other_sessions_change_nothing(site, tess):
    csrf = sessions.csrf_of(tess.cookies["__Host-umeter"])
    theirs = sessions.csrf_of(site.as_("ulla").cookies["__Host-umeter"])
    foreign = {"Sec-Fetch-Site": "cross-site"}
    del tess.headers[CSRF_HEADER]
    for path in ("password", "codes", "codes/confirm", "codes/remove", "sessions/end"):
        form = {"old": PASSWORD, "new": NEW, "password": PASSWORD, "code": "1"}
        for more, headers in (
            ({"csrf": csrf}, foreign),
            ({"csrf": theirs}, FROM_US),
            ({}, FROM_US),
        ):
            answer = tess.post(f"/me/{path}", data=form | more, headers=headers)
            assert answer.status_code == 403
    assert can_sign_in(site, PASSWORD)


def test_no_password_secret_or_code_is_in_the_log(site, tess, caplog):
    caplog.set_level(logging.DEBUG)
    secret, codes = confirmed(site, tess)
    sent(tess, "/me/password", old=PASSWORD, new=NEW)
    sent(tess, "/me/password", old="wrong", new=NEW)
    ours = [each for each in caplog.records if each.name.startswith("umeter")]
    told = " ".join(f"{each.getMessage()} {vars(each)}" for each in ours)
    assert "/me/codes/confirm" in told
    token = tess.cookies["__Host-umeter"]
    for text in (PASSWORD, NEW, secret, codes[0], token, sessions.csrf_of(token)):
        assert text not in told
