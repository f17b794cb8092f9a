"""What is screwed to the wall, made from board.json: metering chips, what drives the relays, the
display, and which of them hangs on which bus and pin.

A metering chip is Chip(world, group, state) of chip_<frontend>, group {"kind", "bus", "channels"}:
as many channels as share its bus, chip select, address and pin. A relay driver is Device(world,
relays, contact, state) of relay_<type>. Their faces: UART `address`, answer(); I2C `address`,
write(), read(); SPI `cs`, select(), exchange(); GPIO `pins`, pin_driven(); `faces` lists them
where one thing has several.
"""

import modules


class GpioRelays:
    """A relay a pin: drops when the pin is let go."""

    def __init__(self, world, relays, contact, state=None):
        self.pins = relays["pins"]
        self._closing = 1 if relays["active"] == "high" else 0
        self._contact = contact

    def pin_driven(self, pin, level):
        self._contact(self.pins.index(pin), level == self._closing)

    def let_go(self, power):
        self.brown_out()

    def brown_out(self):
        for i in range(len(self.pins)):
            self._contact(i, False)

    def state(self):
        return None


def chips(board, world, states):
    """(all chips, (chip, its meter) of each channel)."""
    groups = []
    for i in range(len(board["channels"])):
        channel = board["channels"][i]
        key = [channel.get(name) for name in ("frontend", "bus", "cs", "address", "pin")]
        for other, indices in groups:
            if other == key:
                indices.append(i)
                break
        else:
            groups.append((key, [i]))
    made = []
    meters = [None] * len(board["channels"])
    for number in range(len(groups)):
        key, indices = groups[number]
        group = {
            "kind": key[0],
            "bus": board["buses"][key[1]] if key[1] else None,
            "channels": [board["channels"][i] for i in indices],
        }
        chip = _chip(group, world, states[number] if states else None)
        chip.bus = key[1]
        made.append(chip)
        for i in range(len(indices)):
            meters[indices[i]] = chip, chip.meters[i]
    return made, meters


def _chip(group, world, state):
    channel = group["channels"][0]
    if group["kind"] == "pzem":
        chip = modules.Pzem(channel["address"], world, state)
        chip.behind = bool(channel.get("volts_behind_contact"))
    elif group["kind"] == "s0":
        chip = modules.S0Meter(channel["pin"], channel["imp_per_kwh"], world, state)
    else:
        return __import__("chip_" + group["kind"]).Chip(world, group, state)
    chip.meters = (chip,)
    return chip


def relays(board, world, contact, state):
    kind = board["relays"]["type"]
    if kind == "gpio":
        return GpioRelays(world, board["relays"], contact)
    device = __import__("relay_" + kind).Device(world, board["relays"], contact, state)
    device.bus = board["relays"].get("bus")
    return device


def display(board, world):
    wired = board.get("hand", {}).get("display")
    if not wired:
        return None
    device = __import__("ssd1306_device").Device(world, wired.get("address", 0x3C))
    device.bus = wired["bus"]
    return device


def wire(board, chips, devices):
    """({gpio: [what is told its level]}, {name: (bus of board.json, what hangs on it)})."""
    pins = {}
    buses = {name: (bus, []) for name, bus in board.get("buses", {}).items()}
    for thing in list(chips) + list(devices):
        for face in getattr(thing, "faces", None) or (thing,):
            name = getattr(thing, "bus", None)
            if name:
                buses[name][1].append(face)
            for pin in getattr(face, "pins", ()):
                pins.setdefault(pin, []).append(face.pin_driven)
            if hasattr(face, "select"):
                pins.setdefault(face.cs, []).append(_select(face))
    return pins, buses


def _select(face):
    return lambda pin, level: face.select(not level)
