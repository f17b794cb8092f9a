"""Builds what board.json describes: relays, front ends with their buses, inputs.

The only reader of board.json and site.json. Both were judged where they were written, by
tools/umeter_deploy; here only the stamp of that is looked at.
"""

import json
from binascii import crc32, unhexlify

import machine
from micropython import const

from umeter.core.sample import Sample
from umeter.hal.relay import GpioRelays

_GLITCH_NS = const(12_700)
_MAX_W = const(25_000)  # 100 A of the largest front end, at 250 V


def _read(path):
    try:
        with open(path, "rb") as file:
            text = file.read()
        doc = json.loads(text)
        # umeter_deploy/stamp.py; the 2 is the format.
        if text[:22] == b'{"checked":"%08x",' % crc32(b"2" + text[22:]):
            return doc
        fault = "was not checked, or was changed since: umeter check writes one that is"
    except OSError:
        fault = "is not there: copy it to the board first"
    except ValueError:
        fault = "is not valid JSON"
    raise ValueError(path + " " + fault)


def load_site(path="site.json"):
    """What was checked of site.json (tools/umeter_deploy/site_check.py), `key` as 32 bytes.
    ValueError says in one sentence what is wrong.
    """
    doc = _read(path)
    doc["key"] = unhexlify(doc["key"])
    return doc


class Board:
    """What the meter is made of.

    front_end(name) gives the module of a front end, imported for the boards that use it.
    relays: GpioRelays. buses: everything to poll(dt_ms) in a tick. By channel index: samples
    (core's Sample) and p_max_dw. power_fail() tells
    whether the supply is about to end; None on a board without that input. inputs: what a hand
    moves, one of the buses, waiting for its `meter`; None on a board without.
    """

    def __init__(self, doc, front_end):
        self._front_end = front_end
        self.name = doc["name"]
        relays = doc["relays"]
        # First of all: this opens every contact.
        self.relays = GpioRelays(machine.Pin, relays["pins"], relays["active"] == "high")
        self.samples = []
        self.p_max_dw = []
        self.buses = []
        modules = {}
        for channel in doc["channels"]:
            self.p_max_dw.append(channel.get("max_w", _MAX_W) * 10)
            if channel["frontend"] == "pzem":
                modules.setdefault(channel["bus"], []).append(self._add_module(channel))
            else:
                self._add_pulses(channel)
        for name in modules:
            self._add_bus(doc["buses"][name], modules[name])
        self.power_fail = None
        if "power_fail" in doc:
            level = 1 if doc["power_fail"]["active"] == "high" else 0
            pin = machine.Pin(doc["power_fail"]["pin"], machine.Pin.IN)
            self.power_fail = lambda: pin.value() == level
        self.inputs = None
        buttons = [(i, c["button"]) for i, c in enumerate(doc["channels"]) if "button" in c]
        if buttons or "cover" in doc:
            from umeter.hal.inputs import Inputs

            self.inputs = Inputs(machine.Pin, doc.get("cover"), buttons)
            self.buses.append(self.inputs)

    def _add_module(self, channel):
        pzem = self._front_end("pzem")
        sample = Sample(pzem.UNITS_PER_COUNT, pzem.MODULUS, True)
        if channel.get("volts_behind_contact"):
            sample.behind = 1
        self.samples.append(sample)
        return (channel["address"], sample)

    def _add_pulses(self, channel):
        s0 = self._front_end("s0")
        sample = Sample(s0.units_per_count(channel["imp_per_kwh"]), s0.MODULUS)
        self.samples.append(sample)
        unit = len(self.buses)  # only pulse inputs are in it so far
        counter = machine.Counter(
            unit,
            machine.Pin(channel["pin"], machine.Pin.IN),
            # The output transistor pulls the line down: with that edge a pulse begins.
            edge=machine.Counter.FALLING,
            # All that the hardware can; the rest is the RC at the input.
            filter_ns=_GLITCH_NS,
        )
        self.buses.append(s0.S0Input(counter, sample, channel["imp_per_kwh"]))

    def _add_bus(self, bus, modules):
        options = {"tx": bus["tx"], "rx": bus["rx"], "timeout": 0}
        if bus.get("invert_tx"):
            options["invert"] = machine.UART.INV_TX
        uart = machine.UART(bus["id"], baudrate=bus.get("baud", 9600), **options)
        self.buses.append(self._front_end("pzem").PzemBus(uart, modules))


def load(front_end, path="board.json"):
    """The Board of a checked board.json. ValueError says in one sentence what is wrong."""
    return Board(_read(path), front_end)
