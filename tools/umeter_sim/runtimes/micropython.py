"""The board on MicroPython for WebAssembly: a Node process, spoken to in JSON lines."""

import base64
import itertools
import json
import subprocess
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from typing import Any

from umeter_sim.build import build_board_side, build_firmware
from umeter_sim.node import node_command
from umeter_sim.paths import CHIP, FIRMWARE, INTERPRETER, NODE_SIDE, SSD1306, UMQTT

HEAP_BYTES = 512 * 1024  # the board's fakes live in it too; what the firmware takes is measured
BOOT_REQUEST = 0
STANDING = ("boot.py", "main.py")  # stay source, and out of the slots


class MicroPythonLink:
    """Starts Node with the board in it. request() may be called from any thread."""

    def __init__(
        self,
        setup: dict[str, Any],
        firmware: Path | None,
        workdir: Path,
        heard: Callable[[bytes], None] | None = None,
        bare: bool = False,
    ):
        """heard: of a board with a serial port, takes what it prints, from another thread. bare:
        without software and files.
        """
        source = firmware or FIRMWARE
        built = build_firmware(source, workdir / "mpy") if firmware else build_firmware()
        setup = dict(setup)
        setup["reply"] = BOOT_REQUEST
        setup["interpreter"] = str(INTERPRETER)
        setup["heap_bytes"] = HEAP_BYTES
        setup["trees"] = [
            [str(build_board_side()), "/sim"],
            [str(UMQTT), "/frozen"],
            [str(SSD1306), "/frozen"],
            [str(CHIP), "/chip"],
        ]
        setup["software"] = [str(built.folder / "umeter"), "/a/umeter"]
        files = {**setup["files"]}
        for name in STANDING:
            if (source / name).exists():
                files[name] = (source / name).read_text()
        setup["files"] = {name: _in_json(content) for name, content in files.items()}
        if bare:
            setup["software"], setup["files"] = None, {}
        setup["serial"] = heard is not None
        self._heard = heard
        if "past" in setup:
            cells = setup["past"]["flash"].items()
            flash = {label: _in_json(there)["base64"] for label, there in cells}
            setup["past"] = {**setup["past"], "flash": flash}
        self.log: deque[str] = deque(maxlen=500)  # type: ignore[assignment]
        self._log_file = open(workdir / "board.log", "w", buffering=1)  # noqa: SIM115
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future] = {BOOT_REQUEST: Future()}
        self._booted = self._waiting[BOOT_REQUEST]
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [*node_command(), str(NODE_SIDE / "main.mjs")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()
        self._send(setup)

    def request(self, op: str, timeout_s: float, **fields: Any) -> dict[str, Any]:
        if op == "booted":
            return self._wait(self._booted, op, timeout_s)
        number = next(self._numbers)
        waiting: Future = Future()
        self._waiting[number] = waiting
        try:
            self._send({"id": number, "op": op, **fields})
        except (OSError, ValueError):
            return {"error": "the simulator has ended"}
        return self._wait(waiting, op, timeout_s)

    def type(self, data: bytes) -> None:
        """Put bytes into the board's serial port. OSError, ValueError if it is no more."""
        self._send({"op": "type", "base64": base64.b64encode(data).decode()})

    def close(self) -> None:
        try:
            self._send({"op": "close"})
        except (OSError, ValueError):
            pass
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdin.close()  # type: ignore[union-attr]

    def _wait(self, waiting: Future, op: str, timeout_s: float) -> dict[str, Any]:
        try:
            return waiting.result(timeout_s)
        except FutureTimeout:
            return {"error": f"no answer within {timeout_s} s"}

    def _send(self, message: dict[str, Any]) -> None:
        with self._lock:
            stdin = self._process.stdin
            assert stdin is not None
            stdin.write(json.dumps(message) + "\n")
            stdin.flush()

    def _listen(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        for line in stdout:
            try:
                message = json.loads(line)
            except ValueError:
                message = {"log": line.rstrip()}
            if not isinstance(message, dict):
                message = {"log": line.rstrip()}
            if self._heard and "serial" in message:
                self._heard(base64.b64decode(message["serial"]))
            elif message.get("id") in self._waiting:
                self._waiting.pop(message.pop("id")).set_result(message)
            else:
                text = message.get("log") or json.dumps(message)
                self.log.append(text)
                self._log_file.write(text + "\n")
        stdout.close()
        self._log_file.close()
        for number in list(self._waiting):
            self._waiting.pop(number).set_result({"error": "the simulator has ended"})


def _in_json(content: str | bytes) -> Any:
    if isinstance(content, str):
        return content
    return {"base64": base64.b64encode(content).decode()}
