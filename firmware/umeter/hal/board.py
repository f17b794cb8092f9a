"""Builds what board.json describes: relays, front ends with their buses, inputs.

The only reader of board.json and site.json. Both were judged where they were written, by
tools/umeter_deploy; here only the stamp of that is looked at.
"""

import json
from binascii import crc32, unhexlify

import machine
from micropython import const

_GLITCH_NS = const(12_700)
_I2C_US = const(5000)
_MAX_W = const(25_000)  # 100 A of the largest front end, at 250 V
# Parts of board.json with a module of that name; `make(doc, port)` gives what is polled.
_DEVICES = ("inputs", "hand")


def _read(path):
    try:
        with open(path, "rb") as file:
            text = file.read()
        doc = json.loads(text)
        # umeter_deploy/stamp.py; the 3 is the format.
        if text[:22] == b'{"checked":"%08x",' % crc32(b"3" + text[22:]):
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

    part(name) gives the module umeter.<name>: what no channel and no relay uses is not imported.
    relays: `set(index, closed)`. buses: everything to poll(dt_ms) in a tick. By channel index:
    samples (core's Sample) and p_max_dw. devices: what waits for its `meter`. power_fail() tells
    whether the supply is about to end; None on a board without that input.
    """

    def __init__(self, doc, part):
        self._doc = doc
        self._ports = {}
        self._counters = 0
        self.name = doc["name"]
        self.buses = []
        self.devices = []
        # First of all: this opens every contact.
        self.relays = part("hal.relay_" + doc["relays"]["type"]).make(doc["relays"], self.port)
        if hasattr(self.relays, "poll"):
            self._add(self.relays)
        self.samples = []
        self.p_max_dw = []
        self._add_front_ends(part)
        self.power_fail = None
        if "power_fail" in doc:
            level = 1 if doc["power_fail"]["active"] == "high" else 0
            pin = machine.Pin(doc["power_fail"]["pin"], machine.Pin.IN)
            self.power_fail = lambda: pin.value() == level
        for name in _DEVICES:
            if name in doc:
                self._add(part("hal." + name).make(doc, self.port))

    def _add(self, device):
        self.buses.append(device)
        self.devices.append(device)

    def _add_front_ends(self, part):
        groups = []  # (front end, bus), [(channel, sample)]
        for channel in self._doc["channels"]:
            key = channel["frontend"], channel.get("bus")
            sample = part("frontend." + key[0]).sample(channel)
            if channel.get("volts_behind_contact"):
                sample.behind = 1
            self.samples.append(sample)
            self.p_max_dw.append(channel.get("max_w", _MAX_W) * 10)
            for there, members in groups:
                if there == key:
                    members.append((channel, sample))
                    break
            else:
                groups.append((key, [(channel, sample)]))
        for (kind, bus), members in groups:
            self.buses += part("frontend." + kind).attach(self.port(bus), members)

    def port(self, name):
        """What board.json calls a bus: a machine.UART, I2C or SPI, opened once. Without a name,
        what makes a pulse counter of a GPIO.
        """
        if name is None:
            return self._counter
        if name not in self._ports:
            bus = self._doc["buses"][name]
            self._ports[name] = _OPEN[bus["type"]](bus)
        return self._ports[name]

    def _counter(self, gpio):
        unit = self._counters
        self._counters += 1
        return machine.Counter(
            unit,
            machine.Pin(gpio, machine.Pin.IN),
            # The output transistor pulls the line down: with that edge a pulse begins.
            edge=machine.Counter.FALLING,
            # All that the hardware can; the rest is the RC at the input.
            filter_ns=_GLITCH_NS,
        )


def _uart(bus):
    options = {"tx": bus["tx"], "rx": bus["rx"], "timeout": 0}
    for key in ("parity", "stop"):
        if key in bus:
            options[key] = bus[key]
    if bus.get("invert_tx"):
        options["invert"] = machine.UART.INV_TX
    uart = machine.UART(bus["id"], baudrate=bus.get("baud", 9600), **options)
    if "de" in bus:
        from umeter.hal.rs485 import Rs485

        return Rs485(uart, machine.Pin(bus["de"], machine.Pin.OUT, value=0))
    return uart


def _i2c(bus):
    pin = machine.Pin
    hertz = bus.get("hertz", 100_000)
    # The default of 50 ms would be a late tick for each transfer on a bus that is held low.
    scl, sda = pin(bus["scl"]), pin(bus["sda"])
    return machine.I2C(bus["id"], scl=scl, sda=sda, freq=hertz, timeout=_I2C_US)


def _spi(bus):
    from umeter.hal.spi import Spi

    pin = machine.Pin
    return Spi(
        machine.SPI(
            bus["id"],
            baudrate=bus.get("hertz", 1_000_000),
            polarity=bus.get("polarity", 0),
            phase=bus.get("phase", 0),
            sck=pin(bus["sck"]),
            mosi=pin(bus["mosi"]),
            miso=pin(bus["miso"]),
        )
    )


_OPEN = {"uart": _uart, "i2c": _i2c, "spi": _spi}


def load(part, path="board.json"):
    """The Board of a checked board.json. ValueError says in one sentence what is wrong."""
    return Board(_read(path), part)
