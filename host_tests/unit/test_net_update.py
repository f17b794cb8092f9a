"""Orders that bring another release: on a real littlefs, what is wrong with one changes nothing of
the software that runs.
"""

import hashlib
import json
import types
from base64 import b64encode

import pytest

from umeter_sim import ota_cuts
from umeter_sim.ota_board import BOARD, CHUNK_BYTES, Board, Release, Restarted, firmware
from update_kit import everything, offered, running, whole

KEY = bytes(range(32))
Commands = firmware.load("umeter.net.commands").Commands
sign = firmware.load("umeter.net.envelope").sign


@pytest.fixture
def made():
    return ota_cuts.releases()


@pytest.fixture
def board(made):
    yield from running(made)


def test_a_release_travels_is_tried_and_kept(board, made):
    release = made[1]
    assert offered(board, release)["want"] == [0, 0]
    answer = board.fetch(release)
    assert answer["want"] is None
    assert board.switch(release)["code"] == "applied"
    assert board.files.read("slot") == b"b trial"
    board.lived(board.meter.up_s + 1)
    with pytest.raises(Restarted):
        board.lived(board.meter.up_s + 1)
    assert board.boot() is release and board.files.read("slot") == b"b tried"
    board.lived(179)
    assert not board.is_good(release)
    board.lived(180)
    assert board.is_good(release)
    codes = [event for event in board.events if event[0].startswith("update.")]
    assert codes[-2:] == [("update.switched", 2, 1), ("update.kept", 2, 0)]
    assert set(everything(board, "b")) == whole(release)


def test_only_what_has_changed_travels(board, made):
    files = dict(made[0].files)
    files["umeter/app.mpy"] = b"x" * 100
    release = Release(9, files)
    answer = offered(board, release)
    while answer["want"][0] == 0:
        answer = board.chunk(release, *answer["want"])
    app = list(files).index("umeter/app.mpy") + 1
    assert answer["want"] == [app, 0] and answer["kept"] == app - 1
    answer = board.chunk(release, app, 0)
    assert answer["want"] is None and answer["kept"] == len(files) - app


def test_many_files_are_kept_in_several_orders(board):
    files = {f"umeter/m{i}.mpy": b"%d" % i for i in range(20)}
    board = Board([one := Release(1, files), two := Release(2, {**files, "umeter/z.mpy": b"z"})])
    board.install(one)
    board.boot()
    offered(board, two)
    answer = {"want": [0, 0]}
    while answer["want"][0] == 0:
        answer = board.chunk(two, *answer["want"])
    told = [answer["kept"]]
    while answer["kept"]:
        answer = board.order(op="update", do="keep", file=answer["want"][0])
        told.append(answer["kept"])
    assert told == [8, 8, 4, 0] and answer["want"] == [21, 0]


def test_the_meter_has_its_turn_between_two_files(board, made):
    board.fetch(made[1])
    turns = board.turns
    board.switch(made[1])
    assert board.turns - turns >= 2 * len(made[1].files)


def test_orders_of_pieces_are_not_committed_and_leave_no_event(board, made):
    offered(board, made[1])
    committed, told = board.journal, len(board.events)
    board.chunk(made[1], 0, 0)
    board.order(op="update", do="keep", file=1)
    assert board.journal is committed and len(board.events) == told


def test_what_is_not_newer_is_refused(board, made):
    answer = offered(board, made[1], release=1)
    assert (answer["code"], answer["reason"]) == ("outdated", "release 1 runs")
    assert board.files.listdir(".") == ["a"]


def test_a_release_for_another_board_is_refused(board, made):
    answer = offered(board, made[1], board="sim4")
    assert (answer["code"], answer["reason"]) == ("range", f"this board is {BOARD}")


@pytest.mark.parametrize(
    "other",
    [{"board": "sim4"}, {"journal": 999}, {"number": 7}],
    ids=["board", "journal", "release"],
)
def test_a_manifest_that_is_not_what_was_offered_ends_it(board, made, other):
    given = {"number": 2, "files": made[1].files, **other}
    release = Release(**given)
    answer = offered(board, release, board=BOARD, release=2)
    while answer.get("want"):
        answer = board.chunk(release, *answer["want"])
    assert answer["code"] == "not_now" and "another board or journal" in answer["reason"]
    assert everything(board, "b") == {}


@pytest.mark.parametrize(
    "path",
    ["umeter/../../boot.mpy", "../a/umeter/app.mpy", "boot.mpy", "/a/umeter/app.mpy",
     "umeter/app.py", "umeter//app.mpy", "umeter/./app.mpy", 7],
)  # fmt: skip
def test_a_path_that_leads_astray_ends_it(board, made, path):
    good = "umeter/app.mpy"
    release = Release(2, {good: b"code"})
    line = json.dumps(good).encode()
    release.manifest = release.manifest.replace(line, json.dumps(path).encode())
    release.offer.update(manifest=_sha256(release.manifest), size=len(release.manifest))
    offered(board, release)
    answer = board.chunk(release, 0, 0)
    assert answer["code"] == "not_now" and answer["reason"].startswith("given up")
    assert everything(board, "b") == {} and set(board.files.listdir(".")) == {"a", "b"}


def _sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    "manifest", [b"", b"[]\n", b"{}\n", b'{"release":2,"files":[\n', b"\xff\n"]
)
def test_a_manifest_that_is_none_ends_it(board, made, manifest):
    release = Release(2, made[1].files)
    release.manifest = manifest + b" "
    release.offer.update(manifest=_sha256(release.manifest), size=len(release.manifest))
    offered(board, release)
    answer = board.chunk(release, 0, 0)
    assert answer["code"] == "not_now" and everything(board, "b") == {}


def test_a_manifest_with_fewer_files_than_offered_ends_it(board, made):
    release = Release(2, made[1].files)
    release.offer["file"] += 1
    answer = offered(board, release)
    while answer.get("want"):
        answer = board.chunk(release, *answer["want"])
    assert answer["code"] == "not_now"


def test_a_forged_order_changes_nothing(board, made):
    offered(board, made[1])
    before = everything(board, "b")
    clock = types.SimpleNamespace(when=0, ticks_ms=lambda: 0)
    commands = Commands(board.meter, KEY, clock, "m1")
    chunk = {"n": 50, "op": "chunk", "file": 0, "at": 0, "data": b64encode(b"x").decode()}
    assert commands.handle(sign(KEY[::-1], json.dumps(chunk).encode())) is None
    assert commands.forged == 1 and everything(board, "b") == before


def test_a_forged_piece_is_found_by_its_file(board, made):
    release = made[1]
    offered(board, release)
    size = len(release.manifest)
    data = b64encode(b"\x00" * size).decode()
    answer = board.order(op="chunk", file=0, at=0, data=data)
    assert (answer["code"], answer["want"]) == ("applied", [0, 0])
    assert set(everything(board, "b")) == {"b/offer"}
    assert board.fetch(release)["want"] is None


def test_pieces_out_of_order_twice_or_late_do_no_harm(board, made):
    release = made[2]
    answer = offered(board, release)
    while answer["want"][0] == 0:
        answer = board.chunk(release, *answer["want"])
    file, at = answer["want"]
    size = len(list(release.files.values())[file - 1])
    assert size > 2 * CHUNK_BYTES or at == 0
    assert board.chunk(release, file, CHUNK_BYTES)["want"] == [file, 0]
    first = board.chunk(release, file, 0)
    assert board.chunk(release, file, 0)["want"][0] >= file
    board.fetch(release)
    board.chunk(release, file, 0)  # later still: of a file that is there
    assert board.switch(release)["code"] == "applied", first
    assert set(everything(board, "b")) == whole(release)


def test_pieces_of_another_release_do_not_get_in_the_way(board, made):
    answer = offered(board, made[1])
    while answer["want"][1] < 1800:
        answer = board.chunk(made[1], *answer["want"])
    assert board.fetch(made[2])["want"] is None
    assert board.switch(made[2])["code"] == "applied"
    assert set(everything(board, "b")) == whole(made[2])


def test_a_file_that_gets_longer_than_it_is_begins_anew(board, made):
    offered(board, made[1])
    long = b64encode(b"x" * (len(made[1].manifest) + 1)).decode()
    answer = board.order(op="chunk", file=0, at=0, data=long)
    assert answer["want"] == [0, 0] and set(everything(board, "b")) == {"b/offer"}
    assert board.fetch(made[1])["want"] is None


@pytest.mark.parametrize("data", [None, 7, "====x", ["x"]])
def test_pieces_must_be_base64(board, made, data):
    offered(board, made[1])
    answer = board.order(op="chunk", file=0, at=0, data=data)
    assert answer["code"] == "malformed" and set(everything(board, "b")) == {"b/offer"}


@pytest.mark.parametrize(
    "order",
    [
        {"op": "chunk", "file": 0, "at": 0, "data": "eA=="},
        {"op": "update", "do": "keep", "file": 1},
        {"op": "update", "do": "switch", "release": 2},
    ],
)
def test_without_an_offer_there_is_nothing_to_bring(board, order):
    assert board.order(**order)["code"] == "not_now"


@pytest.mark.parametrize("file", [1, 99, -1, None, "x"])
def test_a_file_that_is_not_known_yet_is_refused(board, made, file):
    offered(board, made[1])
    assert board.order(op="chunk", file=file, at=0, data="eA==")["code"] == "not_now"
