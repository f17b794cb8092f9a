"""Orders that bring another release of the software, piece by piece.

Of the folders a and b one has the software that runs; only the other one is ever written to. An
offer names a release by the SHA-256 of its manifest. That is file 0 and lists the others; chunks
are appended to them, a switch verifies everything and leaves boot.py to try it.

A manifest is JSON with one line for each file:
{"release":2,"version":"0.2.0","board":"sim8","journal":302,"files":[
["umeter/app.mpy",1234,"<sha256>"],
...
]}

Pieces may come twice, late or from a release given up since: one is taken only where its file
ends, and a file only with the digest of the manifest, whose own stands in the signed offer.

Answers tell what is wanted next: `want` is [file, at], null if all is there. `kept` files were
found unchanged in the software that runs, and copied; with any there may be more.
"""

import json
import os
from binascii import a2b_base64, hexlify
from hashlib import sha256

from micropython import const

import umeter
from umeter.core.channel_record import FORMAT as _RECORD
from umeter.core.journal import FORMAT as _LOG
from umeter.net.order_kit import (
    APPLIED,
    LARGEST_N,
    MALFORMED,
    NOT_NOW,
    OUTDATED,
    RANGE,
    Refused,
    integer,
    word,
)

# What goes back to the release before must find a journal that this one can read.
_JOURNAL = const(_LOG * 100 + _RECORD)
_MOST_FILES = const(255)
_MOST_BYTES = const(65_535)  # of a file
_MOST_COPIES = const(8)  # in one order: the session waits for it
_RESTART_S = const(2)  # for the answer to get out
_FOLDER = const(0x4000)  # in the mode of os.stat
_NOT_OFFERED = const("this was not offered")


def update(run):
    """All but the pieces themselves: offer, keep, switch and abort."""
    do = word(run.order, "do", ("offer", "keep", "switch", "abort"))
    if do == "switch" and integer(run.order, "release", 1, LARGEST_N) == umeter.RELEASE:
        return APPLIED  # it runs already; the number of the order that did it may be lost
    return _carry(run, globals()[do])


def chunk(run):
    """Append `data` to the file of this number, if it ends at `at`."""
    return _carry(run, piece)


def _carry(run, function):
    mine = ("/" + umeter.__path__).split("/")[-2]
    if mine not in ("a", "b"):
        raise Refused(NOT_NOW, "this software is in no slot")
    if _text("slot")[2:] in ("trial", "tried"):  # the other one is what it would go back to
        raise Refused(NOT_NOW, "a release is on trial")
    other = "b" if mine == "a" else "a"
    try:
        function(run, other, mine)
    except (Refused, MemoryError):
        raise
    except Exception as error:
        # No room, or a manifest that is none for this board. The journal may lie in the same
        # filesystem: give all of it back.
        try:
            abort(run, other)
        except OSError:
            pass
        raise Refused(NOT_NOW, "given up: %s" % error)
    return APPLIED


def offer(run, other, mine):
    order = run.order
    now = umeter.RELEASE
    release = integer(order, "release", 1, LARGEST_N)
    if release <= now:
        raise Refused(OUTDATED, "release %d runs" % now)
    if order.get("board") != _board(run):
        raise Refused(RANGE, "this board is " + _board(run))
    size = integer(order, "size", 1, _MOST_BYTES)
    count = integer(order, "file", 1, _MOST_FILES)
    text = "%d %d %d %s" % (release, size, count, order.get("manifest"))
    if _text(other + "/offer") != text:
        # What there is of another release stays: some may be the same, digests tell.
        _write(other + "/offer", text)
    _want(run, other, mine)
    run.then = lambda: run.meter.event("update.begun", 0, release, now)


def piece(run, other, mine):
    order = run.order
    run.reading = True
    n = order.get("file")
    try:
        data = a2b_base64(order["data"])
    except Exception:  # absent, no text, no base64
        raise Refused(MALFORMED, "data must be base64")
    for entry in _entries(run, other):
        if entry[0] == n:
            break
    else:
        raise Refused(NOT_NOW, _NOT_OFFERED)
    _, path, size, digest = entry
    part = path + ".part"
    there = _size(part)
    if order.get("at") == there:
        there += len(data)
        with _growing(path, "ab") as file:
            file.write(data)
    if there < size:
        run.answer["want"] = [n, there]
    elif _is(part, digest):
        os.rename(part, path)
        _want(run, other, mine, n)
    else:  # damaged, longer than it may be, or what is left of another release
        os.remove(part)
        run.answer["want"] = [n, 0]


def keep(run, other, mine):
    run.reading = True
    _want(run, other, mine, integer(run.order, "file", 0, _MOST_FILES))


def switch(run, other, mine):
    meter = run.meter
    release = run.order["release"]
    if not _text(other + "/offer").startswith("%d " % release):
        raise Refused(NOT_NOW, _NOT_OFFERED)
    _want(run, other, mine)
    if run.answer["want"]:
        raise Refused(NOT_NOW, "not all of it is here")
    kept = [entry[1] for entry in _entries(run, other)]
    abort(run, other, [other + "/offer"] + kept)
    _write("slot", other + " trial")
    run.undo = lambda: _write("slot", mine + " good")

    def then():
        meter.event("update.switched", 0, release, umeter.RELEASE)
        meter.look_s = meter.up_s + _RESTART_S  # hal/slots.py restarts it

    run.then = then


def abort(run, folder, kept=()):
    """Remove what is in the folder, but for the files to be kept."""
    for name in os.listdir(folder):
        _turn(run)
        path = folder + "/" + name
        if os.stat(path)[0] & _FOLDER:
            abort(run, path, kept)
            if not os.listdir(path):
                os.rmdir(path)
        elif path not in kept:
            os.remove(path)


def _want(run, other, mine, n=0):
    """Tell what is wanted, from file n on. What has not changed is copied from the software that
    runs.
    """
    answer = run.answer
    answer["want"] = None
    answer["kept"] = 0
    for i, path, _, digest in _entries(run, other):
        if i < n or _is(path, digest):
            continue
        part = path + ".part"
        present = mine + path[1:]
        if answer["kept"] == _MOST_COPIES or not _is(present, digest):
            answer["want"] = [i, _size(part)]
            return
        with open(present, "rb") as source:
            with _growing(path, "wb") as file:
                for data in _blocks(source):
                    file.write(data)
        _turn(run)
        os.rename(part, path)
        answer["kept"] += 1


def _entries(run, other):
    """(number, where it goes, bytes, SHA-256) of each file, the manifest's own first, as far as
    they are known. Any exception: the manifest is not one for this board.
    """
    try:
        release, size, count, digest = _text(other + "/offer").split()
    except ValueError:
        raise Refused(NOT_NOW, _NOT_OFFERED)
    path = other + "/manifest"
    yield 0, path, int(size), digest
    if not _size(path):
        return
    with open(path) as file:
        head = json.loads(file.readline() + "]}")
        about = (int(release), _board(run), _JOURNAL)
        if (head["release"], head["board"], head["journal"]) != about:
            raise ValueError("another board or journal")
        for n in range(1, int(count) + 1):
            _turn(run)
            path, size, digest = json.loads(file.readline().rstrip(",\n"))
            if path[:7] != "umeter/" or path[-4:] != ".mpy" or "/." in path or "//" in path:
                raise ValueError(path)
            yield n, other + "/" + path, size, digest


def _board(run):
    return run.commands.session.about["board"]


def _text(path):
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def _size(path):
    try:
        return os.stat(path)[6]
    except OSError:
        return 0


def _blocks(file):
    data = file.read(512)
    while data:
        yield data
        data = file.read(512)


def _is(path, digest):
    """Is there a file with this SHA-256?"""
    whole = sha256()
    try:
        with open(path, "rb") as file:
            for data in _blocks(file):
                whole.update(data)
    except OSError:
        return False
    return hexlify(whole.digest()).decode() == digest


def _growing(path, mode):
    """A file that is not to be seen under its name before it is right.

    It lies beside its place: only within one folder littlefs renames in a single step. After a cut
    between the two of another way even the folder's other files may not be found.
    """
    folder = ""
    for name in path.split("/")[:-1]:
        folder += name
        try:
            os.stat(folder)
        except OSError:
            os.mkdir(folder)
        folder += "/"
    return open(path + ".part", mode)


def _write(path, text):
    with _growing(path, "w") as file:
        file.write(text)
    os.rename(path + ".part", path)


def _turn(run):
    """The meter's, between two files."""
    run.commands.session.socket.turn()
