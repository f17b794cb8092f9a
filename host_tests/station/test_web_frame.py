"""The frame of the pages: who may see them, their headers, languages, files and refusals."""

import re

import pytest

import web_kit
from api_kit import PASSWORD, Api, quick_passwords
from umeter_station.errors import StationError
from umeter_station.people import sessions
from umeter_station.web import language, sign_in
from umeter_station.web.assets import Assets
from umeter_station.web.language import Languages, Place
from umeter_station.web.site import create_site

FROM_US = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def site(tmp_path, monkeypatch):
    quick_passwords(monkeypatch)
    site = Api(tmp_path, make_app=create_site)
    yield site
    site.close()


def _sign_in(site, name="anna", follow=False, **more):
    client = site.client(follow_redirects=follow)
    form = {"name": name, "password": PASSWORD, **more}
    return client, client.post("/sign-in", data=form, headers=FROM_US)


def test_who_has_not_signed_in_is_sent_to_do_so_and_comes_back(site):
    client = site.client(follow_redirects=False)
    answer = client.post("/sign-out", headers=FROM_US)
    assert answer.status_code == 303 and answer.headers["Location"] == "/sign-in"
    assert client.get("/").headers["Location"] == "/sign-in"
    client, answer = _sign_in(site, next="/console/meters?site=1")
    assert answer.headers["Location"] == "/console/meters?site=1"
    cookie = answer.headers["Set-Cookie"]
    for flag in ("__Host-umeter=", "HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert flag in cookie
    assert client.get("/sign-in").headers["Location"] == "/console"


@pytest.mark.parametrize(
    "path", ["//evil.example/", "https://evil.example", "/\\evil.example", "", "x", "/a\r\nb"]
)
def test_signing_in_leads_to_no_other_site(site, path):
    assert sign_in.inside(path) == ""
    _, answer = _sign_in(site, next=path)
    assert answer.headers["Location"] == "/console"


def test_a_session_is_a_new_one_at_each_sign_in(site):
    """Nobody can have another use a session that he knows."""
    client = site.client(follow_redirects=False)
    client.cookies.set("__Host-umeter", "x" * 43, domain="testserver.local", path="/")
    answer = client.post(
        "/sign-in", data={"name": "anna", "password": PASSWORD}, headers=FROM_US
    )
    assert re.search("__Host-umeter=([^;]+)", answer.headers["Set-Cookie"])[1] != "x" * 43


def test_a_wrong_password_is_told_and_the_name_stays(site):
    _, answer = _sign_in(site, password="no such", follow=True)
    assert answer.status_code == 401
    assert "That name and password" in answer.text and 'value="anna"' in answer.text


def test_a_form_of_another_site_is_refused(site):
    client = site.client(follow_redirects=False)
    form = {"name": "anna", "password": PASSWORD}
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    ):
        answer = client.post("/sign-in", data=form, headers=headers)
        assert answer.status_code == 403 and "Set-Cookie" not in answer.headers
    answer = client.post("/sign-in", data=form, headers={"Origin": "https://testserver"})
    assert answer.status_code == 303


def test_a_form_needs_the_token_of_its_session(site):
    client, _ = _sign_in(site)
    for form in ({}, {"csrf": "x"}, {"csrf": "ü"}):
        assert client.post("/sign-out", data=form, headers=FROM_US).status_code == 403
    assert client.get("/sign-in").status_code == 303  # Still signed in.
    csrf = sessions.csrf_of(client.cookies["__Host-umeter"])
    assert client.post("/sign-out", data={"csrf": csrf}).status_code == 403
    answer = client.post("/sign-out", data={"csrf": csrf}, headers=FROM_US)
    assert answer.status_code == 303
    assert client.get("/sign-in").status_code == 200


def test_pages_carry_no_script_and_no_style_of_their_own(site):
    client, _ = _sign_in(site)
    refused = client.post("/sign-out", headers=FROM_US).text
    for text in (site.client().get("/sign-in").text, refused):
        assert not re.search(r"<script(?![^>]* src=)|<style|\bstyle=|\bon[a-z]+=", text)
    answer = site.client().get("/sign-in")
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy and "unsafe" not in policy and "*" not in policy
    assert "frame-ancestors 'none'" in policy and answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_browser_gets_a_page_for_what_there_is_not_and_a_machine_a_problem(site):
    client = site.client()
    answer = client.get("/nowhere", headers={"Accept": "text/html,*/*"})
    assert answer.status_code == 404 and answer.headers["Content-Type"].startswith("text/html")
    answer = client.get("/v1/nowhere", headers={"Accept": "text/html"})
    assert answer.status_code == 404 and "problem+json" in answer.headers["Content-Type"]
    assert "problem+json" in client.get("/nowhere").headers["Content-Type"]


def test_files_are_kept_for_a_year_by_their_digest_and_nothing_else_is_served(site):
    client = site.client()
    url = Assets().url("umeter.css")
    answer = client.get(url)
    assert answer.status_code == 200 and "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "gzip" and ":root" in answer.text
    plain = client.get("/static/umeter.css?v=old", headers={"Accept-Encoding": "identity"})
    assert plain.text == answer.text and plain.headers["Cache-Control"] == "no-cache"
    for path in ("../site.py", "..%2fsite.py", "%2fetc%2fpasswd", "vendor", "", "x.css"):
        assert client.get(f"/static/{path}").status_code == 404


def test_files_that_the_set_up_makes_are_named_when_they_are_missing(tmp_path):
    with pytest.raises(StationError, match=r"htmx.*make setup"):
        Assets(tmp_path)


def test_the_language_is_the_cookies_else_the_browsers(site):
    client = site.client()
    chinese = client.get("/sign-in", headers={"Accept-Language": "zh-CN,zh;q=0.9"}).text
    assert '<html lang="zh"' in chinese and "登录" in chinese
    client.post("/preferences", data={"lang": "zh", "theme": "dark"}, headers=FROM_US)
    page = client.get("/sign-in", headers={"Accept-Language": "en"}).text
    assert '<html lang="zh" data-theme="dark"' in page
    client.post("/preferences", data={"lang": "xx", "theme": "<b>"}, headers=FROM_US)
    assert '<html lang="zh" data-theme="dark"' in client.get("/sign-in").text


def test_a_third_language_is_a_file(tmp_path):
    web_kit.german(tmp_path, {"Sign in": "Anmelden"})
    languages = Languages(tmp_path, Place())
    german = languages.choose(None, "de-AT, en;q=0.5")
    assert german.gettext("Sign in") == "Anmelden" and german.name == "Deutsch"
    assert german.money(1_234_567_000_000) == "1.234.567,00\xa0€"
    assert german.gettext("What nobody translated") == "What nobody translated"
    file = tmp_path / "languages" / "de.po"
    file.write_text('msgid "never ended\n')
    language.catalog.cache_clear()
    with pytest.raises(StationError, match=r"de\.po cannot be read"):
        Languages(tmp_path, Place())
    file.rename(file.with_name("klingon.po"))
    with pytest.raises(StationError, match="named after no language"):
        Languages(tmp_path, Place())


def test_a_number_takes_the_form_of_its_language(tmp_path):
    (tmp_path / "languages").mkdir()
    (tmp_path / "languages" / "pl.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
        'msgid "%(num)s hour"\nmsgid_plural "%(num)s hours"\n'
        'msgstr[0] "godzina"\nmsgstr[1] "godziny"\nmsgstr[2] "godzin"\n'
    )
    polish = Languages(tmp_path, Place()).choose("pl", "")
    told = [polish.ngettext("%(num)s hour", "%(num)s hours", n) for n in (1, 3, 5)]
    assert told == ["godzina", "godziny", "godzin"]
    chinese = Languages(tmp_path, Place()).choose("zh", "")
    told = [chinese.ngettext("%(num)s place", "%(num)s places", n) for n in (1, 3)]
    assert told == ["%(num)s 处"] * 2


def test_amounts_are_written_exactly_and_never_more_than_there_is():
    english = language.Language("en", language.NullTranslations(), Place())
    assert english.money(1_999_999) == "€1.99"
    assert english.money(-1) == "-€0.01"
    assert english.price(300_000) == "€0.30" and english.price(312_345) == "€0.312345"
    assert english.kwh(1_049) == "1.0 kWh" and english.watts(6_984) == "698 W"
    assert english.watts(163_800) == "16.38 kW"
    yen = language.Language("ja", language.NullTranslations(), Place(currency="JPY"))
    assert "12" in yen.money(12_900_000) and "." not in yen.money(12_900_000)
