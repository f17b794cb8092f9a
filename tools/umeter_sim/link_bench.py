"""What the worst that networks and brokers do costs a meter: its pace, its heap, its time to be
back.
"""

import math
import tempfile
from pathlib import Path

from umeter_sim.link_faults import bearable
from umeter_sim.link_scene import LinkScene
from umeter_sim.scene import wait_until

_SAMPLES = 12
_MOST_ROUNDS = 8
_AWAY_S = 5
_RESTARTS = 3


def worst_faults(progress=lambda done: None):
    """The faults on MicroPython, again and again on one board: the figures below.

    Those that the broker at hand can bear. Raises RuntimeError if one was not lived through: a
    sale lost or doubled, anything else changed.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with LinkScene(path, "micropython", host="localhost", loads=[400] * 8) as scene:
            scene.settle()
            worst_ms, growth_bytes = rounds(scene, bearable(), progress)
            return {
                "tick_gap_ms_worst_fault": worst_ms,
                "heap_growth_bytes_after_faults": growth_bytes,
                "reconnect_s_after_broker_restart": _reconnect_s(scene),
            }


def rounds(scene, faults, progress=lambda done: None):
    """(latest tick in ms, bytes of heap that a round of the faults adds), of as many rounds as it
    takes until one adds nothing.

    The heap's level is the least of several samples, each after a collection: the collector is
    conservative, and takes numbers for addresses. What is kept that way, or needed for the first
    time, comes once; a leak comes with every round: the least that a round added is what counts.
    """
    worst_ms, added = 0, []
    level = None
    for number in range(1, _MOST_ROUNDS + 1):
        for fault in faults:
            progress(f"{fault.__name__}, round {number}")
            wrong = scene.survives(fault, worst_gap_ms=math.inf)
            if wrong:
                raise RuntimeError(f"{fault.__name__}: {'; '.join(wrong)}")
            worst_ms = max(worst_ms, scene.gap_ms())
        before, level = level, _least_heap(scene)
        if before is not None:
            added.append(level - before)
            if level <= before:
                break
    return worst_ms, max(0, min(added))


def _least_heap(scene):
    scene.sim.pause()
    samples = []
    for _ in range(_SAMPLES):
        scene.sim.run_for(5000)
        heap = scene.sim.ask("heap")
        samples.append(heap["alloc"] - heap["baseline"])
    scene.sim.resume()
    return min(samples)


def _reconnect_s(scene):
    """The most virtual seconds from the return of a broker that was away for a moment, of a few
    times.
    """
    worst_ms = 0
    for _ in range(_RESTARTS):
        scene.run_for(70)  # a session that held so long was a good one
        sessions = scene.value("app.session.sessions")
        scene.sim.pause()
        scene.broker.stop()
        scene.sim.run_for(_AWAY_S * 1000)
        scene.broker.start()
        back_ms = scene.sim.now_ms
        scene.sim.set_speed(10)
        scene.sim.resume()
        wait_until(
            lambda told=sessions: scene.value("app.session.sessions") > told, "the next session"
        )
        worst_ms = max(worst_ms, scene.sim.now_ms - back_ms)
    return round(worst_ms / 1000, 1)
