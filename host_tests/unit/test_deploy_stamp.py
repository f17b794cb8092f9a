"""The stamp: the firmware takes what was checked, and nothing that was changed since."""

import importlib
import json
import sys
import types
from binascii import crc32
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from umeter_deploy import files
from umeter_deploy.stamp import stamp, unstamped

BOARD = Path(__file__).resolve().parents[2] / "boards" / "sim_mixed" / "board.json"
NOW_T = 1_790_000_000
SITE = {
    "meter": "m1",
    "key": "00112233445566778899aabbccddeeff" * 2,
    "wifi": [{"ssid": "Café 📶", "password": "wifi-secret"}, {"ssid": "open"}],
    "broker": {"host": "broker.lan"},
    "plain_tcp": True,
}


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """The document that the firmware reads from a text. ValueError if it takes it not."""
    path = tmp_path_factory.mktemp("flash") / "board.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "machine", types.ModuleType("machine"))
        patch.delitem(sys.modules, "umeter.hal.board", raising=False)
        board = importlib.import_module("umeter.hal.board")
        sys.modules.pop("umeter.hal.board")

    def read(text):
        path.write_bytes(text.encode())
        return board._read(str(path))

    return read


TEXTS = {"board": files.board_text(files.read(BOARD)), "site": files.site_text(SITE, NOW_T)}
text_of = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())


def test_what_it_looks_like():
    body = '"name":"x y","pins":[1,2],"led":null}'
    digits = "%08x" % crc32(b"3" + body.encode())
    assert stamp(json.loads("{" + body)) == '{"checked":"' + digits + '",' + body


@text_of
def test_the_firmware_takes_it_and_json_too(read, text):
    assert read(text) == json.loads(text)
    assert "\n" not in text and json.loads(text)["checked"] == text[12:20]


def test_a_site_that_was_checked_can_be_checked_again():
    site = json.loads(TEXTS["site"])
    assert files.site_text(site, NOW_T) == TEXTS["site"]
    assert unstamped(site)["wifi"][1] == {"ssid": "open", "password": ""}
    assert unstamped([]) == []


def test_the_copy_that_a_board_has_is_taken_as_it_is_or_refused(tmp_path):
    copy = json.loads(TEXTS["board"])
    assert files.board_text(copy) == TEXTS["board"]
    (tmp_path / "board.json").write_text(TEXTS["board"])
    assert files.board_text(files.read(tmp_path / "board.json")) == TEXTS["board"]
    for changed in copy | {"name": "other"}, unstamped(copy):
        with pytest.raises(ValueError, match="that it was made from"):
            files.board_text(changed)


@text_of
def test_every_single_changed_character_is_refused(read, text):
    for at, character in enumerate(text):
        for other in "0", '"', character.swapcase():
            if other != character:
                with pytest.raises(ValueError):
                    read(text[:at] + other + text[at + 1 :])


@text_of
@given(data=st.data())
def test_any_edit_is_refused(read, text, data):
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, min(len(text), begin + 20)))
    edit = data.draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
    assume(edit != text[begin:end])
    with pytest.raises(ValueError):
        read(text[:begin] + edit + text[end:])


@text_of
def test_another_format_is_refused(read, text, monkeypatch):
    monkeypatch.setattr("umeter_deploy.stamp.FORMAT", "2")
    with pytest.raises(ValueError, match="was not checked"):
        read(stamp(unstamped(json.loads(text))))
