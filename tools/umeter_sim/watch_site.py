"""Boards and the people behind them, for months in a second: what 50 meters of 8 channels would
report, as the firmware reports it, in columns. Channel 1 is the inlet.

Time goes in steps of five minutes, each with one reading; every third ends an interval. Energy is
drawn by the people, counted by front ends with the errors of their class, rounded down to whole
watt-hours in registers, and the intervals are differences of those. Everything random comes from
one seed.
"""

from dataclasses import dataclass, field

import numpy as np

from umeter_station.watch.window import Difference, Event, Intervals, Money, Order, Readings

STEP_S = 300
DAY = 86_400 // STEP_S  # steps
HOUR = 3600 // STEP_S
START_S = 1_799_625_600  # a Monday, 00:00 UTC
USERS = 7
NOMINAL_V = 230
_STEP_H = STEP_S / 3600
_CLASS = 0.01
_LEAST_W = 1.5  # less does not start a front end of this class
_OWN_W = (3, 7)  # the board and its relays, behind the inlet
_WIRE_LOSS = 0.02 / NOMINAL_V**2  # 20 milliohms of relay, shunt and a metre of wire
# Share of the peak every two hours from midnight, per mille, and of the day in bursts.
_CURVES = (
    (90, 70, 80, 350, 420, 300, 380, 310, 350, 700, 1000, 450),
    (60, 60, 60, 120, 850, 950, 1000, 980, 960, 900, 300, 80),
    (1000, 1000, 900, 300, 50, 40, 40, 40, 60, 300, 800, 1000),
    (150, 150, 150, 250, 900, 1000, 850, 1000, 900, 400, 200, 150),
    (700, 800, 1000, 900, 500, 300, 250, 250, 400, 600, 700, 700),
    (250, 200, 200, 400, 700, 800, 800, 800, 850, 1000, 900, 500),
)
LIMIT_W = 6000


@dataclass(frozen=True)
class Truth:
    """Where a finding is right: `required` or merely a consequence. Times in steps; `ch` None is
    any channel."""

    rule: str
    ch: int | None
    first: int
    last: int
    required: bool


@dataclass
class Board:
    """One meter while it is made up. Columns over `steps`; users' channels are 2 to 8."""

    name: str
    random: np.random.Generator
    steps: int
    wanted_w: np.ndarray = field(init=False)
    fed: np.ndarray = field(init=False)  # the contact lets through
    shown: np.ndarray = field(init=False)  # what the meter says of the contact
    counted: np.ndarray = field(init=False)  # share of it that the front end counts
    power_share: np.ndarray = field(init=False)  # what it shows as power, of the true one
    voltage_share: np.ndarray = field(init=False)
    factor: np.ndarray = field(init=False)
    tap_w: np.ndarray = field(init=False)
    grid: np.ndarray = field(init=False)  # share of each step with power
    volts: np.ndarray = field(init=False)
    heard: np.ndarray = field(init=False)  # the reading came through
    silent_s: np.ndarray = field(init=False)
    state: np.ndarray = field(init=False)
    clock_off_s: np.ndarray = field(init=False)
    clock: np.ndarray = field(init=False)
    misplaced: np.ndarray = field(init=False)  # intervals whose place on the clock is not known
    boot: np.ndarray = field(init=False)
    extra: np.ndarray = field(init=False)  # messages
    repeated: np.ndarray = field(init=False)
    jumps: list[tuple[int, int, int]] = field(default_factory=list)  # step, ch, Wh
    misprints: list[tuple[int, int, int]] = field(default_factory=list)  # interval, ch, Wh
    cut_intervals: set[int] = field(default_factory=set)
    clones: list[tuple[int, int]] = field(default_factory=list)  # steps from, to
    events: list[Event] = field(default_factory=list)
    orders: list[tuple[int, int, Order]] = field(default_factory=list)
    differences: list[tuple[int, int, Difference]] = field(default_factory=list)
    money: list[tuple[int, int, Money]] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)

    def __post_init__(self) -> None:
        n, random = self.steps, self.random
        self.wanted_w = np.column_stack([household(random, n) for _ in range(USERS)])
        self.fed = np.ones((n, USERS))
        self.shown = np.ones((n, USERS), np.int64)
        self.counted = np.ones((n, USERS))
        self.power_share = np.ones((n, USERS))
        self.voltage_share = np.ones((n, USERS))
        self.factor = np.clip(random.normal(0.9, 0.05, (1, USERS)), 0.7, 0.99)
        self.factor = self.factor * np.ones((n, USERS))
        self.tap_w = np.zeros(n)
        self.grid = np.ones(n)
        slow = np.sin(np.arange(n) * (2 * np.pi / DAY) + random.uniform(0, 6)) * 3
        self.volts = NOMINAL_V + slow + random.normal(0, 1.2, n)
        self.heard = random.random(n) > 0.0003
        self.silent_s = np.zeros((n, USERS), np.int64)
        self.state = np.zeros((n, USERS), np.int64)
        self.clock_off_s = np.round(random.normal(0, 0.8, n)).astype(np.int64)
        self.clock = np.ones(n, np.int64)
        self.misplaced = np.zeros(n, bool)
        self.boot = np.full(n, 3, np.int64)
        self.extra = np.zeros(n, np.int64)
        self.repeated = np.zeros(n, np.int64)

    def at_s(self, step: int) -> int:
        return START_S + step * STEP_S

    def tell(self, step: int, code: str, ch: int = 0, a: int = 0, b: int = 0, plus_s: int = 0):
        at_s = self.at_s(step) + plus_s
        self.events.append(Event(len(self.events) + 1, at_s, code, ch, a, b, at_s))

    def expect(self, rule: str, ch: int | None, first: int, last: int, required=True) -> None:
        self.truths.append(Truth(rule, ch, first, last, required))


@dataclass(frozen=True)
class Recording:
    """All that a station would have of one meter in the end. The columns of `readings` are those
    that came in, in their order; `messages` and `repeated` are per step."""

    name: str
    behind: bool
    readings: Readings
    intervals: Intervals
    events: tuple[Event, ...]
    messages: np.ndarray
    repeated: np.ndarray
    board: Board


def household(random: np.random.Generator, n: int) -> np.ndarray:
    """Watts of one user: a base that follows the day, a fridge, and appliances by chance."""
    curve = np.array(_CURVES[random.integers(len(_CURVES))]) / 1000
    hours = np.arange(n) * _STEP_H
    share = np.interp(hours % 24 / 2, np.arange(13), np.append(curve, curve[0]))
    days = n // DAY + 1
    mood = np.repeat(random.lognormal(0, 0.15, days), DAY)[:n]
    weekend = np.repeat(np.arange(days) % 7 >= 5, DAY)[:n]
    mood = np.where(weekend, mood * random.uniform(0.8, 1.25), mood)
    base = random.uniform(60, 500) * share * mood * random.normal(1, 0.12, n).clip(0.3, 2)
    fridge = (np.arange(n) + random.integers(9)) % 9 < 3
    bursts = np.zeros(n + 1)
    chance = share * mood / (share * mood).sum()
    count = int(days * random.uniform(4, 14))
    starts = random.choice(n, count, p=chance)
    lengths = random.integers(1, 12, count)
    watts = random.choice((450, 800, 1200, 1600, 2000), count) * random.uniform(0.8, 1.1, count)
    np.add.at(bursts, starts, watts)
    np.add.at(bursts, np.minimum(starts + lengths, n), -watts)
    drawn = base + fridge * random.uniform(70, 120) + np.cumsum(bursts)[:n] + random.uniform(4, 25)
    return np.minimum(drawn, 0.75 * LIMIT_W)


def record(board: Board) -> Recording:
    """What the board reports of all that."""
    random, n = board.random, board.steps
    drawn_w = np.minimum(board.wanted_w, 0.97 * LIMIT_W) * board.fed * board.grid[:, None]
    total_w = drawn_w.sum(axis=1)
    own_w = random.uniform(*_OWN_W) * board.grid
    inlet_w = total_w + board.tap_w * board.grid + own_w + _WIRE_LOSS * (drawn_w**2).sum(axis=1)
    true_w = np.column_stack([inlet_w, drawn_w])
    counted = np.column_stack([np.ones(n), board.counted])
    gains = random.uniform(-_CLASS, _CLASS, (1, 8))
    bends = random.normal(0, 0.001, (1, 8)) * np.exp(-true_w / 150)
    metered_w = np.where(true_w < _LEAST_W, 0, true_w * (1 + gains + bends)) * counted
    added = np.vstack([random.uniform(0, 1, (1, 8)), metered_w * _STEP_H]).cumsum(axis=0)
    for step in np.flatnonzero(np.diff(board.boot)):
        # What the cut has cost: never more than what the first minutes bring.
        cost = np.minimum(random.uniform(0, 0.4, 8), added[step + 2] - added[step + 1])
        added[step + 2 :] -= cost
    phase_s = int(random.integers(20, 280))
    share = phase_s / STEP_S
    energy = np.floor(added[:-1] * (1 - share) + added[1:] * share + 10_000).astype(np.int64)
    for step, ch, wh in board.jumps:
        energy[step:, ch - 1] += wh
        added[step + 1 :, ch - 1] += wh
    intervals = _intervals(board, np.floor(added[::3] + 10_000).astype(np.int64))
    readings = _readings(board, energy, true_w, phase_s)
    came = np.flatnonzero(board.heard & (board.grid > 0.99))
    readings = readings.rows(came)
    messages = board.heard.astype(np.int64) + board.extra
    events = tuple(sorted(board.events, key=lambda e: e.at_s))
    if board.clones:
        readings = _with_clones(board, readings)
    return Recording(
        board.name, True, readings, intervals, events, messages, board.repeated, board
    )


def _readings(board: Board, energy: np.ndarray, true_w: np.ndarray, phase_s: int) -> Readings:
    random, n = board.random, board.steps
    one = np.ones((n, 1))
    shown = np.column_stack([one, board.shown]).astype(np.int64)
    power_w = true_w * np.column_stack([one, board.power_share])
    power_w = power_w * random.normal(1, 0.01, (n, 8))
    silent = np.column_stack([np.zeros((n, 1), np.int64), board.silent_s])
    volts = board.volts[:, None] * np.column_stack([one, board.voltage_share])
    # These front ends measure behind the contact: none is fed, none has voltage.
    volts = np.where(np.column_stack([one, board.fed]) > 0, volts, 0)
    factor = np.column_stack([one * 0.93, board.factor])
    current_ma = np.where(volts > 50, np.abs(power_w) / np.maximum(volts, 50) / factor * 1000, 0)
    received_s = START_S + np.arange(n) * STEP_S + phase_s
    t = received_s - random.integers(0, 2, n) + board.clock_off_s
    return Readings(
        received_s=received_s,
        t=np.where(board.clock == 1, t, 0),
        clock=board.clock,
        boot=board.boot,
        seq=np.arange(n, dtype=np.int64),
        energy_wh=energy,
        power_dw=np.round(power_w * 10).astype(np.int64),
        voltage_dv=np.round(volts * 10).astype(np.int64),
        current_ma=np.round(current_ma).astype(np.int64),
        balance_u=np.where(
            np.column_stack([np.zeros((n, 1)), board.state]).astype(np.int64) & 16,
            -2000,
            5_000_000,
        ),
        contact=shown,
        age_s=silent + 1,
        state=np.column_stack([np.zeros((n, 1), np.int64), board.state]),
    )


def _intervals(board: Board, register: np.ndarray) -> Intervals:
    wh = np.maximum(np.diff(register, axis=0), 0)
    count = len(wh)
    for interval, ch, off_wh in board.misprints:
        wh[interval, ch - 1] = max(0, wh[interval, ch - 1] + off_wh)
    t_end = START_S + (np.arange(count) + 1) * 3 * STEP_S
    flags = np.zeros(count, np.int64)
    flags[[at for at in board.cut_intervals if at < count]] |= 2
    flags[board.misplaced[: count * 3].reshape(-1, 3).max(axis=1)] |= 1
    flags[board.clock[: count * 3].reshape(-1, 3).min(axis=1) == 0] |= 1
    zeros = np.zeros(count, np.int64)
    jumped = zeros.copy()
    for step, ch, wh_jump in board.jumps:
        if wh_jump > 65_535 and step // 3 < count:
            jumped[step // 3] |= 1 << (ch - 1)
    return Intervals(
        n=np.arange(1, count + 1),
        t_end=t_end,
        minutes=np.full(count, 15, np.int64),
        flags=flags,
        quarantined=zeros,
        estimated=jumped,
        wh=np.minimum(wh, 65_535),
    )


def _with_clones(board: Board, readings: Readings) -> Readings:
    """Another board that calls itself the same, by an older count of boots, speaks in between."""
    parts = [readings]
    for first, last in board.clones:
        inside = (readings.received_s >= board.at_s(first)) & (
            readings.received_s < board.at_s(last)
        )
        own = readings.rows(inside)
        columns = {name: getattr(own, name) for name in Readings.__dataclass_fields__}
        columns["received_s"] = own.received_s + 140
        columns["t"] = own.t + 140
        columns["boot"] = own.boot - 2
        columns["energy_wh"] = own.energy_wh // 3
        parts.append(Readings(**columns))
    names = Readings.__dataclass_fields__
    both = Readings(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))
    return both.rows(np.argsort(both.received_s, kind="stable"))
