"""config.toml and the environment: what is known, what wins, and what a mistake is told."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from cli_kit import run
from umeter_station import config
from umeter_station.config_keys import SECTIONS, Secret, Sms, TimeOfDay, all_keys
from umeter_station.config_read import read
from umeter_station.errors import StationError

_HUSH = "h u-s=h/42"


@pytest.fixture
def home(tmp_path):
    return config.create_home(tmp_path / "home", "mqtt://127.0.0.1:1").home


def _with(home, text, **environ):
    with open(home / "config.toml", "a") as file:
        file.write(text)
    return config.load(home, environ)


def test_a_new_home_has_every_default(home):
    known = config.load(home, {})
    assert (known.web.port, known.web.host, known.ingest.workers) == (8080, "127.0.0.1", 1)
    assert known.backup.folder is None and known.jobs.nightly_at == TimeOfDay(2, 30)
    assert known.database == home / "station.sqlite" and known.key_file == home / "station.key"


def test_every_key_is_documented_and_has_a_variable_of_its_own():
    keys = all_keys()
    assert all(key.about.words for key in keys.values())
    assert len({key.variable for key in keys.values()}) == len(keys)
    files = {key.variable + "_FILE" for key in keys.values() if key.kind == "secret"}
    assert not files & {key.variable for key in keys.values()}


def test_sections_are_read_and_the_environment_wins(home):
    known = _with(
        home,
        '[web]\nport = 9000\nproxies = ["10.0.0.1"]\n[backup]\nfolder = "kept"\nat = "4:05"\n',
        UMETER_STATION_WEB_PORT="9001",
        UMETER_STATION_WEB_PROXIES="::1, 10.0.0.2",
        UMETER_STATION_SANDBOX_ENABLED="yes",
        UMETER_STATION_HOME="elsewhere",
        UMETER_STATION_KEY="0" * 64,
        PATH="/bin",
    )
    assert known.web.port == 9001 and known.web.proxies == ("::1", "10.0.0.2")
    assert known.backup.folder == home / "kept" and str(known.backup.at) == "04:05"
    assert known.sandbox.enabled


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[web]\nprot = 1\n", r"unknown key 'web\.prot'; did you mean 'web\.port'"),
        ("[wbe]\nport = 1\n", r"unknown key 'wbe\.port'; did you mean 'web\.port'"),
        ("[wbe]\n", "unknown key 'wbe'"),
        ("brocker = 'x'\n", "unknown key 'brocker'; did you mean 'broker'"),
        ("web = 3\n", "unknown key 'web'"),
        ("[web]\nport = '9'\n", r"web\.port must be a number from 0 to 65535"),
        ("[web]\nport = 65536\n", r"web\.port must be a number"),
        ("[web]\nport = true\n", r"web\.port must be a number"),
        ("[web.port]\nx = 1\n", r"web\.port must be a number"),
        ("[log]\nformat = 'xml'\n", r"log\.format must be one of auto, json, console"),
        ("[backup]\nat = '24:00'\n", r"backup\.at must be a time of day"),
        ("[mail]\npassword = 'hush'\n", r"is a secret.*UMETER_STATION_MAIL_PASSWORD.*_file"),
        ("[mail]\npassword_file = 'none'\n", "none cannot be read"),
        ("[web]\nproxies = '::1'\n", r"web\.proxies must be a list of texts"),
        ("[ingest]\nbatch = 0\n", r"from 1 to 10000 \(messages\)"),
        ("[sms]\nurl = 'sms.example'\n", r"sms\.url must be an http:// or https:// URL"),
        ("[sms]\nurl = 'ftp://sms.example/'\n", r"sms\.url must be an http:// or https:// URL"),
        ("[sms]\nurl = 'https://me:pw@sms.example'\n", r"sms\.url must be .*without a password"),
        ("[sms]\nurl = 7\n", r"sms\.url must be an http:// or https:// URL"),
        ("[sms]\nsecret = 'hush'\n", r"is a secret.*UMETER_STATION_SMS_SECRET.*_file"),
        ("[sms]\ntimeout = 0\n", r"sms\.timeout must be a number from 1 to 600 \(s\)"),
    ],
)
def test_a_mistake_in_the_file_is_named(home, text, words):
    with pytest.raises(StationError, match=words):
        _with(home, text)


@pytest.mark.parametrize(
    ("variable", "text", "words"),
    [
        ("UMETER_STATION_WEB_PROT", "1", "did you mean 'UMETER_STATION_WEB_PORT'"),
        ("UMETER_STATION_WEB_PORT", "many", "UMETER_STATION_WEB_PORT must be a number"),
        ("UMETER_STATION_SANDBOX_ENABLED", "perhaps", "must be true or false"),
        ("UMETER_STATION_BROKER", "", "must be a text"),
        ("UMETER_STATION_SMS_URL", "http://", "UMETER_STATION_SMS_URL must be an http:// or"),
        ("UMETER_STATION_MAIL_PASSWORD_FILE", "none", "cannot be read"),
    ],
)
def test_a_mistake_in_the_environment_is_named(home, variable, text, words):
    with pytest.raises(StationError, match=words):
        _with(home, "", **{variable: text})


def test_secrets_come_from_the_environment_or_a_file_and_are_not_shown(home):
    (home / "word").write_text(_HUSH + "\n")
    known = _with(home, "[mail]\npassword_file = 'word'\n", UMETER_STATION_STRIPE_SECRET_KEY=_HUSH)
    assert known.mail.password.reveal() == _HUSH == known.stripe.secret_key.reveal()
    assert _HUSH not in repr(known) and _HUSH not in f"{known.mail.password}"
    over = config.load(home, {"UMETER_STATION_MAIL_PASSWORD": "other"})
    assert over.mail.password.reveal() == "other"


def test_the_sms_gateway_is_off_until_it_has_an_address(home):
    assert config.load(home, {}).sms == Sms("", None, 10)
    (home / "word").write_text(_HUSH)
    text = "[sms]\nurl = 'https://sms.example:8443/in?from=umeter'\nsecret_file = 'word'\n"
    known = _with(home, text + "timeout = 3\n")
    assert known.sms.url == "https://sms.example:8443/in?from=umeter" and known.sms.timeout == 3
    assert known.sms.secret.reveal() == _HUSH and _HUSH not in repr(known)
    assert config.load(home, {"UMETER_STATION_SMS_URL": ""}).sms.url == ""


def test_a_mistake_does_not_show_a_secret(home):
    (home / "word").write_text("")
    with pytest.raises(StationError, match="is empty"):
        _with(home, "", UMETER_STATION_MAIL_PASSWORD_FILE="word")
    with pytest.raises(StationError) as refused:
        _with(home, f"[mail]\npassword = '{_HUSH}'\n")
    assert _HUSH not in str(refused.value)


def test_the_database_is_a_file_or_a_url_with_its_password_apart(home):
    url = "postgresql://me@db.example/umeter"
    known = config.load(
        home,
        {"UMETER_STATION_DATABASE": url, "UMETER_STATION_DATABASE_PASSWORD": _HUSH},
    )
    assert known.database.startswith("postgresql+psycopg://me:") and "%2F42@db" in known.database
    assert "h%20u-s" not in repr(known) and _HUSH not in repr(known)
    with pytest.raises(StationError, match="database is a file"):
        config.load(home, {"UMETER_STATION_DATABASE": "mysql://x/y"})


def test_the_table_of_keys_has_all_of_them_and_no_secret(home, monkeypatch):
    config.set_broker(home, f"mqtts://me:{_HUSH}@b")
    monkeypatch.setenv("UMETER_STATION_MAIL_PASSWORD", _HUSH)
    monkeypatch.setenv("UMETER_STATION_DATABASE", "postgresql://me:pw-42@db/x")
    shown = run(home, "config")
    assert shown.exit_code == 0 and all(key in shown.stdout for key in all_keys())
    assert "(set)" in shown.stdout and "1..64" in shown.stdout and "messages/min" in shown.stdout
    assert "h u-s" not in shown.stdout and "pw-42" not in shown.stdout


def test_the_table_of_keys_can_be_read_in_a_narrow_terminal(home, monkeypatch):
    monkeypatch.setattr("umeter_station.cli_ops.out", Console(width=80))
    shown = run(home, "config")
    assert all(f" {key} " in shown.stdout for key in all_keys()) and "…" not in shown.stdout


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


@given(
    st.dictionaries(
        st.sampled_from([*SECTIONS, "database", "other"]),
        st.dictionaries(st.sampled_from([k.split(".")[-1] for k in all_keys()]), _ANY) | _ANY,
        max_size=3,
    )
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stands_there_is_read_or_refused_in_one_sentence(tmp_path, table):
    try:
        sections = read(table, {}, tmp_path, tmp_path / "config.toml")
    except StationError as error:
        assert str(error).endswith(".") or str(error).endswith("lists all.")
    else:
        assert all(isinstance(sections[name], of) for name, of in SECTIONS.items())
        assert not isinstance(sections["mail"].password, str | Secret)
