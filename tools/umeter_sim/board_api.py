"""The simulated board as tests, demo and bench use it: one API, whatever interpreter runs the
firmware.

    with open_board(board_dir=BOARDS / "sim8", site=site, workdir=tmp) as sim:
        sim.run_for(3_600_000)
        sim.ask("truth")["channels"][0]["wh"]

Times are virtual milliseconds unless a name says otherwise. A board stands still until start() or
run_for().
"""

import base64
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from umeter_deploy import files
from umeter_deploy.stamp import unstamped
from umeter_sim.build import names_of
from umeter_sim.paths import BOARDS, BUILD
from umeter_sim.squeeze_names import Names, readable, spoken_to

DEFAULT_START_UNIX = 1_772_431_200  # 2026-03-02T06:00:00Z
PARTITION_BYTES = 64 * 4096
UNITS_PER_WH = 36_000_000
DEFAULT_LOADS: tuple[str, ...] = (
    "household",
    "shop",
    "fridge",
    "heater",
    "kiosk",
    "office",
    "night",
    "workshop",
)
RESET_CAUSES = {"hard": 2, "wdt": 3, "soft": 5}


class BoardError(RuntimeError):
    """The board cannot do what it was asked for: it crashed, has no power, or does not know the
    question.
    """


class Link(Protocol):
    """What a runtime has to be: it answers requests and remembers the firmware's last lines."""

    log: list[str]

    def request(self, op: str, timeout_s: float, **fields: Any) -> dict[str, Any]: ...

    def close(self) -> None: ...


class SimBoard:
    """One powered board with its site. Made by open_board()."""

    def __init__(self, link: Link, clock_file: Path, start_unix: int, names: Names):
        """names: those of the firmware in it, see squeeze_names."""
        self._link = link
        self._start_unix = start_unix
        self._names = names
        # 8 bytes, little-endian: the virtual time as Unix milliseconds.
        self.clock_file = clock_file

    def __enter__(self) -> "SimBoard":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def unix_ms(self) -> int:
        """Virtual wall clock, Unix milliseconds."""
        return struct.unpack("<q", self.clock_file.read_bytes())[0]

    @property
    def unix(self) -> int:
        """Virtual wall clock, Unix seconds."""
        return self.unix_ms // 1000

    @property
    def now_ms(self) -> int:
        """Age of the simulated world over all its power cuts."""
        return self.unix_ms - self._start_unix * 1000

    @property
    def log(self) -> list[str]:
        """What the firmware has printed: the last lines, with the names that its source has."""
        return [readable(line, self._names) for line in self._link.log]

    def start(self) -> None:
        """Run on in the background at the set speed."""
        self._do("start")

    resume = start

    def pause(self) -> None:
        self._do("pause")

    def set_speed(
        self, speed: float, net_speed: float | None = None, answer_ms: float | None = None
    ) -> None:
        """Virtual per real time; 0 is as fast as it goes. net_speed holds while it waits for
        its peer, also for answer_ms of real time after it has sent what a broker has to answer.
        """
        fields = {"speed": speed, "net_speed": net_speed, "answer_ms": answer_ms}
        self._do("pace", **{k: v for k, v in fields.items() if v is not None})

    def run_for(self, virtual_ms: int, timeout_s: float = 600) -> int:
        """Run at full speed for so long, up to the end of the firmware's turn then: the virtual ms
        that passed.

        Resets on the way are lived through. BoardError if the firmware crashes or the power is
        cut.
        """
        return self._do("run_for", timeout_s, ms=virtual_ms)["elapsed_ms"]

    def power_cut(self) -> None:
        """No mains from now on; time stands still until power_on()."""
        self._do("power_cut")

    def power_on(self, after_ms: int = 0) -> None:
        """Mains again, `after_ms` later. Returns when the firmware has booted."""
        self._do("power_on", after_ms=after_ms)

    def reset(self, cause: str = "hard") -> None:
        """Restart the chip ("hard", "wdt" or "soft") with the mains on. Returns when the firmware
        has booted.
        """
        self._do("reset", cause=RESET_CAUSES[cause])

    def edges(self) -> list[tuple[int, int, bool]]:
        """Every switching of a relay pin since the world began: (now_ms, channel, closed)."""
        return [(at, ch, bool(closed)) for at, ch, closed in self._do("edges")["edges"]]

    def flash(self, label: str = "journal") -> bytes:
        """A data partition's cells."""
        return base64.b64decode(self._do("flash", label=label)["base64"])

    def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """truth, meter, heap, wear, fault(kind, ch, value), load(ch, want), appliance(ch, name,
        on), net(...), eval(expression).

        Faults that are a hand: cover(value: open), button(ch, value: pressed).
        wear: erases of each sector by partition. Faults of the board: power_cut(after_ms, warn_ms:
        so long before it the power-fail input drops), flash_cut(value: bytes programmed until
        then, of one partition if it has a label), erase_cut(value: erases until the one that
        stays half done), rot(label, value: [offset, bit]).
        """
        if op == "eval":
            fields["expression"] = spoken_to(fields["expression"], self._names)
        answer = self._do("ask", text=json.dumps({"op": op, **fields}))
        if "error" in answer:
            raise BoardError(f"{op}: {answer['error']}")
        return answer

    def type(self, data: bytes) -> None:
        """Type at the serial port. BoardError if the board is no more."""
        try:
            self._link.type(data)
        except (OSError, ValueError):
            raise BoardError("the simulator has ended") from None

    def close(self) -> None:
        self._link.close()

    def _do(self, op: str, timeout_s: float = 60, **fields: Any) -> dict[str, Any]:
        answer = self._link.request(op, timeout_s, **fields)
        if "error" in answer:
            tail = "\n".join(self.log[-15:])
            raise BoardError(f"{op}: {answer['error']}\n{tail}".rstrip())
        return answer


def open_board(
    *,
    site: dict[str, Any],
    workdir: Path,
    runtime: str = "micropython",
    board_dir: Path = BOARDS / "sim8",
    seed: int = 1,
    speed: float = 60,
    net_speed: float = 10,
    start_unix: int = DEFAULT_START_UNIX,
    loads: list[int | str | list[str]] | None = None,
    journal_bytes: int = PARTITION_BYTES,
    log_bytes: int = PARTITION_BYTES,
    firmware: Path | None = None,
    flash: dict[str, bytes] | None = None,
    drawn: list[int] | None = None,
    heard: Callable[[bytes], None] | None = None,
    bare: bool = False,
) -> SimBoard:
    """Power up a board, booted and standing still.

    site: the document site.json (the meter's name, key, broker). loads: for each channel a
    constant in 0.1 W, a profile's name or a list of appliances, repeated in turn. journal_bytes,
    log_bytes: of these data partitions, 0: a board without it. firmware: another source tree,
    which gets board.json and site.json as they are. flash: the cells of partitions by label, of
    a board with a past; drawn: what each channel's meter has counted in it, 0.1 W x ms. heard: the
    board has a serial port, this takes what it prints; it then runs at once, in real time by its
    speed (MicroPython only). bare: with nothing but MicroPython on it.
    BoardError if they are not good, or the firmware does not come up.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    clock_file = workdir / "clock"
    clock_file.write_bytes(struct.pack("<q", start_unix * 1000))
    path = board_dir / "board.json"
    board_text = _board_text(path)
    checked = firmware is None
    setup = {
        "clock_file": str(clock_file),
        "pace": {"speed": speed, "net_speed": net_speed},
        "files": _files(board_text if checked else path.read_text(), site, checked, start_unix),
        "world": {
            "seed": seed,
            "start_unix": start_unix,
            "board": unstamped(json.loads(board_text)),
            "loads": list(loads or DEFAULT_LOADS),
            "partitions": {
                label: size
                for label, size in (("journal", journal_bytes), ("log", log_bytes))
                if size
            },
        },
    }
    if flash or drawn:
        setup["past"] = _past(setup["world"]["partitions"], flash or {}, drawn or [])
    compiled = runtime == "micropython"
    if compiled:
        from umeter_sim.runtimes.micropython import MicroPythonLink as Runtime
    elif runtime == "cpython":
        from umeter_sim.runtimes.cpython import CPythonLink as Runtime
    else:
        raise ValueError(f"no runtime {runtime}: there are micropython and cpython")
    if compiled:
        link = Runtime(setup, firmware, workdir, heard, bare)
    else:
        link = Runtime(setup, firmware, workdir)
    names = names_of(workdir / "mpy" if firmware else BUILD / "mpy") if compiled else {}
    sim = SimBoard(link, clock_file, start_unix, names)
    try:
        sim._do("booted")
    except BaseException:
        sim.close()
        raise
    return sim


def _board_text(path: Path) -> str:
    """board.json as the board has it, of one that somebody wrote."""
    try:
        return files.board_text(files.read(path))
    except ValueError as error:
        raise BoardError(str(error)) from None


def _past(partitions: dict[str, int], flash: dict[str, bytes], drawn: list[int]) -> dict[str, Any]:
    """What a board with a past wakes up with: `flash` by label, and `state` as control.state()
    gives it.
    """
    cells = {label: b"\xff" * size for label, size in partitions.items()}
    for label, there in flash.items():
        size = partitions.get(label, 0)
        if len(there) != size:
            raise BoardError(f"{label} has {size} bytes of flash, {len(there)} are given")
        cells[label] = there
    counted = [{"wh": units // UNITS_PER_WH, "residual": units % UNITS_PER_WH} for units in drawn]
    site = {"places": counted, "chips": counted}  # of a board with one chip a channel
    return {"flash": cells, "state": json.dumps({"site": site} if counted else {})}


def _files(
    board_text: str, site: dict[str, Any], checked: bool, made_t: int
) -> dict[str, str | bytes]:
    """What lies on the board, {name: content}: the site as the deploy tool writes it if
    `checked`. Files that the site names are looked for from the working directory.
    """
    if not checked:
        return {"board.json": board_text, "site.json": json.dumps(site)}
    try:
        return {"board.json": board_text, **files.site_files(site, Path(), made_t)[0]}
    except ValueError as error:
        raise BoardError(str(error)) from None
