"""The simulated board on both interpreters, with a firmware small enough to see through it."""

import socket
import threading

import pytest

from umeter_sim.board_api import BoardError, open_board
from umeter_sim.paths import BOARDS

APP = """
import select, socket, time
import esp32, machine
from errno import EINPROGRESS

class App:
    def __init__(self):
        self.flash = esp32.Partition("journal")
        self.relay = machine.Pin(16, machine.Pin.OUT, value=1)
        self.wdt = machine.WDT(timeout=5000)
        self.cause = machine.reset_cause()
        self.stuck = False
        self.received = []
        self.turns = 0
        head = bytearray(2)
        self.flash.readblocks(0, head)
        self.boots = 1 if head == b"\\xff\\xff" else head[0] + 1
        self.flash.writeblocks(0, bytes((self.boots, 0)) + bytes(4094))
        try:
            with open("boots.txt") as file:
                self.filed = file.read()
        except OSError:
            self.filed = ""
        with open("boots.txt", "w") as file:
            file.write(self.filed + "x")

    def step(self):
        self.turns += 1
        if not self.stuck:
            self.wdt.feed()
        time.sleep_ms(20)

    def dial(self, port):
        self.socket = s = socket.socket()
        s.setblocking(False)
        try:
            s.connect(("127.0.0.1", port))
        except OSError as error:
            assert error.args[0] == EINPROGRESS
        self.poller = select.poll()
        self.poller.register(s, select.POLLOUT)
        return self.wait(select.POLLOUT)

    def wait(self, mask):
        self.poller.modify(self.socket, mask)
        start = time.ticks_ms()
        for _ in range(200):
            found = self.poller.poll(20)
            if found:
                return found[0][1]
        return 0

    def echo(self, data):
        view = memoryview(data)
        sent = 0
        got = b""
        while len(got) < len(data):
            if sent < len(data):
                sent += self.socket.write(view[sent:]) or 0
            self.wait(select.POLLIN)
            part = self.socket.read(1000)
            if part is None:
                continue
            assert part, "closed"
            got += part
        return got == data

def build():
    return App()
"""
SITE = {"meter": "m1"}
RUNTIMES = ["micropython", "cpython"]


@pytest.fixture(scope="module")
def firmware(tmp_path_factory):
    root = tmp_path_factory.mktemp("firmware")
    (root / "umeter").mkdir()
    (root / "boot.py").write_text("import sys\nsys.path.insert(0, 'a')\n")
    (root / "umeter" / "__init__.py").write_text("")
    (root / "umeter" / "app.py").write_text(APP)
    return root


@pytest.fixture(params=RUNTIMES)
def board(request, firmware, tmp_path):
    with open_board(
        runtime=request.param,
        firmware=firmware,
        site=SITE,
        workdir=tmp_path,
        loads=[10_000, "household"],
        speed=0,
        net_speed=0,
    ) as sim:
        yield sim


@pytest.fixture
def echo_port():
    server = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer:
                while data := peer.recv(4096):
                    peer.sendall(data)

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.close()


def value(sim, expression):
    return sim.ask("eval", expression=expression)["value"]


def test_it_runs_for_as_long_as_it_was_told(board):
    before = board.now_ms
    elapsed = board.run_for(10_000)
    assert 10_000 <= elapsed <= 10_020 and board.now_ms == before + elapsed
    assert value(board, "app.turns") == elapsed // 20
    first, second = board.ask("truth")["channels"][:2]
    assert first["contact"] and first["power_dw"] == 10_000 and not second["contact"]
    assert [(ch, closed) for _, ch, closed in board.edges()] == [(1, True)]


def test_sockets_carry_bytes_both_ways(board, echo_port):
    board.set_speed(60, net_speed=10)
    assert value(board, f"app.dial({echo_port})") & 4
    assert value(board, "app.echo(b'hello')")
    assert value(board, "app.echo(bytes(20000))")


def test_a_refused_connection_is_reported_by_poll(board):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    board.set_speed(60, net_speed=10)
    assert value(board, f"app.dial({port})") & (8 | 16)


def test_a_black_hole_accepts_and_never_answers(board):
    board.ask("net", blackhole=True)
    assert value(board, "app.dial(1)") == 4
    assert value(board, "app.socket.write(b'anybody?')") == 8
    before = board.ask("truth")["now_ms"]
    assert value(board, "app.wait(1)") == 0
    assert board.ask("truth")["now_ms"] - before == 4000
    assert value(board, "app.socket.read(1)") is None


def test_a_power_cycle_keeps_flash_files_and_site(board):
    board.run_for(36_000)
    board.power_cut()
    drawn = board.ask("truth")["channels"][0]
    assert not drawn["contact"] and drawn["wh"] in (9, 10)
    assert board.flash()[0] == 1
    with pytest.raises(BoardError, match="no power"):
        board.run_for(100)
    at = board.now_ms
    board.power_on(after_ms=5000)
    assert at + 5000 <= board.now_ms < at + 5200
    assert value(board, "(app.boots, app.filed, app.cause)") in ([2, "x", 1], (2, "x", 1))
    assert board.ask("truth")["channels"][0]["wh"] == drawn["wh"]
    board.reset("hard")
    assert value(board, "app.cause") == 2 and value(board, "app.boots") == 3


def test_the_watchdog_restarts_and_the_run_goes_on(board):
    value(board, "setattr(app, 'stuck', True)")
    assert board.run_for(10_000) >= 10_000
    assert value(board, "app.boots") == 2 and value(board, "app.cause") == 3


def test_a_cut_between_two_flash_bytes(board):
    board.ask("fault", kind="flash_cut", value=4096 + 2)
    answer = board.ask("eval", expression="app.flash.writeblocks(2, bytes(4096), 0)")
    assert answer == {"value": None}
    with pytest.raises(BoardError, match="PowerCut"):
        value(board, "app.flash.writeblocks(3, bytes(16), 0)")
    assert board.flash()[3 * 4096 :][:4] == b"\x00\x00\xff\xff"
    with pytest.raises(BoardError, match="the power was cut"):
        board.run_for(100)


def test_a_crash_is_told_with_its_traceback(board):
    value(board, "setattr(app, 'wdt', None)")
    with pytest.raises(BoardError, match="crashed"):
        board.run_for(1000)
    assert any("AttributeError" in line for line in board.log)


def test_both_runtimes_live_the_same_day(firmware, tmp_path):
    days = []
    for runtime in RUNTIMES:
        with open_board(
            runtime=runtime,
            firmware=firmware,
            site=SITE,
            workdir=tmp_path / runtime,
            board_dir=BOARDS / "sim8",
            loads=["household"],
            seed=7,
        ) as sim:
            sim.run_for(120_000)
            days.append((sim.ask("truth"), sim.edges(), sim.flash()))
    assert days[0] == days[1]
