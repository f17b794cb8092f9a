"""The place where the board hangs: contacts, loads, metering modules, and what can go wrong with
them.
"""

import loads
import modules
import simhost
from micropython import const
from wire import Wire

_MASK = const(0x3FFFFFFF)
_STEP_MS = const(500)  # one load after the other gets its next demand
_DAY_S = const(86400)
_FAULTS = ("dead", "stuck", "lost", "garbled", "noise", "welded", "jammed", "swapped")


class Place:
    """One channel's contact, load and module. `relay` is what the pin says of the contact."""

    def __init__(self, wiring, meter, want, state, random):
        self.pin = wiring["relay"]
        self.closing_level = 1 if wiring["active_high"] else 0
        self.uart = wiring.get("uart", -1)
        self.meter = meter
        self.relay = False
        self.welded = state.get("welded", False)  # it feeds whatever the relay does
        self.jammed = state.get("jammed", False)  # it does not, whatever the relay does
        self.load = loads.Load(
            meter,
            state.get("want", want),
            loads.Tally(state.get("wh", 0), state.get("residual", 0)),
        )
        self.load.set_want(self.load.want, random)
        self.load.closed = self.fed
        meter.load = self.load

    @property
    def fed(self):
        """Is the contact itself closed?"""
        return self.welded or (self.relay and not self.jammed)

    def state(self):
        return {
            "wh": self.load.energy.wh,
            "residual": self.load.energy.residual,
            "want": self.load.want,
            "welded": self.welded,
            "jammed": self.jammed,
            "meter": self.meter.state(),
        }


class Site:
    """All places, as wired by the board's document. An agent that lets the day go on."""

    def __init__(self, world, wiring, wants, state=None):
        self.due = -1
        self._world = world
        self._turn = 0
        self._day_offset_s = world.start_unix % _DAY_S
        self.places = []
        for i in range(len(wiring)):
            was = state[i] if state else {}
            meter = self._meter(wiring[i], was.get("meter"))
            want = wants[i % len(wants)]
            self.places.append(Place(wiring[i], meter, want, was, world.random))
        self._wires = {}
        for place in self.places:
            self.wire(place.uart)
            place.load.step(0, self._day_s(), world.random)
        world.attach(self)
        world.wake(self, _STEP_MS)

    def _meter(self, wiring, state):
        if "address" in wiring:
            meter = modules.Pzem(wiring["address"], self._world, state)
            meter.behind = wiring.get("behind", False)
            return meter
        return modules.S0Meter(wiring["pin"], wiring["imp_per_kwh"], self._world, state)

    def wire(self, uart):
        """The Wire of UART number `uart`."""
        if uart not in self._wires:
            there = [p.meter for p in self.places if p.uart == uart]
            self._wires[uart] = Wire(self._world, there)
        return self._wires[uart]

    def pulse_meter(self, pin):
        for place in self.places:
            if isinstance(place.meter, modules.S0Meter) and place.meter.pin == pin:
                return place.meter
        raise ValueError("nothing that pulses is wired to pin %r" % pin)

    def pin_driven(self, pin, level):
        """An output pin has this level now."""
        for i in range(len(self.places)):
            place = self.places[i]
            if place.pin == pin:
                closed = level == place.closing_level
                if closed != place.relay:
                    place.relay = closed
                    simhost.edge(i + 1, 1 if closed else 0)
                    place.load.switch(place.fed, self._world.ticks)

    def happen(self, now):
        place = self.places[self._turn]
        self._turn = (self._turn + 1) % len(self.places)
        place.load.step(now, self._day_s(), self._world.random)
        place.meter.voltage_dv = 2290 + self._world.random.below(21)
        self._world.wake(self, (now + _STEP_MS) & _MASK)

    def _day_s(self):
        return (self._day_offset_s + self._world.age[0]) % _DAY_S

    def settle(self):
        for place in self.places:
            place.load.settle(self._world.ticks)

    def open_all(self):
        """The chip has let go of its pins: no coil is fed, and this interpreter's last moment is
        settled.
        """
        for i in range(len(self.places)):
            place = self.places[i]
            place.load.switch(False, self._world.ticks)
            if place.relay:
                place.relay = False
                simhost.edge(i + 1, 0)

    def truth(self):
        """What really is, a dict for each channel."""
        self.settle()
        return [
            {
                "wh": p.load.energy.wh,
                "residual": p.load.energy.residual,
                "power_dw": p.load.power_dw,
                "contact": p.load.closed,
                "relay": p.relay,
                "pzem_wh": p.meter.register_wh if isinstance(p.meter, modules.Pzem) else None,
                "pulses": p.meter.pulses if isinstance(p.meter, modules.S0Meter) else None,
            }
            for p in self.places
        ]

    def set_load(self, number, want):
        """Channel `number` wants a constant power in 0.1 W, follows a profile, or has
        appliances.
        """
        load = self._place(number).load
        load.set_want(want, self._world.random)
        load.step(self._world.ticks, self._day_s(), self._world.random)

    def switch(self, number, name, on):
        """Switch an appliance of a channel by hand."""
        household = self._place(number).load.household
        for appliance in household.appliances if household else ():
            if appliance.name == name:
                appliance.switch(on, self._world.random)
                return
        raise ValueError("channel %d has no appliance %s" % (number, name))

    def set_fault(self, kind, number, value):
        """`value`: a bool for dead, stuck, welded, jammed; a count (-1: for ever) for lost,
        garbled; 0.1 per mille for noise; Wh for swapped.
        """
        place = self._place(number)
        if kind in ("welded", "jammed"):
            setattr(place, kind, bool(value))
            place.load.switch(place.fed, self._world.ticks)
        elif kind == "swapped":
            place.load.settle(self._world.ticks)
            place.meter.swap(int(value))
        elif kind in _FAULTS:
            setattr(place.meter.faults, kind, value)
        else:
            raise ValueError("no fault %s: the faults are %s" % (kind, ", ".join(_FAULTS)))

    def _place(self, number):
        if not 1 <= number <= len(self.places):
            raise ValueError("no channel %s on this board" % number)
        return self.places[number - 1]

    def state(self):
        return [p.state() for p in self.places]


site = None  # made by control.power_up()
