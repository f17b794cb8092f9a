"""Vectors for core: seeded cases, and what exact rational arithmetic says must come of them.

`build()` gives {"cases", "expected"}. The same cases run through core on CPython and inside
MicroPython (micropython/scripts/core_vectors.py); both must give `expected`, case by case.
"""

import random
from fractions import Fraction

UNITS_PER_WH = 36_000_000
UNITS_PER_KWH = 36_000_000_000
SMALL = 1 << 30


def build(seed=1, rounds=12):
    """Deterministic for a seed; JSON types only."""
    rng = random.Random(seed)
    cases = []
    expected = []
    for _ in range(rounds):
        for make in (_charge, _register, _account, _delta, _window, _channel):
            case, result = make(rng)
            cases.append(case)
            expected.append(result)
    return {"cases": cases, "expected": expected}


def _charge(rng):
    """Prices change in between; the sum of the charges is the floor of the exact sum at every
    step.
    """
    steps = []
    charges = []
    exact = Fraction(0)
    charged = 0
    for _ in range(40):
        units = rng.choice((0, 1, rng.randrange(36_000), rng.randrange(SMALL), SMALL - 1))
        price = rng.choice((0, 1, rng.randrange(1_000_000), rng.randrange(10**8), 99_999_999))
        exact += Fraction(units * price, UNITS_PER_KWH)
        charges.append(exact.__floor__() - charged)
        charged += charges[-1]
        steps.append([units, price])
    return {"kind": "charge", "steps": steps}, charges


def _register(rng):
    steps = []
    exact = 0
    for _ in range(40):
        power_dw = rng.choice((1, rng.randrange(5000), rng.randrange(250_001), 250_000))
        dt_ms = rng.choice((0, 1, 100, 4000, rng.randrange(4001)))
        exact += power_dw * dt_ms
        steps.append([power_dw, dt_ms])
    return {"kind": "register", "steps": steps}, list(divmod(exact, UNITS_PER_WH))


def _account(rng):
    back_u = rng.randrange(-2_000_000, 5_000_000)
    out_u = rng.randrange(-2_000_000, 2_000_000)
    credited = charged = 0
    steps = []
    result = []
    for _ in range(40):
        if rng.random() < 0.3:
            amount_u = rng.choice((1, rng.randrange(1, 3_000_000), rng.randrange(1, 10**12)))
            credited += amount_u
        else:
            # As often as not exactly to a threshold, or one micro-unit beyond it.
            aim = credited - charged - rng.choice((back_u, out_u)) + rng.randrange(-1, 2)
            amount_u = aim if 0 < aim < SMALL and rng.random() < 0.5 else rng.randrange(3_000_000)
            charged += amount_u
            amount_u = -amount_u
        balance = credited - charged
        steps.append(amount_u)
        result.append([credited, charged, balance, int(balance > back_u), int(balance <= out_u)])
    return {"kind": "account", "back_u": back_u, "out_u": out_u, "steps": steps}, result


def _delta(rng):
    """Readings that are plausible, wrap, jump, go back or are no count, each sort judged alone."""
    upc = rng.choice((UNITS_PER_WH, 3_600_000, 360_000_000))
    modulus = rng.choice((0, 10_000_000))
    p_max_dw = rng.randrange(1000, 250_001)
    last = rng.randrange(9_000_000, 10_000_000)
    steps = [[last, 1000]]
    result = [["first", 0]]
    for _ in range(60):
        elapsed_ms = rng.randrange(50, 70_000)
        bound = Fraction(elapsed_ms * (p_max_dw * 105 // 100), upc).__floor__() + 1
        counts = rng.choice((0, 1, bound, bound + 1, rng.randrange(bound + 1), -1, 500_000))
        count = last + counts
        if modulus:
            count %= modulus
        distance = (count - last) % modulus if modulus else count - last
        steps.append([count, elapsed_ms])
        if 0 <= distance <= bound:
            result.append(["ok", distance])
            last = count
        else:
            # Back to where it was: the suspect reading is forgotten and booked nothing.
            result.append(["suspect", 0])
            steps.append([last, elapsed_ms])
            result.append(["ok", 0])
    steps.append([0xFFFFFFFF, 1000])
    result.append(["none", 0])
    case = {"kind": "delta", "upc": upc, "modulus": modulus, "p_max_dw": p_max_dw, "steps": steps}
    return case, result


def _window(rng):
    """Numbers in and out of order: consumed once each, too old below the window of 64."""
    consumed = {}
    highest = 0
    steps = []
    result = []
    for _ in range(200):
        n = max(0, highest + rng.choice((1, 1, 1, 2, -1, -63, -64, -65, rng.randrange(-80, 90))))
        code = rng.randrange(1, 8)
        steps.append([n, code])
        if n < 1 or n <= highest - 64:
            result.append(-1)
            continue
        result.append(consumed.get(n, 0))
        if n not in consumed:
            consumed[n] = code
            highest = max(highest, n)
    return {"kind": "window", "steps": steps}, result


def _channel(rng):
    """A changing load behind a chip that counts: its estimate, clamped at readings."""
    upc = rng.choice((UNITS_PER_WH, 3_600_000))
    price = rng.randrange(1, 100_000_000)
    every = rng.randrange(1, 12)
    steps = []
    result = []
    truth = Fraction(rng.randrange(upc), upc)  # in counts
    believed = truth.__floor__()
    estimate = Fraction(0)  # in counts since the first reading, which is 0
    ceiling_debt = Fraction(0)
    power_dw = 0
    for turn in range(400):
        dt_ms = rng.choice((100, 100, 100, 90, 300))
        shown_dw = power_dw
        run = Fraction(shown_dw * dt_ms, upc) if turn else Fraction(0)
        truth += Fraction(power_dw * dt_ms, upc)
        held = min(run, ceiling_debt)
        ceiling_debt -= held
        estimate += run - held
        fresh = turn % every == 0
        if fresh:
            if rng.random() < 0.1:
                power_dw = rng.choice((0, 1, rng.randrange(2000), rng.randrange(100_000)))
            count = truth.__floor__() - believed
            estimate = max(estimate, Fraction(count))
            ceiling_debt = max(Fraction(0), estimate - count - 1 + Fraction(1, upc))
        steps.append([dt_ms, shown_dw, truth.__floor__() if fresh else -1])
        units = estimate * upc
        assert units.denominator == 1
        result.append([int(units), (units * price / UNITS_PER_KWH).__floor__()])
    return {"kind": "channel", "upc": upc, "price": price, "steps": steps}, result
