"""Front ends on their simulated chips, every steady poll with the heap locked."""

import json

import micropython
from chip_rig import Counter, Load, Rig, World

TICK_MS = 100


class _Tuning:
    def __init__(self):
        self.gain_ppm = 1500
        self.creep_dw = 12


def _polls(bus, world, count, loads=()):
    for _ in range(count):
        world.advance(TICK_MS)
        for load in loads:  # its truth soon is no small int
            load.settle(world.ticks)
        micropython.heap_lock()
        try:
            bus.poll(TICK_MS)
        finally:
            micropython.heap_unlock()


def _told(samples):
    """No name of the firmware may be in a string: it has others on the board."""
    return [
        [s.count, s.power_dw, s.voltage_dv, s.current_ma, s.fresh, s.bad_frames, s.rewritten]
        for s in samples
    ]


def _on_wire(front_end, chip_class, groups, baud):
    """What is told after a steady minute, bad frames, a dip of the supply, and tuning."""
    rig = Rig(chip_class, groups, baud)
    channels = []
    for group in groups:
        channels += group["channels"]
    samples = [front_end.sample(channel) for channel in channels]
    members = [(channels[i], samples[i]) for i in range(len(channels))]
    bus = front_end.attach(rig.uart, members)[0]
    for i in range(len(rig.loads)):
        rig.loads[i].set(3000 + 20000 * i)
    told = []
    _polls(bus, rig.world, 200)
    told.append(_told(samples))
    rig.wire.garble = 3
    rig.wire.late_ms = 80
    _polls(bus, rig.world, 20)
    rig.wire.late_ms = 0
    _polls(bus, rig.world, 40)
    told.append(_told(samples))
    for chip in rig.chips:
        chip.reset()
    for sample in samples:
        sample.tuning = _Tuning()
    _polls(bus, rig.world, 200)
    told.append(_told(samples))
    return told


def _pulses(front_end, chip_class, channel):
    world = World()
    chip = chip_class(world, {"channels": [channel]})
    load = Load(chip, world)
    sample = front_end.sample(channel)
    bus = front_end.attach(lambda pin: Counter(chip), [(channel, sample)])[0]
    told = []
    for power_dw in (70000, 460, 0):
        load.set(power_dw)
        _polls(bus, world, 150, [load])
        told.append(_told([sample]))
    sample.tuning = _Tuning()
    load.set(20000)
    _polls(bus, world, 150, [load])
    told.append(_told([sample]))
    return told


def run(arg):
    """arg: JSON of {kind: groups}. JSON of what each has told."""
    told = {}
    for kind, groups in json.loads(arg).items():
        front_end = __import__("umeter.frontend." + kind, None, None, ("sample",))
        chip_class = __import__("chip_" + kind).Chip
        if kind == "hlw8012":
            told[kind] = [_pulses(front_end, chip_class, one["channels"][0]) for one in groups]
        else:
            baud = groups[0]["bus"]["baud"]
            told[kind] = _on_wire(front_end, chip_class, groups, baud)
    return json.dumps(told)
