"""`umeter provision`: asks for what is missing, registers the meter, and leaves its files."""

import json

import pytest
from typer.testing import CliRunner

from cli_kit import clocked_home
from tls_kit import Authority
from umeter_deploy import files, site_form
from umeter_deploy.cli import app
from umeter_sim.paths import BOARDS
from umeter_station import config, meters
from umeter_station.station import Books

SIM8 = BOARDS / "sim8"
WIFI_PASSWORD = "wifi-secret"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "station").mkdir()
    return clocked_home(tmp_path / "station")


def umeter(*arguments, said="", password=WIFI_PASSWORD):
    env = {"UMETER_WIFI_PASSWORD": password, "UMETER_STATION_HOME": None}
    words = [str(argument) for argument in ("provision", *arguments)]
    done = CliRunner().invoke(app, words, input=said, env=env)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert WIFI_PASSWORD not in done.output
    return done


def given(**changed):
    """All options, with these changed; None: left out."""
    options = {
        "meter": "m1",
        "board": SIM8,
        "wifi": "home",
        "broker": "broker.lan",
        "plain-tcp": True,
    } | {name.replace("_", "-"): value for name, value in changed.items()}
    words = []
    for name, value in options.items():
        if value is not None:
            words += [f"--{name}"] if value is True else [f"--{name}", value]
    return words


def key_of(home, meter):
    books = Books(home)
    try:
        with books.db.read() as conn:
            return meters.key_of(conn, meter)
    finally:
        books.close()


def refused(home, *arguments, **more):
    done = umeter(*arguments, **more)
    assert done.exit_code == 1 and done.stderr.endswith(".\n")
    assert not any(home.parent.rglob("site.json"))
    assert key_of(home, "m1") is None
    return done.stderr


def test_a_meter_with_all_options(home, tmp_path):
    done = umeter(*given())
    assert done.exit_code == 0, done.stderr
    assert "Meter m1 is registered. board.json and site.json for its board are in build/m1" in (
        done.stdout
    )
    folder = tmp_path / "build" / "m1"
    assert {path.name for path in folder.iterdir()} == {"board.json", "site.json"}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert (folder / "board.json").read_text() == files.board_text(files.read(SIM8 / "board.json"))
    site = files.read(folder / "site.json")
    assert files.site_text(site, site["made_t"]) == (folder / "site.json").read_text()
    assert key_of(home, "m1") == bytes.fromhex(site["key"]) and len(site["key"]) == 64
    assert site["wifi"] == [{"ssid": "home", "password": WIFI_PASSWORD}]
    (broker,) = site["brokers"]
    assert (broker["host"], broker["port"], broker["user"], broker["tls"]) == (
        "broker.lan",
        1883,
        "m1",
        0,
    )
    for secret in site["key"], broker["password"]:
        assert secret not in done.output


def test_a_meter_that_is_asked_for(home, tmp_path):
    Authority("test CA").write(tmp_path, "ca")
    # An empty line is no answer where nothing is proposed: the question comes again.
    answers = ["bad name", "m1", "absent", str(SIM8), "", "home", "broker.lan:x", "b.lan:9883"]
    answers += ["absent.crt", str(home / "config.toml"), "ca.crt", ""]
    done = umeter(said="\n".join(answers))
    assert done.exit_code == 0, done.stderr
    for words in (
        "meter must be letters, digits and - _ . only",
        "absent cannot be read: No such file",
        "broker.lan:x is no broker: HOST or HOST:PORT",
        "absent.crt cannot be read",
        "There is no certificate in",
    ):
        assert words in done.stderr
    site = files.read(tmp_path / "build" / "m1" / "site.json")
    assert (site["brokers"][0]["host"], site["brokers"][0]["port"]) == ("b.lan", 9883)
    assert (site["ca"], site["brokers"][0]["tls"]) == (1, 1)
    assert (tmp_path / "build" / "m1" / "ca0.der").exists()


def test_the_password_is_asked_for_unseen(home, tmp_path):
    done = umeter(*given(), password=None, said=WIFI_PASSWORD + "\n")
    assert done.exit_code == 0 and "Password of home (empty: an open network)" in done.stderr
    site = files.read(tmp_path / "build" / "m1" / "site.json")
    assert site["wifi"][0]["password"] == WIFI_PASSWORD


def test_an_open_network_and_several(home, tmp_path):
    done = umeter(*given(), "--wifi", "second", password=None, said="\nx\n")
    assert done.exit_code == 0
    site = files.read(tmp_path / "build" / "m1" / "site.json")
    assert site["wifi"] == [{"ssid": "home", "password": ""}, {"ssid": "second", "password": "x"}]


def test_what_the_station_knows_is_proposed(home, tmp_path):
    Authority("test CA").write(home, "ca")
    text = (home / "config.toml").read_text().replace("127.0.0.1", "10.0.0.5")
    (home / "config.toml").write_text(text + 'ca_file = "ca.crt"\n')
    assert config.load(home).ca_file == home / "ca.crt"
    done = umeter(*given(broker=None, plain_tcp=None), said="\n\n")
    assert done.exit_code == 0, done.stderr
    assert "as the board reaches it [10.0.0.5]" in done.stderr
    site = files.read(tmp_path / "build" / "m1" / "site.json")
    assert (site["brokers"][0]["host"], site["ca"]) == ("10.0.0.5", 1)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"meter": "a b"}, "meter must be letters"),
        ({"meter": "x" * 99}, "meter must be a text of 1 to"),
        ({"board": "absent"}, "absent cannot be read"),
        ({"wifi": "x" * 33}, "wifi[0].ssid must be a text of 1 to 32"),
        ({"broker": "mqtt://b"}, "mqtt://b is no broker"),
        ({"broker": "b:70000"}, "broker.port must be a number from 1 to 65535"),
        ({"broker": ":1"}, "broker.host must be a text"),
        ({"ca": "absent.crt", "plain_tcp": None}, "absent.crt cannot be read"),
        ({"ca": "absent.crt"}, "leave out --ca or --plain-tcp"),
        ({"ntp": "x" * 300}, "ntp must be a text"),
        ({"home": "nowhere"}, "There is no station in nowhere; make one with"),
    ],
)
def test_options_that_will_not_do(home, changed, words):
    sentence = refused(home, *given(**changed))
    assert words in sentence and sentence.count("\n") == 1


def test_a_board_file_that_is_not_good(home, tmp_path):
    document = json.loads((SIM8 / "board.json").read_text()) | {"mcu": "z80"}
    (tmp_path / "board.json").write_text(json.dumps(document))
    assert "board.json: mcu is 'z80', it must be one of" in refused(home, *given(board=tmp_path))


@pytest.mark.parametrize(
    ("missing", "option"),
    [
        ("meter", "--meter"),
        ("board", "--board"),
        ("wifi", "--wifi"),
        ("broker", "--broker"),
        ("plain_tcp", "--ca or --plain-tcp"),
    ],
)
def test_nobody_is_there_to_ask(home, missing, option):
    sentence = refused(home, *given(**{missing: None})).splitlines()[-1]
    assert sentence.startswith("There is no answer to: ")
    assert sentence.endswith(f"; give {option}.")


def test_nobody_is_there_for_the_password(home):
    assert "; give --wifi-password." in refused(home, *given(), password=None)


def test_nothing_is_overwritten(home, tmp_path):
    for name in "board.json", "site.json":
        folder = tmp_path / f"has-{name}"
        folder.mkdir()
        (folder / name).write_text("mine")
        done = umeter(*given(to=folder))
        assert done.exit_code == 1 and "is there already, and may be a meter's" in done.stderr
        assert (folder / name).read_text() == "mine" and key_of(home, "m1") is None


def test_a_meter_is_not_made_twice(home, tmp_path):
    assert umeter(*given(to="here")).exit_code == 0
    key = key_of(home, "m1")
    done = umeter(*given(to="there"))
    assert done.exit_code == 1 and "Meter m1 is known already" in done.stderr
    assert key_of(home, "m1") == key and not (tmp_path / "there").exists()
    done = umeter(*given(meter=None, to="there"), said="m1\nm2\n")
    assert done.exit_code == 0 and key_of(home, "m2") not in (None, key)


def test_an_expired_authority_is_a_warning(home, tmp_path, monkeypatch):
    Authority("test CA").write(tmp_path, "ca")
    monkeypatch.setattr("umeter_station.clock.FileClock.now_s", lambda _: 4_000_000_000)
    done = umeter(*given(plain_tcp=None, ca="ca.crt"))
    assert done.exit_code == 0 and "has expired on 2046-01-01." in done.stderr


def test_a_folder_that_cannot_be_written(home, tmp_path):
    (tmp_path / "file").touch()
    assert "cannot be written" in refused(home, *given(to="file/below"))


def test_nothing_is_left_of_the_template(home, tmp_path, monkeypatch):
    (tmp_path / "private").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "private"))
    assert umeter(*given()).exit_code == 0
    assert list((tmp_path / "private").iterdir()) == []


def test_answers_by_themselves(tmp_path):
    assert site_form.broker("b.lan") == {"host": "b.lan"}
    assert site_form.broker("b.lan:8884") == {"host": "b.lan", "port": 8884}
    document = site_form.template([{"ssid": "a"}], {"host": "b"}, tmp_path / "ca.pem", "ntp.lan")
    assert document == {
        "wifi": [{"ssid": "a"}],
        "broker": {"host": "b"},
        "ca": str(tmp_path / "ca.pem"),
        "ntp": "ntp.lan",
    }
