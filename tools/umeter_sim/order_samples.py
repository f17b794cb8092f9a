"""Good orders, of every operation there is: what fuzzing starts from."""

from umeter_sim.order_board import UNIX_OF_2020

WHEN = 200_059_200  # noon of a day of 2026, as core counts
UNIX = WHEN + UNIX_OF_2020
MICRO = 1_000_000

_SETS = (
    {"price_u_per_kwh": 250_000},
    {"ch.2.low_credit_u": 7 * MICRO, "report_s": 20},
    {"emergency_u": 3 * MICRO, "debt3_percent": 50, "reclose": "armed"},
    {"tariff": {"prices": [[100_000], [300_000]], "blocks_kwh": [1]}},
    {"limit_w": 2000, "banned": [[900, 1100]], "banned_allow": [[60, 5]]},
    {"friendly": [[[1, 2, 3], "2200", "2400"]], "tz": "CET-1CEST,M3.5.0,M10.5.0/3"},
    {"report_s": 1, "colour": "blue", "commit_wh": 2},
)
_OF_THE_BOARD = ["read", "history", "set", "time", "key", "link", "update", "chunk", "maintenance"]


def sample(rng, channels=3):
    """An order without its number; "set" lacks its version, "key" the key, "time" fits boot 1."""
    op, fields = rng.choice(_KINDS)
    order = {"op": op}
    for name, choose in fields.items():
        value = choose(rng)
        if value is not None:
            order[name] = value
    if op not in _OF_THE_BOARD:
        order["ch"] = rng.randrange(channels) + 1
    if rng.random() < 0.5:
        order["exp"] = UNIX + rng.choice((-3600, 3600, 10**6))
    return order


def _one_of(*values):
    return lambda rng: rng.choice(values)


def _amount(rng):
    return rng.randrange(1, 10 ** rng.randrange(1, 9))


def _moment(rng):
    return UNIX + rng.choice((0, 0, 0, 86_400, -86_400, 30 * 86_400)) + rng.randrange(-30, 30)


_KINDS = (
    ("credit", {"amount_u": _amount, "id": _one_of(None, "sale-7"), "account": _one_of(None, 1)}),
    ("debit", {"amount_u": _amount}),
    ("emergency", {}),
    ("restore", {}),
    ("user", {"state": _one_of("open", "close")}),
    ("supply", {"state": _one_of("open", "close")}),
    ("release", {"claim": _one_of("overload", "tamper")}),
    ("debt", {"debt": _one_of(1, 2, 3), "add_u": lambda rng: _amount(rng) - 1000}),
    ("account", {"action": _one_of("close", "reset", "prepaid", "credit")}),
    ("account", {"action": _one_of("open"), "account": _amount}),
    ("account", {"action": _one_of("prepaid"), "lend_u": _amount}),
    ("quarantine", {"action": _one_of("accept", "refuse")}),
    ("status", {}),
    ("read", {}),
    ("link", {}),
    ("key", {}),
    ("history", {"what": _one_of("events"), "from": _one_of(1, 9), "count": _one_of(1, 16)}),
    ("history", {"what": _one_of("profile"), "from": _one_of(1, 9), "count": _one_of(1, 32)}),
    ("set", {"set": _one_of(*_SETS)}),
    (
        "calibrate",
        {
            "gain_ppm": lambda rng: rng.choice((None, 0, rng.randrange(-110_000, 110_000))),
            "offset": _one_of(None, -7),
            "phase": _one_of(None, 200),
            "creep_dw": _one_of(None, 15, 2000),
        },
    ),
    ("maintenance", {"minutes": _one_of(None, 1, 240, 241)}),
    ("update", {"do": _one_of("offer", "keep", "abort"), "release": _one_of(1, 2, None)}),
    ("update", {"do": _one_of("switch"), "release": _one_of(1, 2, None)}),
    ("chunk", {"file": _one_of(0, 7), "at": _one_of(0, 900), "data": _one_of("eA==", "x")}),
    ("time", {"t": _moment, "boot": _one_of(1)}),
)
OPS = sorted({op for op, _ in _KINDS})
