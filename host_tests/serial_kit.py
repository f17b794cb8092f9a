"""Simulated boards at serial ports, and the programs that people use on them."""

import functools
import json
import subprocess
import sys
import time

from umeter_deploy import files, parts
from umeter_sim.board_api import open_board
from umeter_sim.lone_site import lone_site
from umeter_sim.paths import BOARDS
from umeter_sim.serial_port import SerialBoard

SITE = lone_site("m1")
SIM8 = json.loads((BOARDS / "sim8" / "board.json").read_text())
WITHIN_S = 20


def fed_board(folder, **options):
    """A board that has run before: every channel has credit, its contacts close."""
    with open_board(site=SITE, workdir=folder / "past") as sim:
        for index in range(8):
            sim.ask("eval", expression=f"app.meter.channels[{index}].account.credit(9_000_000)")
        sim.ask("eval", expression="app.meter.commit()")
        past = {label: sim.flash(label) for label in ("journal", "log")}
    return SerialBoard(site=SITE, workdir=folder / "now", flash=past, **options)


def bare_board(folder, **options):
    """Nothing but MicroPython on it."""
    return SerialBoard(site=SITE, workdir=folder, bare=True, **options)


def documents(board=SIM8, site=SITE):
    """What deploy() takes, checked now."""
    texts = {"board.json": files.board_text(board), "site.json": files.site_text(site)}
    return {name: text.encode() for name, text in texts.items()}


@functools.cache
def software():
    """What lies in a slot of sim8."""
    return parts.software(SIM8, SITE)


def mpremote(board, *words):
    """What the real mpremote prints. AssertionError if it fails."""
    command = [sys.executable, "-m", "mpremote", "connect", board.port, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def said(board, text, since=0):
    """Wait until the board has printed this; all that it has printed since then."""
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        there = bytes(board.said[since:])
        if text.encode() in there:
            return there.decode(errors="replace")
        time.sleep(0.02)
    raise AssertionError(f"no {text!r} in {bytes(board.said[since:])[-2000:]!r}")


def reading(board):
    """The meter's reading, asked for as the monitor does."""
    since = len(board.said)
    board.sim.type(b"t")
    lines = said(board, '{"umeter": ', since).splitlines()
    while not lines[-1].endswith("}"):
        time.sleep(0.02)
        lines = bytes(board.said[since:]).decode().splitlines()
    return json.loads(lines[-1])["umeter"]


def contacts(board):
    return [channel["contact"] for channel in board.sim.ask("truth")["channels"]]
