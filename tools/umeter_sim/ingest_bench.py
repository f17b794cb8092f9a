"""How much the station takes in: readings of a simulated fleet through a real Mosquitto at QoS 1,
acknowledged after the commit.

On the wire readings have QoS 0. At QoS 1 each costs both sides an acknowledgement more, and none
may be lost: that is the harder case. Publisher, broker and subscriber share this machine.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from umeter_sim import ingest_fleets, ingest_flood, ingest_size
from umeter_sim.ingest_rig import Rig
from umeter_sim.paths import BUILD


def run(tell: Callable[[str], None]) -> dict[str, Any]:
    """The figures, and under "ingest_tables" what is to be shown beneath them."""
    BUILD.mkdir(exist_ok=True)
    # On the disk that builds are on: a folder for temporary files may be in memory.
    with tempfile.TemporaryDirectory(dir=BUILD) as name:
        tell("a fleet's database")
        rig = Rig(Path(name), ingest_fleets.LARGEST)
        try:
            floods = ingest_flood.measure(rig, tell)
            fleets = ingest_fleets.measure(rig, tell)
        finally:
            rig.close()
    tell("a few meters' rows, weighed")
    grown = ingest_size.measure()
    return {
        **ingest_flood.figures(floods),
        **ingest_fleets.figures(fleets),
        **ingest_size.figures(grown),
        "ingest_tables": [
            ingest_flood.table(floods),
            ingest_fleets.table(fleets),
            ingest_size.table(grown),
        ],
    }
