"""Log lines: one way for all of them, and no secret in any."""

import io
import json
import logging
import threading
from urllib.parse import quote

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from umeter_station import config
from umeter_station.ops import log, redaction

_HUSH = "v3ry-h u/sh"


@pytest.fixture
def lines(tmp_path, monkeypatch):
    """A function that gives the lines logged since; as dicts, if they are JSON."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, threading.excepthook
    monkeypatch.setattr(redaction, "_known", set())
    home = config.create_home(tmp_path / "home", f"mqtt://me:{quote(_HUSH, safe='')}@b").home
    out = io.StringIO()

    def start(style="json", level="info", **environ):
        environ |= {"UMETER_STATION_LOG_FORMAT": style, "UMETER_STATION_LOG_LEVEL": level}
        log.set_up(config.load(home, environ), out, role="web")
        return lambda: [json.loads(line) for line in out.getvalue().splitlines()]

    start.text = out.getvalue
    yield start
    root.handlers[:], threading.excepthook = before[0], before[2]
    root.setLevel(before[1])
    structlog.reset_defaults()
    logging.captureWarnings(False)


def test_both_ways_of_logging_come_out_alike_and_carry_what_is_bound(lines):
    said = lines()
    with structlog.contextvars.bound_contextvars(request_id="r1", meter="m1"):
        logging.getLogger("a.library").warning("%d lost", 3, extra={"order_id": 7})
        structlog.get_logger("ours").info("sold", amount_u=5)
    logging.getLogger("a").debug("not told")
    first, second = said()
    assert first["event"] == "3 lost" and first["level"] == "warning" and first["order_id"] == 7
    assert second["event"] == "sold" and second["amount_u"] == 5 and second["logger"] == "ours"
    for line in (first, second):
        assert (line["request_id"], line["meter"], line["role"]) == ("r1", "m1", "web")
        assert line["at"].endswith("Z")


def test_the_level_is_the_configurations(lines):
    said = lines(level="error")
    logging.getLogger("x").warning("no")
    logging.getLogger("x").error("yes")
    assert [line["event"] for line in said()] == ["yes"]


@pytest.mark.parametrize("style", ["json", "console"])
def test_no_secret_in_any_line(lines, style):
    lines(style, UMETER_STATION_MAIL_PASSWORD="mail-" + _HUSH, UMETER_STATION_KEY="ab" * 32)
    talk, ours = logging.getLogger("t"), structlog.get_logger("o")
    talk.info("connecting to mqtt://me:%s@b", quote(_HUSH, safe=""))
    talk.info("the broker said %r", {"password": "pw-1234", "deep": [{"pin": 8642}]})
    talk.warning("login with mail-%s failed", _HUSH)
    ours.info("caller", pin="8642", api_key="umk_abc_0123456789abcdef", body={"token": "t-0987"})
    ours.info("GET /pay?token=t-0987&ch=3", headers={"Authorization": "Bearer t-0987.xyz"})
    ours.info("bytes", blob=b"pw-1234", name="AB" * 32, jws="eyJhbGciOi.eyJuIjox.c2ln")
    try:
        raise ValueError("postgresql://u:pw-1234@h: password=pw-1234")
    except ValueError:
        talk.exception("failed")
        ours.exception("failed too", cause=ValueError("pin: 8642"))
    text = lines.text()
    for secret in (
        _HUSH,
        quote(_HUSH),
        "pw-1234",
        "8642",
        "t-0987",
        "0123456789abcdef",
        "ab" * 32,
    ):
        assert secret not in text and secret.upper() not in text
    assert "eyJuIjox" not in text and "Traceback" in text and text.count("failed") >= 3


def test_the_values_of_variables_are_in_no_traceback(lines):
    said = lines("json")
    plain = "a value that looks like nothing"
    try:
        int(plain[:0] + "x")
    except ValueError:
        structlog.get_logger().exception("failed")
    assert plain not in json.dumps(said()[0]).replace("plain", "")


def test_a_thread_that_ends_is_told(lines):
    said = lines()
    thread = threading.Thread(target=lambda: 1 // 0, name="worker-1")
    thread.start()
    thread.join()
    assert "worker-1" in said()[0]["event"] and "ZeroDivisionError" in said()[0]["exception"]


def test_what_is_told_at_the_desk_stays():
    plain = "sold 5.00 to m1/3, purchase_key=k1, shipping: 3, monkey: 4, at http://h:80/x"
    assert redaction.scrub(plain) == plain
    assert redaction.cleaned({"order_key": "o1", "amount_u": 5}) == {
        "order_key": "o1",
        "amount_u": 5,
    }


_NAMES = st.sampled_from(
    ["password", "Token", "api_key", "meter_key", "PIN", "pin_hash", "csrf", "client_secret"]
)
_SECRETS = st.from_regex(r"[a-zA-Z0-9_.~-]{6,20}", fullmatch=True)


@given(
    _NAMES, _SECRETS, st.sampled_from(["%s=%s", "%s: %s", '"%s": "%s"', "x&%s=%s&y", "'%s':'%s'"])
)
def test_a_secret_beside_its_name_is_hidden_in_text_and_in_fields(name, secret, form):
    secret = "Zq" + secret
    assert secret not in redaction.scrub(form % (name, secret))
    assert secret not in repr(redaction.cleaned([{"a": {name: secret}}]))
