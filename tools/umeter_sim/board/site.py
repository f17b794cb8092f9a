"""The place where the board hangs: contacts, loads, metering modules, and what can go wrong with
them.
"""

import fixtures
import loads
import modules
import simhost
from micropython import const
from wire import Wire

_MASK = const(0x3FFFFFFF)
_STEP_MS = const(500)  # one load after the other gets its next demand
_DAY_S = const(86400)
_FAULTS = ("dead", "stuck", "lost", "garbled", "noise", "welded", "jammed", "swapped", "brownout")


class Place:
    """One channel's contact, load and module. `relay` is what the relay's driver says of it."""

    def __init__(self, chip, meter, want, state, random):
        self.chip = chip
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
        }


class Site:
    """All places, as wired by the board's document. An agent that lets the day go on.

    board: board.json as the board has it. chips: what measures, one or more channels each.
    """

    def __init__(self, world, board, wants, state=None):
        self.due = -1
        self._world = world
        self._turn = 0
        self._day_offset_s = world.start_unix % _DAY_S
        state = state or {}
        was = state.get("places") or [{}] * len(board["channels"])
        self.chips, meters = fixtures.chips(board, world, state.get("chips"))
        self.places = []
        for i in range(len(meters)):
            chip, meter = meters[i]
            want = wants[i % len(wants)]
            self.places.append(Place(chip, meter, want, was[i], world.random))
        # Its outputs move contacts at once, if it has kept them.
        self.relays = fixtures.relays(board, world, self.contact, state.get("relays"))
        self.display = fixtures.display(board, world)
        devices = [self.relays, self.display] if self.display else [self.relays]
        self._pins, self._buses = fixtures.wire(board, self.chips, devices)
        self._wires = {}
        for bus, there in self._buses.values():
            if bus["type"] == "uart":
                self._wires[bus["id"]] = Wire(world, there)
        for place in self.places:
            place.load.step(0, self._day_s(), world.random)
        world.attach(self)
        world.wake(self, _STEP_MS)

    def wire(self, uart):
        """The Wire of UART number `uart`."""
        if uart not in self._wires:
            self._wires[uart] = Wire(self._world, [])
        return self._wires[uart]

    def bus(self, kind, number=None, pins=None):
        """What hangs on a bus, by its number or its pins: a list."""
        for bus, there in self._buses.values():
            if bus["type"] == kind and (
                bus["id"] == number if pins is None else pins == (bus["scl"], bus["sda"])
            ):
                return there
        return []

    def pulse_meter(self, pin):
        for chip in self.chips:
            if getattr(chip, "pin", -1) == pin:
                return chip
        raise ValueError("nothing that pulses is wired to pin %r" % pin)

    def pin_driven(self, pin, level):
        """An output pin has this level now."""
        if pin in self._pins:
            for driven in self._pins[pin]:
                driven(pin, level)

    def contact(self, index, closed):
        """A relay's driver lets its contact close, or open."""
        if index >= len(self.places):
            return  # a relay that no channel has
        place = self.places[index]
        if closed != place.relay:
            place.relay = closed
            simhost.edge(index + 1, 1 if closed else 0)
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

    def let_go(self, power):
        """This interpreter's last moment: the chip lets go of its pins, and without `power` all
        that is fed with it falls to rest.
        """
        self.settle()
        self.relays.let_go(power)

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
        garbled; 0.1 per mille for noise; Wh for swapped. brownout: of the metering chip, or of
        what drives the relays for channel 0.
        """
        if kind == "brownout":
            self.settle()
            if number:
                self._place(number).chip.reset()
            else:
                self.relays.brown_out()
            return
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
        return {
            "places": [p.state() for p in self.places],
            "chips": [chip.state() for chip in self.chips],
            "relays": self.relays.state(),
        }


site = None  # made by control.power_up()
