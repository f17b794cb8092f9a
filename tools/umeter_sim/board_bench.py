"""What is measured of one board: the size of its firmware, its heap, how soon it cuts, and how
late its tick comes.
"""

import random
import socket
import tempfile
import threading
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from umeter_deploy import files, parts
from umeter_sim import features, scenarios
from umeter_sim.board_api import open_board
from umeter_sim.build import build_firmware
from umeter_sim.lone_site import lone_site
from umeter_sim.paths import BOARDS
from umeter_sim.scene import METER, PRICE_U_PER_KWH, Scene, wait_until

TICK_MS = 100
_QUARTER_S = 900

# What a meter needs when somebody looks after it, and imports for that moment only.
SERVICE = (
    "umeter/core/calibration.mpy",
    "umeter/hal/maintenance.mpy",
    "umeter/hal/slots.mpy",
    "umeter/net/console.mpy",
    "umeter/net/order_board.mpy",
    "umeter/net/order_calibrate.mpy",
    "umeter/net/order_update.mpy",
)


def mpy_bytes():
    """What the board sim8 carries: to meter, to sell and to talk, and for its service; and all
    there is for any board.
    """
    built = build_firmware()
    carried = parts.needed(files.read(BOARDS / "sim8" / "board.json"), lone_site(METER))
    service = sum(built.sizes[name] for name in SERVICE)
    return {
        "mpy_bytes": sum(built.sizes[name] for name in carried) - service,
        "mpy_bytes_service": service,
        "mpy_bytes_every_part": built.mpy_bytes,
    }


def heap():
    """The heap of a connected meter with eight users, code included, and what a steady tick
    takes of it: every feature is on.
    """
    with tempfile.TemporaryDirectory() as folder:
        return _heap(Path(folder), features.board_with_hands(Path(folder) / "hands"))


def heap_with_display():
    """The same of a board with a display, lamp and shared buttons."""
    with tempfile.TemporaryDirectory() as folder:
        figures = _heap(Path(folder), BOARDS / "esp32_devkit_pzem8")
    return {"boot_heap_bytes_with_display": figures["boot_heap_bytes"]}


def _heap(folder, board):
    with Scene(folder, loads=[400] * 8, board=board) as scene:
        scene.sim.start()
        wait_until(lambda: scene.station.latest_reading(METER), "the first reading")
        for ch in range(1, 9):
            scene.sell(ch, 50_000_000)
        for changes in features.SETTINGS:
            done = scene.ordered(scene.station.order_set(METER, changes))
            if done.state != "applied":
                raise RuntimeError(f"the meter does not take {changes}: {done.result}")
        scene.sim.pause()
        # The least is what is referenced. The collector is conservative, and takes numbers for
        # addresses the more the larger its heap is: here some garbage stays that way, more in one
        # boot than in another.
        taken = sorted(_taken(scene.sim) for _ in range(12))
        for _ in range(3):
            scene.sim.power_cut()
            scene.sim.power_on(after_ms=1000)
            scene.sim.start()
            scene.sell(1, 1_000_000)
            scene.sim.pause()
            taken = sorted(taken + [_taken(scene.sim) for _ in range(12)])
        # The end of a quarter-hour, when tariffs change and the load profile is written, is no
        # steady tick: measured behind one.
        scene.sim.run_for((_QUARTER_S - scene.sim.unix % _QUARTER_S + 5) * 1000)
        steady = scene.sim.ask("eval", expression="__import__('steady').measure(app, world, 200)")
    steady = steady["value"]
    return {
        "boot_heap_bytes": taken[0],
        "boot_heap_bytes_most": taken[-1],
        "tick_heap_bytes": steady["bytes"],
        "tick_heap_refusals": steady["refused"],
    }


def _taken(sim):
    sim.run_for(5_000)
    heap = sim.ask("heap")
    return heap["alloc"] - heap["baseline"]


def cutoff():
    """How long after its last micro-unit a user of a known load is cut: the worst of eight
    loads and credits.
    """
    rng = random.Random(20)
    loads_w = [
        rng.choice((60, 150, 400, 900, 1500, 2200, 3500, 7000)) + rng.random() for _ in range(8)
    ]
    loads_dw = [int(watts * 10) for watts in loads_w]
    worst_ms = Fraction(0)
    with tempfile.TemporaryDirectory() as folder, Scene(Path(folder), loads=loads_dw) as scene:
        scene.sim.start()
        wait_until(lambda: scene.station.latest_reading(METER), "the first reading")
        scene.ordered(scene.station.order_set(METER, {"price_u_per_kwh": PRICE_U_PER_KWH}))
        per_ms = [Fraction(dw * PRICE_U_PER_KWH, 36_000_000_000) for dw in loads_dw]
        for ch in range(1, 9):
            lasts_ms = 60_000 + rng.randrange(60_000)
            scene.sell(ch, max(1, int(per_ms[ch - 1] * lasts_ms)))
        scene.sim.pause()
        left = set(range(8))
        for _ in range(2_400):
            scene.sim.run_for(TICK_MS)
            channels = scene.meter()["channels"]
            for index in [
                i for i in left if channels[i]["balance_u"] <= 0 and not channels[i]["contact"]
            ]:
                left.discard(index)
                worst_ms = max(worst_ms, -channels[index]["balance_u"] / per_ms[index])
            if not left:
                break
    if left:
        raise RuntimeError(f"channels {sorted(left)!r} were never cut")
    return {"cutoff_overshoot_ms": round(float(worst_ms), 1)}


def account():
    """How many of the account's scenarios hold on MicroPython."""
    with tempfile.TemporaryDirectory() as folder:
        results = scenarios.run_all(Path(folder))
    return {"scenarios_passed": sum(checks > 0 and not failed for checks, failed in results)}


def boot():
    """How long after the power every channel has a valid reading and is judged by its account: the
    worse of a first boot and of one after a power cut. Virtual time: the bus, the modules and the
    flash take theirs; what the interpreter needs to come up is not in it.
    """
    read = "all(c.sample.fresh and not c.claims & 1 for c in app.meter.channels) and world.ticks"

    def first_reading_ms():
        for _ in range(600):
            ticks = sim.ask("eval", expression=read)["value"]
            if ticks:
                return ticks
            sim.run_for(TICK_MS)
        raise RuntimeError("no valid reading of every channel within a minute")

    with (
        tempfile.TemporaryDirectory() as folder,
        open_board(site=lone_site(METER), workdir=Path(folder), loads=[5000] * 8) as sim,
    ):
        new_ms = first_reading_ms()
        sim.run_for(60_000)
        sim.power_cut()
        sim.power_on(after_ms=60_000)
        worst_ms = max(new_ms, first_reading_ms())
    return {"boot_to_valid_reading_ms": worst_ms}


def blackhole():
    """The longest wait of the meter for its tick while a broker accepts connections and never
    answers.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        silent_broker() as port,
        open_board(site=lone_site(METER, port), workdir=Path(folder), loads=[5000] * 8) as sim,
    ):
        sim.run_for(180_000)
        gap_ms = sim.ask("meter")["worst_gap_ms"] - TICK_MS
    return {"tick_gap_ms_blackhole": gap_ms}


@contextmanager
def silent_broker():
    """A port that accepts every connection, swallows what comes, and says nothing."""
    listener = socket.create_server(("127.0.0.1", 0))
    kept = []

    def accept():
        while True:
            try:
                kept.append(listener.accept()[0])
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()
        for connection in kept:
            connection.close()
