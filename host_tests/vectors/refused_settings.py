"""Changes of settings that a meter refuses, with the sentence the operator reads: on a new board
of eight channels, on any interpreter.
"""

_OPEN = [[0, 1]]  # a day with one rate from midnight on
_BLOCKS = {"prices": [[100], [200]]}
_TWO_RATES = {"prices": [[100, 200]]}
_ORDER = "must be at least"
_NONE = "must be a setting, of the site or of a channel 1..8"
_AMOUNT = "must be -1000000000000..1000000000000"

# Each: the change, the sentence of every key in it.
REFUSED = [
    ({"report_s": 1}, "report_s must be 5..86400, not 1"),
    ({"report_s": True}, "report_s must be 5..86400, not true"),
    ({"report_s": "60"}, 'report_s must be 5..86400, not "60"'),
    ({"report_s": [60]}, "report_s must be 5..86400, not [60]"),
    ({"commit_wh": 5}, "commit_wh must be 1..4, not 5"),
    ({"fault_s": 9}, "fault_s must be 10..3600, not 9"),
    ({"stagger_ms": 99}, "stagger_ms must be 100..10000, not 99"),
    ({"dwell_ms": -1}, "dwell_ms must be 0..600000, not -1"),
    (
        {"profile_min": 7},
        "profile_min must be a divisor of 60, not 7",
    ),
    (
        {"price_u_per_kwh": 100_000_000},
        "price_u_per_kwh must be 0..99999999, not 100000000",
    ),
    ({"low_credit_u": 10**12 + 1}, f"low_credit_u {_AMOUNT}, not 1000000000001"),
    ({"disable_at_u": False}, f"disable_at_u {_AMOUNT}, not false"),
    # Whose it is
    ({"colour": 2}, f"colour {_NONE}"),
    ({"": 2}, f" {_NONE}"),
    ({"null": 2}, f"null {_NONE}"),
    ({"0": None}, f"0 {_NONE}"),
    ({"tz UTC0": "UTC0"}, f"tz UTC0 {_NONE}"),
    ({"ch.2.colour": 2}, f"ch.2.colour {_NONE}"),
    ({"ch.1": 1}, f"ch.1 {_NONE}"),
    ({"ch.1.limit_w.x": 1}, f"ch.1.limit_w.x {_NONE}"),
    ({"ch.0.limit_w": 1}, f"ch.0.limit_w {_NONE}"),
    ({"ch.9.limit_w": 1}, f"ch.9.limit_w {_NONE}"),
    ({"ch.01.limit_w": 1}, f"ch.01.limit_w {_NONE}"),
    ({"ch.": 1}, f"ch. {_NONE}"),
    ({"ch.3.tz": "UTC0"}, f"ch.3.tz {_NONE}"),
    ({"ch.3.report_s": None}, f"ch.3.report_s {_NONE}"),
    # Time
    ({"tz": "Mars"}, 'tz must be a POSIX zone, as GMT0BST,M3.5.0/1,M10.5.0/2, not "Mars"'),
    ({"tz": 0}, "tz must be a POSIX zone, as GMT0BST,M3.5.0/1,M10.5.0/2, not 0"),
    ({"weekend": [7, 6]}, "weekend[1] must be more than the one before, not 6"),
    ({"weekend": [0]}, "weekend[0] must be 1..7, not 0"),
    ({"weekend": 7}, "weekend must be a list of 0..7, not 7"),
    (
        {"special_days": list(range(101, 126))},
        "special_days must be a list of 0..24, not [101, 102, 103, 104, 105, 106, 107, 108,",
    ),
    ({"special_days": [1225, 231]}, "special_days[1] must be (YYYY)MMDD, not 231"),
    (
        {"special_days": [20_230_229]},
        "special_days[0] must be (YYYY)MMDD, not 20230229",
    ),
    (
        {"special_days": [20_190_101]},
        "special_days[0] must be (YYYY)MMDD, not 20190101",
    ),
    ({"special_days": [1131]}, "special_days[0] must be (YYYY)MMDD, not 1131"),
    ({"special_days": [1301]}, "special_days[0] must be (YYYY)MMDD, not 1301"),
    # Tariffs
    ({"tariff": 200_000}, "tariff must be {prices}, not 200000"),
    ({"tariff": {}}, "tariff.prices must be a list of 1..4, not []"),
    ({"tariff": {"prices": []}}, "tariff.prices must be a list of 1..4, not []"),
    ({"tariff": {"prices": [100]}}, "tariff.prices[0] must be a list of 1..4, not 100"),
    (
        {"tariff": {"prices": [[100, -1]]}},
        "tariff.prices[0][1] must be 0..99999999, not -1",
    ),
    (
        {"ch.4.tariff": {"prices": [[1, 2], [3]], "blocks_kwh": [50]}},
        "ch.4.tariff.prices[1] must be a list of 2, not [3]",
    ),
    (
        {"tariff": _BLOCKS},
        "tariff.blocks_kwh must be a list of 1, not []",
    ),
    (
        {"tariff": {"prices": [[1], [2], [3]], "blocks_kwh": [50, 50]}},
        "tariff.blocks_kwh[1] must be more than the one before, not 50",
    ),
    (
        {"tariff": _TWO_RATES | {"colour": 2}},
        "tariff.colour is no part of a tariff",
    ),
    (
        {"tariff": {"prices": [[1]], "seasons": [401, 1001], "tables": [[_OPEN]]}},
        "tariff.tables must be a list of 2, not [[[[0, 1]]]]",
    ),
    (
        {"tariff": {"prices": [[1]], "seasons": [20_260_401], "tables": [[_OPEN]]}},
        "tariff.seasons[0] must be MMDD, not 20260401",
    ),
    (
        {"tariff": _TWO_RATES | {"tables": [[_OPEN, [[0, 1], [700, 3]]]]}},
        "tariff.tables[0][1][1][1] must be 1..2, not 3",
    ),
    (
        {"tariff": _TWO_RATES | {"tables": [[[[30, 1]]]]}},
        "tariff.tables[0][0][0] must be in order from 0, not [30, 1]",
    ),
    (
        {"tariff": _TWO_RATES | {"tables": [[[[0, 1], [700, 2], [700, 1]]]]}},
        "tariff.tables[0][0][2] must be in order from 0, not [700, 1]",
    ),
    (
        {"tariff": _TWO_RATES | {"tables": [[[[0, 1], [670, 2]]]]}},
        "tariff.tables[0][0][1][0] must be 0000..2359, not 670",
    ),
    (
        {"tariff": _TWO_RATES | {"tables": [[[[0, 1], [2400, 2]]]]}},
        "tariff.tables[0][0][1][0] must be 0000..2359, not 2400",
    ),
    (
        {"tariff": _TWO_RATES | {"tables": [[[[0]]]]}},
        "tariff.tables[0][0][0] must be a list of time,rate, not [0]",
    ),
    (
        {"tariff": _TWO_RATES | {"fallback": 3}},
        "tariff.fallback must be 1..2, not 3",
    ),
    (
        {"tariff": _TWO_RATES | {"standing_u_per_day": -1}},
        "tariff.standing_u_per_day must be 0..999999999, not -1",
    ),
    (
        {"next_tariff": _TWO_RATES},
        "next_tariff.from must be 1767225600..2650838399, not []",
    ),
    (
        {"tariff": _TWO_RATES | {"from": 1_800_000_000}},
        "tariff.from is no part of a tariff",
    ),
    ({"unit": "kwh", "tariff": _TWO_RATES}, 'tariff must be null, the unit is "kwh"'),
    (
        {"ch.2.tariff": _TWO_RATES, "unit": "kwh"},
        'ch.2.tariff must be null, the unit is "kwh"',
    ),
    (
        {"next_tariff": _TWO_RATES | {"from": 1_800_000_000}, "unit": "kwh"},
        'next_tariff must be null, the unit is "kwh"',
    ),
    ({"unit": "kWh"}, 'unit must be money|kwh, not "kWh"'),
    # Credit and debt
    (
        {"low_credit_2_u": 2, "low_credit_u": 1},
        f"low_credit_u {_ORDER} low_credit_2_u, 2, not 1",
    ),
    ({"pretrip_u": 5, "low_credit_2_u": 4}, f"low_credit_2_u {_ORDER} pretrip_u, 5, not 4"),
    ({"pretrip_u": 1_000_001}, f"low_credit_u {_ORDER} pretrip_u, 1000001, not 1000000"),
    (
        {"ch.3.reclose_at_u": -1},
        f"ch.3.reclose_at_u {_ORDER} disable_at_u, 0, not -1",
    ),
    (
        {"emergency_u": 5, "emergency_at_u": -1},
        f"emergency_at_u {_ORDER} disable_at_u, 0, not -1",
    ),
    (
        {"ch.8.disable_at_u": 7, "max_balance_u": 6},
        f"ch.8.max_balance_u {_ORDER} disable_at_u, 7, not 6",
    ),
    (
        {"reclose_at_u": 8, "max_balance_u": 7},
        f"max_balance_u {_ORDER} reclose_at_u, 8, not 7",
    ),
    ({"hysteresis_u": -1}, "hysteresis_u must be 0..1000000000000, not -1"),
    ({"allowance_every": "year"}, 'allowance_every must be day|week|month, not "year"'),
    ({"reclose": True}, "reclose must be auto|armed, not true"),
    (
        {"debt1_weekly_u": 99_990_001},
        "debt1_weekly_u must be 0..99990000, not 99990001",
    ),
    ({"debt2_take": "never"}, 'debt2_take must be always|credit, not "never"'),
    ({"debt3_percent": 101}, "debt3_percent must be 0..100, not 101"),
    ({"protected": True}, "protected must be 0..1, not true"),
    # Hours
    (
        {"friendly": [["12345", 2200, 600]]},
        "friendly[0][2] must be more than the one before, not 600",
    ),
    ({"friendly": [["1", 0, 2401]]}, "friendly[0][2] must be 0000..2400, not 2401"),
    ({"friendly": [["1", 0]]}, 'friendly[0] must be a list of days,from,to, not ["1", 0]'),
    (
        {"friendly": [["8", 0, 2400], ["90", 0, 2400]]},
        'friendly[1][0] must be days 1 (Monday)..7, 8 (special), not "90"',
    ),
    (
        {"friendly": [["", 0, 2400]]},
        'friendly[0][0] must be days 1 (Monday)..7, 8 (special), not ""',
    ),
    (
        {"friendly": [[12, 0, 2400]]},
        "friendly[0][0] must be days 1 (Monday)..7, 8 (special), not 12",
    ),
    (
        {"slots": [["12", 0, 600, 0], ["2", 500, 700, 9]]},
        'slots[1] must be outside those before, not ["2", 500, 700, 9]',
    ),
    (
        {"slots": [["1", 0, 600]]},
        'slots[0] must be a list of days,from,to,limit_w, not ["1", 0, 600]',
    ),
    (
        {"slots": [["1", 0, 600, 25_001]]},
        "slots[0][3] must be 0..25000, not 25001",
    ),
    # Limits and watch
    ({"limit_w": 25_001}, "limit_w must be 0..25000, not 25001"),
    ({"limit_guard_s": 0}, "limit_guard_s must be 1..3600, not 0"),
    ({"limit_action": "cut"}, 'limit_action must be trip|alarm, not "cut"'),
    ({"banned": [[500, 500]]}, "banned[0][1] must be more than the one before, not 500"),
    (
        {"banned": [[1, 2]] * 7},
        "banned must be a list of 0..6, not [[1, 2], [1, 2], [1, 2], [1, 2], [1, 2],",
    ),
    ({"banned_pf": 98}, "banned_pf must be 500..1000, not 98"),
    ({"banned_allow": [[900]]}, "banned_allow[0] must be a list of w,tolerance_w, not [900]"),
    (
        {"lock_on": ["weld", "bypass"]},
        'lock_on[1] must be weld|stuck|reverse|unmetered|cover|frozen, not "bypass"',
    ),
    ({"inlet_ch": 9}, "inlet_ch must be 0..8, not 9"),
]
