"""The rules of board.json.

Pure. The board itself has none of them: it looks for the stamp of this check (stamp.py).

Pin facts of the classic ESP32: GPIO 6-11 carry the flash, 1 and 3 the console, 34-39 have no
output driver, 0 2 5 12 15 are read at reset to choose how the chip starts, 20, 24 and 28-31 are
not brought out (Espressif ESP32 datasheet, boot mode guide).
"""

from typing import Any

_STRAPPING = (0, 2, 5, 12, 15)
_NOT_THERE = (20, 24, 28, 29, 30, 31)
_MAX_CHANNELS = 8
_LEVELS = ("high", "low")


def _refuse(path, value, right):
    raise ValueError("board.json: %s is %r, it must be %s" % (path, value, right))


def _object(path, value, required, optional=()):
    known = ", ".join(required + optional)
    if not isinstance(value, dict):
        _refuse(path, value, "an object with the keys " + known)
    for key in list(value) + list(required):
        if key not in value or key not in required + optional:
            fault = "has an unknown" if key in value else "lacks the"
            raise ValueError(
                "board.json: %s %s key %r, its keys are %s" % (path, fault, key, known)
            )


def _one_of(path, value, choices):
    if value not in choices:
        _refuse(path, value, "one of: " + ", ".join(choices))


def _number(path, value, low, high):
    if type(value) is not int or not low <= value <= high:
        _refuse(path, value, "a whole number from %d to %d" % (low, high))


def _list(path, value, longest):
    if not isinstance(value, list) or not 0 < len(value) <= longest:
        _refuse(path, value, "a list of 1 to %d" % longest)


class _Check:
    def __init__(self, doc):
        self._doc = doc
        self._uses = {}

    def _claim(self, path, thing):
        if thing in self._uses:
            raise ValueError(
                "board.json: %s is %s, which is taken by %s; give each its own"
                % (path, thing, self._uses[thing])
            )
        self._uses[thing] = path

    def _pin(self, path, pin, output):
        _number(path, pin, 0, 39)
        if 6 <= pin <= 11:
            _refuse(path, pin, "another pin: GPIO 6-11 carry the flash")
        if pin in (1, 3):
            _refuse(path, pin, "another pin: GPIO 1 and 3 are the console")
        if pin in _NOT_THERE:
            _refuse(path, pin, "another pin: this one is not brought out")
        if output and pin >= 34:
            _refuse(path, pin, "a pin below 34: GPIO 34-39 are inputs only")
        if pin in _STRAPPING and str(pin) not in self._doc.get("allow_strapping", ()):
            _refuse(path, pin, 'no strapping pin, unless allow_strapping says {"%d": "why"}' % pin)
        self._claim(path, "GPIO %d" % pin)

    def _flag(self, path, table, key):
        if not isinstance(table.get(key, False), bool):
            _refuse(path + "." + key, table[key], "true or false")

    def _strapping(self, allowed):
        path = "allow_strapping"
        _object(path, allowed, (), tuple(str(pin) for pin in _STRAPPING))
        for pin, reason in allowed.items():
            if not isinstance(reason, str) or len(reason) < 10:
                _refuse(path + "." + pin, reason, "the reason why this pin may be used, in words")

    def _relays(self, relays):
        _object("relays", relays, ("type", "pins", "active"))
        _one_of("relays.type", relays["type"], ("gpio",))
        _one_of("relays.active", relays["active"], _LEVELS)
        _list("relays.pins", relays["pins"], _MAX_CHANNELS)
        for i, pin in enumerate(relays["pins"]):
            self._pin("relays.pins[%d]" % i, pin, True)

    def _bus(self, path, bus):
        _object(path, bus, ("type", "id", "tx", "rx"), ("baud", "invert_tx"))
        _one_of(path + ".type", bus["type"], ("uart",))
        _number(path + ".id", bus["id"], 1, 2)
        self._claim(path + ".id", "UART %d" % bus["id"])
        self._pin(path + ".tx", bus["tx"], True)
        self._pin(path + ".rx", bus["rx"], False)
        _number(path + ".baud", bus.get("baud", 9600), 1200, 115_200)
        self._flag(path, bus, "invert_tx")

    def _channel(self, path, channel):
        common = ("frontend",)
        kind = channel.get("frontend") if isinstance(channel, dict) else None
        if kind == "pzem":
            optional = ("max_w", "button", "volts_behind_contact")
            _object(path, channel, common + ("bus", "address"), optional)
            buses = tuple(self._doc.get("buses", ())) or ("(buses is empty)",)
            _one_of(path + ".bus", channel["bus"], buses)
            _number(path + ".address", channel["address"], 1, 0xF7)
            self._claim(path + ".address", "module %(address)d of bus %(bus)s" % channel)
            self._flag(path, channel, "volts_behind_contact")
        elif kind == "s0":
            _object(path, channel, common + ("pin", "imp_per_kwh"), ("max_w", "button"))
            self._pin(path + ".pin", channel["pin"], False)
            imp = channel["imp_per_kwh"]
            _number(path + ".imp_per_kwh", imp, 100, 100_000)
            if 36_000_000_000 % imp:
                _refuse(path + ".imp_per_kwh", imp, "a divisor of 36000000000")
        else:
            _object(path, channel, common, tuple(channel) if isinstance(channel, dict) else ())
            _one_of(path + ".frontend", kind, ("pzem", "s0"))
        _number(path + ".max_w", channel.get("max_w", 25_000), 100, 25_000)
        if "button" in channel:
            self._pin(path + ".button", channel["button"], False)

    def run(self):
        doc = self._doc
        optional = ("buses", "led", "power_fail", "cover", "allow_strapping")
        _object("the document", doc, ("name", "mcu", "relays", "channels"), optional)
        _one_of("mcu", doc["mcu"], ("esp32",))
        if not isinstance(doc["name"], str) or not 0 < len(doc["name"]) <= 32:
            _refuse("name", doc["name"], "a text of 1 to 32 characters")
        self._strapping(doc.get("allow_strapping", {}))
        self._relays(doc["relays"])
        buses = doc.get("buses", {})
        if not isinstance(buses, dict):
            _refuse("buses", buses, "an object of named buses")
        for name in buses:
            self._bus("buses." + name, buses[name])
        channels = doc["channels"]
        _list("channels", channels, len(doc["relays"]["pins"]))
        for i, channel in enumerate(channels):
            self._channel("channels[%d]" % i, channel)
        if "power_fail" in doc:
            _object("power_fail", doc["power_fail"], ("pin", "active"))
            _one_of("power_fail.active", doc["power_fail"]["active"], _LEVELS)
            self._pin("power_fail.pin", doc["power_fail"]["pin"], False)
        if "cover" in doc:
            _object("cover", doc["cover"], ("gpio",), ("active_low",))
            self._flag("cover", doc["cover"], "active_low")
            self._pin("cover.gpio", doc["cover"]["gpio"], False)
        if "led" in doc:
            _object("led", doc["led"], ("pin", "active"))
            _one_of("led.active", doc["led"]["active"], _LEVELS)
            self._pin("led.pin", doc["led"]["pin"], True)


def check(doc: Any) -> None:
    """doc: the parsed board.json. ValueError, one sentence with the key's path, says what is wrong
    and what would be right.
    """
    _Check(doc).run()
