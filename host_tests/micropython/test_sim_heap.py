import json
from pathlib import Path

from umeter_sim.paths import BOARD_SIDE, UMQTT
from umeter_sim.upy import run_script

SCRIPT = Path(__file__).parent / "scripts" / "sim_heap.py"


def test_the_fakes_stay_off_the_heap_in_a_tick():
    found = json.loads(run_script(SCRIPT, paths=[BOARD_SIDE, UMQTT]))
    assert found == {"read": 99 * 25, "pulses": 5}
