"""How well the meter tells what is switched on, and how soon it names a welded contact.

The appliances are those of the simulated site, and the readings what its modules make of them,
with their errors of gain and their noise. Everything random comes from the seed.
"""

import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from types import ModuleType, SimpleNamespace

from rich.table import Table

from umeter_sim.board_api import open_board
from umeter_sim.lone_site import lone_site
from umeter_sim.paths import BOARD_SIDE, FIRMWARE, SHIMS
from umeter_sim.runtimes.namespace import Namespace

SECOND_MS = 1000
DAY_S = 86_400
CALM_S = 12  # after the last change nothing is left in a module's mean nor in the meter's levels
GAIN_PER_MILLE = 4
NOISE = 20  # of each reading, 0.1 per mille
P_MAX_DW = 250_000

# What a hall of residence forbids: heating of 300 W and more, but for the kettle it lends out.
RULE = {
    "limit_w": 0,
    "limit_guard_s": 30,
    "slots": [],
    "banned": [[300, 3000]],
    "banned_pf": 985,
    "banned_allow": [[1000, 150]],
    "banned_action": "trip",
    "banned_restore_s": 300,
    "banned_tries": 3,
}
BANNED = ("kettle", "fan heater", "immersion coil", "hot plate")
ORDINARY = (
    "travel kettle",
    "fridge",
    "fan",
    "air conditioner",
    "vacuum cleaner",
    "desktop",
    "gaming computer",
    "television",
    "led lamps",
)
# What runs already when something is switched on.
BACKGROUNDS = (
    (),
    ("led lamps", "fan"),
    ("desktop", "led lamps"),
    ("fridge", "television"),
    ("gaming computer",),
    ("desktop", "fridge", "television", "led lamps"),
)
FLATS = (
    ("desktop", "led lamps", "fan"),
    ("gaming computer", "led lamps", "fridge"),
    ("fridge", "television", "led lamps"),
    ("air conditioner", "desktop", "fridge"),
    ("travel kettle", "desktop", "led lamps"),
    ("travel kettle", "fridge", "television", "fan"),
    ("vacuum cleaner", "fridge", "led lamps", "desktop"),
    ("fan", "desktop", "gaming computer", "television", "led lamps", "fridge"),
)
# Of each channel; the smallest that has to be named within the bound is 20 W.
WELDED_DW = (200, 210, 250, 400, 1000, 5000, 20_000, 35_000)
WELD_END_S = 60


class Firmware:
    """What of firmware and site this takes, in a namespace of its own."""

    def __init__(self):
        host = {"simhost": ModuleType("simhost")}
        modules = Namespace([SHIMS, FIRMWARE, BOARD_SIDE], host, Path(), print)
        self.channel = modules.load("umeter.core.channel")
        self.limits = modules.load("umeter.core.limits")
        self.sample = modules.load("umeter.core.sample")
        self.pzem = modules.load("umeter.frontend.pzem")
        self.overload = modules.load("umeter.core.supply").OVERLOAD
        self.appliances = modules.load("appliances")
        self.random = modules.load("world").Random


class Flat:
    """One channel with the appliances behind it; its contact stays closed."""

    def __init__(self, firmware, names, seed):
        self._firmware = firmware
        self._random = firmware.random.seeded(seed)
        below = self._random.below
        self.household = firmware.appliances.Household(names, self._random)
        gains = [below(2 * GAIN_PER_MILLE + 1) - GAIN_PER_MILLE for _ in range(2)]
        self._reader = firmware.appliances.Reader(*gains, NOISE)
        pzem = firmware.pzem
        self._sample = pzem.sample({})
        self.channel = firmware.channel.Channel(0, self._sample, P_MAX_DW)
        self.channel.contact = 1
        self.channel.account.credit(10**12)
        self._doc = SimpleNamespace(get=lambda key, index=None: RULE[key])
        self._book = SimpleNamespace(locked=0, limit_tries=0, banned_tries=0, save=lambda: None)
        self._meter = SimpleNamespace(event=self._event, urgent=lambda: None)
        self._units = 0
        self.events = []
        firmware.limits.apply(self._doc, self.channel, self._book, None)

    def _event(self, code, ch=0, a=0, b=0):
        self.events.append((code, a, b))

    def read(self):
        """A second passes, and the module is read. True if the channel was tripped by it."""
        household, sample, channel = self.household, self._sample, self.channel
        household.step(SECOND_MS, self._random)
        voltage_dv = 2290 + self._random.below(21)
        reader = self._reader
        reader.read(household.power_dw, household.apparent, voltage_dv, self._random)
        self._units += household.power_dw * SECOND_MS
        sample.count = self._units // sample.units_per_count % sample.modulus
        sample.power_dw = reader.power_dw
        sample.current_ma = reader.current_ma
        sample.voltage_dv = voltage_dv
        sample.fresh += 1
        channel.tick(SECOND_MS)
        if not channel.due:
            return False
        self._firmware.limits.look(self._meter, self._doc, channel, self._book)
        channel.due = 0
        tripped = bool(channel.claims & self._firmware.overload)
        channel.claims = channel.timer_ms = self._book.locked = self._book.banned_tries = 0
        return tripped

    def pass_s(self, seconds):
        """Read each second."""
        for _ in range(seconds):
            self.read()

    def hold(self, appliance, on):
        """Switch an appliance by hand, for long."""
        appliance.switch(on, self._random)
        appliance.left_ms = DAY_S * SECOND_MS

    def calm_s(self):
        """Seconds in which every reading is as the last one but for its noise."""
        appliances = self.household.appliances
        if any(appliance.restless for appliance in appliances):
            return 0
        return max(0, min(appliance.left_ms for appliance in appliances) // SECOND_MS - 1)

    def skip(self, seconds):
        """Let calm seconds pass without reading."""
        for appliance in self.household.appliances:
            appliance.left_ms -= seconds * SECOND_MS


def confusion(seeds=8, tries=4):
    """Each appliance is switched on by hand, `tries` times with each seed and background.

    {"banned_named", "banned_missed", "ordinary_named", "ordinary_passed"}: how many of them were
    named as banned loads; "appliance_tables": the same by kind.
    """
    firmware = Firmware()
    table = Table(
        "switched on", "is", "named", "passed", title="Banned loads: the confusion matrix"
    )
    sums = {"banned_named": 0, "banned_missed": 0, "ordinary_named": 0, "ordinary_passed": 0}
    for kind in BANNED + ORDINARY:
        named = passed = 0
        for number, background in enumerate(BACKGROUNDS):
            for seed in range(seeds):
                hits = _switched_on(firmware, kind, background, 1 + 1000 * seed + number, tries)
                named += hits
                passed += tries - hits
        banned = kind in BANNED
        sums["banned_named" if banned else "ordinary_named"] += named
        sums["banned_missed" if banned else "ordinary_passed"] += passed
        wrong = passed if banned else named
        style = "yellow" if wrong else ""
        table.add_row(
            kind, "banned" if banned else "ordinary", str(named), str(passed), style=style
        )
    return {**sums, "appliance_tables": [table]}


def _switched_on(firmware, kind, background, seed, tries):
    """How many of the switchings-on are named."""
    flat = Flat(firmware, (*background, kind), seed)
    *others, tried = flat.household.appliances
    for appliance in others:
        flat.hold(appliance, True)
    hits = 0
    for _ in range(tries):
        flat.hold(tried, False)
        flat.pass_s(2 * CALM_S)
        flat.events.clear()
        flat.hold(tried, True)
        flat.pass_s(2 * CALM_S)
        hits += any(code == "load.banned" for code, _, _ in flat.events)
    return hits


def false_trips(days=30, seed=1):
    """{"false_trips_30_days"}: trips of ordinary loads in eight flats in so many days.

    Every reading in which anything can have changed is taken; hours in which nothing runs that
    changes by itself are passed over.
    """
    numbers = range(len(FLATS))
    with ProcessPoolExecutor() as pool:
        trips = sum(pool.map(_trips, numbers, [days] * len(FLATS), [seed] * len(FLATS)))
    return {"false_trips_30_days": trips}


def _trips(number, days, seed):
    """Trips in one flat."""
    flat = Flat(Firmware(), FLATS[number], seed + 17 * number)
    trips = 0
    left_s = days * DAY_S
    quiet_s = 0
    while left_s > 0:
        calm_s = flat.calm_s()
        quiet_s = quiet_s + 1 if calm_s else 0
        if quiet_s > CALM_S < calm_s:
            flat.skip(calm_s)
            left_s -= calm_s
        trips += flat.read()
        left_s -= 1
    return trips


def weld(seed=1):
    """{"weld_detect_s_max"}: from the opening of a welded contact to its event, the longest of
    eight loads of 20 W and more on the simulated board.
    """
    told = "[e[3] for e in app.meter.events._ring if e[2] == 'contact.welded']"
    longest_ms = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        open_board(
            runtime="cpython",
            site=lone_site("weld"),
            workdir=Path(folder),
            loads=list(WELDED_DW),
            seed=seed,
        ) as sim,
    ):
        for index in range(len(WELDED_DW)):
            account = f"app.meter.channels[{index}].account"
            sim.ask("eval", expression=f"{account}.credit(1_000_000_000)")
        sim.run_for(20_000)
        for ch in range(1, len(WELDED_DW) + 1):
            sim.ask("fault", kind="noise", ch=ch, value=NOISE)
            sim.ask("fault", kind="welded", ch=ch, value=True)
            sim.ask("eval", expression=f"setattr(app.meter.channels[{ch - 1}], 'claims', 4)")
            sim.run_for(300)  # they open at different moments of the bus's round
        waiting = {ch: at_ms for at_ms, ch, closed in sim.edges() if not closed}
        if len(waiting) < len(WELDED_DW):
            raise RuntimeError(f"only the contacts {sorted(waiting)} have opened")
        end_ms = sim.now_ms + WELD_END_S * SECOND_MS
        while waiting and sim.now_ms < end_ms:
            sim.run_for(100)
            for ch in set(sim.ask("eval", expression=told)["value"]) & waiting.keys():
                longest_ms = max(longest_ms, sim.now_ms - waiting.pop(ch))
    if waiting:
        raise RuntimeError(f"the welded contacts {sorted(waiting)} were never named")
    return {"weld_detect_s_max": round(longest_ms / SECOND_MS, 1)}
