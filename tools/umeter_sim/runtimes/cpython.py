"""The board on CPython: the same firmware and fakes in a thread of this process, in a namespace of
their own.
"""

import base64
import math
import os
import queue
import select
import shutil
import socket
import struct
import threading
import time
from collections import deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from typing import Any

from umeter_sim.paths import BOARD_SIDE, FIRMWARE, SHIMS, SSD1306, UMQTT
from umeter_sim.runtimes.power_up import CRASHED, CUT, RESET, RUNNING, PowerUp

SILENCE_AFTER_CUT_S = 1.0  # see node/main.mjs


class CPythonLink:
    """Runs the board's thread and hands it requests. request() may be called from any thread."""

    def __init__(self, setup: dict[str, Any], firmware: Path | None, workdir: Path):
        source = firmware or FIRMWARE
        root = workdir / "files"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        for name, content in setup["files"].items():
            (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        shutil.copy(source / "boot.py", root / "boot.py")
        self.log: deque[str] = deque(maxlen=500)  # type: ignore[assignment]
        self._log_file = open(workdir / "board.log", "w", buffering=1)  # noqa: SIM115
        self._requests: queue.SimpleQueue = queue.SimpleQueue()
        self._booted: Future = Future()
        bell, self._ring = socket.socketpair()
        self._ring.setblocking(False)
        board = _BoardThread(
            setup,
            [SHIMS, BOARD_SIDE, source, UMQTT, SSD1306],
            root,
            self._requests,
            bell,
            self._say,
        )
        self._thread = threading.Thread(target=board.live, args=(self._booted,), daemon=True)
        self._thread.start()

    def request(self, op: str, timeout_s: float, **fields: Any) -> dict[str, Any]:
        if op == "booted":
            waiting = self._booted
        elif not self._thread.is_alive():
            return {"error": "the simulator has ended"}
        else:
            waiting = Future()
            self._requests.put((op, fields, waiting))
            self._wake()
        try:
            return waiting.result(timeout_s)
        except FutureTimeout:
            return {"error": f"no answer within {timeout_s} s"}

    def close(self) -> None:
        self._requests.put(("close", {}, Future()))
        self._wake()
        self._thread.join(10)
        self._ring.close()
        self._log_file.close()

    def _wake(self) -> None:
        try:
            self._ring.send(b"!")
        except OSError:
            pass  # full: it will wake anyway; closed: it has ended

    def _say(self, line: str) -> None:
        self.log.append(line)
        self._log_file.write(line + "\n")


class _BoardThread:
    """The loop of node/worker.mjs over power-ups of this process."""

    def __init__(self, setup, folders, root, requests, bell, say):
        self._setup = setup
        self._requests = requests
        self._bell = bell
        self._say = say
        self._clock_file = os.open(setup["clock_file"], os.O_WRONLY)
        self._running = False
        self._job: dict[str, Any] | None = None
        self._edges: list[list[int]] = []
        self._closing = False
        self._silent_until = math.inf
        self._board = PowerUp(
            setup["world"], folders, root, setup["pace"], self._nap, self._edges.append, say
        )
        self._status = RUNNING

    def live(self, booted: Future) -> None:
        past = self._setup.get("past")
        if past:
            cells = {label: bytearray(there) for label, there in past["flash"].items()}
            past = {"state": past["state"], "cells": cells}
        self._boot(booted, past)
        while not self._closing:
            self._obey()
            board = self._board
            if self._status == RESET:
                self._reboot(None, 0)
            elif self._status != RUNNING or not (self._running or self._job):
                self._nap(0.1, False)
                board.pace.restart()
                if time.monotonic() > self._silent_until:
                    board.host.drop_all()
            else:
                self._pace_turn()
        self._board.host.drop_all()
        os.close(self._clock_file)
        self._bell.close()

    def _pace_turn(self) -> None:
        board, began = self._board, self._board.now_ms
        hurry = self._job is not None
        ms = board.pace.slice_ms(hurry)
        self._turn(min(ms, max(1, self._job["until"] - began)) if self._job else ms)
        if self._job and board.now_ms >= self._job["until"]:
            self._end_job({"elapsed_ms": board.now_ms - self._job["began"]})
        board.pace.keep(board.now_ms - began, hurry)

    def _turn(self, ms: int) -> None:
        self._status = self._board.run(ms)
        self._write_clock()
        if self._status != RUNNING:
            self._stopped()

    def _stopped(self) -> None:
        if self._status == CRASHED:
            self._end_job({"error": "the firmware crashed"})
        elif self._status == CUT:
            self._silent_until = time.monotonic() + SILENCE_AFTER_CUT_S
            self._end_job({"error": "the power was cut"})

    def _end_job(self, answer: dict[str, Any]) -> None:
        if self._job:
            self._job["waiting"].set_result(answer)
        self._job = None

    def _boot(self, waiting: Future | None, past: dict[str, Any] | None) -> None:
        self._silent_until = math.inf
        try:
            self._status = self._board.boot(past)
        except Exception as error:
            self._say(f"the simulated board does not come up: {error!r}")
            self._status = CRASHED
        self._write_clock()
        if waiting:
            failed = self._status == CRASHED
            waiting.set_result({"error": "the firmware crashed at boot"} if failed else {})
        if self._status != RUNNING:
            self._stopped()

    def _reboot(self, waiting: Future | None, off_ms: int) -> None:
        self._boot(waiting, self._board.past(off_ms))

    def _obey(self) -> None:
        while True:
            try:
                op, fields, waiting = self._requests.get_nowait()
            except queue.Empty:
                return
            try:
                answer = getattr(self, "_op_" + op)(waiting, **fields)
            except Exception as error:
                answer = {"error": str(error)}
            if answer is not None:
                waiting.set_result(answer)

    def _op_start(self, _):
        self._running = True
        return {}

    def _op_pause(self, _):
        self._running = False
        return {}

    def _op_pace(self, _, **settings):
        self._board.pace.set(settings)
        return {}

    def _op_run_for(self, waiting, ms):
        self._need_power()
        now_ms = self._board.now_ms
        self._job = {"waiting": waiting, "began": now_ms, "until": now_ms + ms}

    def _op_power_cut(self, _):
        if self._status == RUNNING:
            self._board.control.cut_power()
            self._status = CUT
            self._stopped()
        return {}

    def _op_power_on(self, waiting, after_ms):
        if self._status == RUNNING:
            raise ValueError("the board has power already")
        self._reboot(waiting, after_ms)

    def _op_reset(self, waiting, cause):
        self._need_power()
        self._board.control.reset(cause)
        self._reboot(waiting, 0)

    def _op_edges(self, _):
        return {"edges": list(self._edges)}

    def _op_flash(self, _, label):
        return {"base64": base64.b64encode(self._board.host.cells[label]).decode()}

    def _op_ask(self, _, text):
        return self._board.ask(text)

    def _op_close(self, _):
        self._closing = True
        self._end_job({"error": "closed"})
        return {}

    def _need_power(self) -> None:
        if self._status != RUNNING:
            raise ValueError("the board has no power")

    def _write_clock(self) -> None:
        unix_ms = self._setup["world"]["start_unix"] * 1000 + self._board.now_ms
        os.pwrite(self._clock_file, struct.pack("<q", unix_ms), 0)

    def _nap(self, seconds: float, peers: bool) -> bool:
        """Sleep until the host, or with `peers` a peer, says something: True if anybody did."""
        if peers:
            self._write_clock()  # others live by it too, and one exchange may take half a minute
        host = self._board.host
        readers = [self._bell, *host.sockets()] if peers else [self._bell]
        writers = host.connecting() if peers else []
        ready, writable, _ = select.select(readers, writers, [], seconds)
        if self._bell in ready:
            self._bell.recv(4096)
        return bool(ready or writable)
