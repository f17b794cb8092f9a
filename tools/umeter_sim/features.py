"""Everything that a board can have and a meter can be set to, at once: what it costs is measured
with this.
"""

import json
from pathlib import Path
from typing import Any

from umeter_sim.paths import BOARDS

_EVENING = [[0, 1], [600, 2], [800, 3], [1100, 2], [1700, 4], [2100, 2], [2300, 1]]

# Orders hold 16 settings at most; each of these is one order.
SETTINGS: list[dict[str, Any]] = [
    {
        "tz": "GMT0BST,M3.5.0/1,M10.5.0/2",
        "special_days": [101, 501, 1225, 1226, 20270326, 20270329],
        "tariff": {
            "prices": [[120_000, 180_000, 240_000, 310_000], [150_000, 210_000, 270_000, 360_000]],
            "blocks_kwh": [250],
            "seasons": [401, 1001],
            "tables": [[_EVENING, [[0, 1], [900, 2], [2200, 1]], [[0, 1]]], [_EVENING, [[0, 1]]]],
            "standing_u_per_day": 150_000,
            "fallback": 2,
        },
        "friendly": [
            ["12345", 0, 1100],
            ["12345", 1800, 2400],
            ["6", 0, 1100],
            ["6", 1800, 2400],
            ["78", 0, 2400],
        ],
        "low_credit_2_u": 500_000,
        "pretrip_u": 200_000,
        "hysteresis_u": 100_000,
        "reclose_at_u": 100_000,
        "reclose": "armed",
    },
    {
        "emergency_u": 5_000_000,
        "emergency_at_u": 300_000,
        "allowance_u": 1_000_000,
        "allowance_every": "week",
        "max_topup_u": 200_000_000,
        "max_balance_u": 900_000_000,
        "debt1_weekly_u": 2_000_000,
        "debt2_weekly_u": 1_000_000,
        "debt2_take": "credit",
        "debt3_percent": 10,
        "debt3_cap_u": 5_000_000,
        "budget_u": 50_000_000,
    },
    {
        "limit_w": 9000,
        "limit_guard_s": 20,
        "slots": [["12345", 0, 500, 3000], ["67", 0, 300, 2000]],
        "banned": [[700, 1400], [1900, 2400]],
        "banned_pf": 985,
        "banned_allow": [[1000, 150]],
        "lock_on": ["weld", "stuck", "reverse", "unmetered", "cover", "frozen"],
        "inlet_ch": 8,
        "ch.2.protected": 1,
        "ch.3.price_u_per_kwh": 250_000,
        "ch.4.limit_w": 3000,
        "ch.5.friendly": [["1234567", 0, 2400]],
    },
]


def board_with_hands(folder: Path) -> Path:
    """A board directory like sim8's, with a cover switch and a button for each channel."""
    document = json.loads((BOARDS / "sim8" / "board.json").read_text())
    document["cover"] = {"gpio": 4}
    for channel, gpio in zip(document["channels"], (13, 14, 21, 22, 32, 35, 36, 39), strict=True):
        channel["button"] = gpio
    folder.mkdir()
    (folder / "board.json").write_text(json.dumps(document))
    return folder
