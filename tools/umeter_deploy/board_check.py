"""The rules of board.json, as far as they are not those of one kind of part (kinds).

Pure. The board itself has none of them: it looks for the stamp of this check (stamp.py).
"""

import importlib
import pkgutil
from types import ModuleType
from typing import Any

from umeter_deploy import board_about, kinds
from umeter_deploy.board_kit import (
    LEVELS,
    Kit,
    flag,
    kind_of,
    listed,
    number,
    one_of,
    refuse,
    table,
)
from umeter_deploy.board_pins import PINS

_NAMES = tuple(module.name for module in pkgutil.iter_modules(kinds.__path__))
FRONT_ENDS = tuple(name[6:] for name in _NAMES if name.startswith("front_"))
RELAYS = tuple(name[6:] for name in _NAMES if name.startswith("relay_"))
PARTS = tuple(name[5:] for name in _NAMES if name.startswith("part_"))


def kind(name: str) -> ModuleType:
    """The rules of one kind: front_pzem, relay_gpio."""
    return importlib.import_module("umeter_deploy.kinds." + name)


def check(document: Any) -> Kit:
    """document: the parsed board.json. What it uses, by pin. ValueError, one sentence with the
    key's path, says what is wrong and what would be right.
    """
    optional = ("psram", "buses", "led", "power_fail", "cover", "allow_strapping", "about", *PARTS)
    table("the document", document, ("name", "mcu", "relays", "channels"), optional)
    return check_so_far(document)


def check_so_far(document: dict[str, Any]) -> Kit:
    """The same for a document that may still lack relays and channels."""
    one_of("mcu", document["mcu"], tuple(PINS))
    if not isinstance(document["name"], str) or not 0 < len(document["name"]) <= 32:
        refuse("name", document["name"], "a text of 1 to 32 characters")
    if "psram" in document:
        there = tuple(PINS[document["mcu"]].psram) or ("(left out: none fits this chip)",)
        one_of("psram", document["psram"], there)
    kit = Kit(document)
    _strapping(kit, document.get("allow_strapping", {}))
    buses = document.get("buses", {})
    if not isinstance(buses, dict):
        refuse("buses", buses, "an object of named buses")
    for name in buses:
        _bus(kit, "buses." + name, buses[name])
    if "relays" in document:
        kit.contacts = _relays(kit, document["relays"])
        if "channels" in document:
            listed("channels", document["channels"], kit.contacts)
            for i, channel in enumerate(document["channels"]):
                _channel(kit, "channels[%d]" % i, channel)
            _one_owner(document)
    _single_pins(kit, document)
    for part in PARTS:
        if part in document:
            kind("part_" + part).check(kit, part, document[part])
    if "about" in document:
        board_about.check(document["about"])
    return kit


def for_board(document: dict[str, Any]) -> dict[str, Any]:
    """A document that was found good, as the board gets it: `safe`, the steps with which boot.py
    opens every contact, `inputs`, and what the kinds of relays and front ends have worked out.
    """
    made = {key: value for key, value in document.items() if key not in _NOT_FOR_BOARD}
    relays = document["relays"]
    rules = kind("relay_" + relays["type"])
    made["relays"] = {**relays, **rules.derived(relays)}
    made["safe"] = rules.safe(relays, document)
    made["channels"] = []
    buttons = {}
    for i, channel in enumerate(document["channels"]):
        more = kind("front_" + channel["frontend"]).derived(channel, document)
        made["channels"].append({**channel, **more})
        if "button" in channel:
            buttons[str(i + 1)] = channel["button"]
    if buttons or "cover" in document:
        made["inputs"] = {"buttons": buttons}
        if "cover" in document:
            made["inputs"]["cover"] = document["cover"]
    return made


_NOT_FOR_BOARD = ("psram", "allow_strapping", "about", "cover")


def _relays(kit: Kit, relays: Any) -> int:
    return kind("relay_" + kind_of("relays", relays, "type", RELAYS)).check(kit, "relays", relays)


def _single_pins(kit: Kit, document: dict[str, Any]) -> None:
    if "power_fail" in document:
        table("power_fail", document["power_fail"], ("pin", "active"))
        one_of("power_fail.active", document["power_fail"]["active"], LEVELS)
        kit.pin("power_fail.pin", document["power_fail"]["pin"], False)
    if "cover" in document:
        table("cover", document["cover"], ("gpio",), ("active_low",))
        flag("cover", document["cover"], "active_low")
        kit.pin("cover.gpio", document["cover"]["gpio"], False)
    if "led" in document:
        table("led", document["led"], ("pin", "active"))
        one_of("led.active", document["led"]["active"], LEVELS)
        kit.pin("led.pin", document["led"]["pin"], True)


def _strapping(kit: Kit, allowed: Any) -> None:
    path = "allow_strapping"
    table(path, allowed, (), tuple(str(gpio) for gpio in kit.mcu.strapping))
    for gpio, reason in allowed.items():
        if not isinstance(reason, str) or len(reason) < 10:
            refuse(path + "." + gpio, reason, "the reason why this pin may be used, in words")


def _bus(kit: Kit, path: str, bus: Any) -> None:
    kind_of(path, bus, "type", ("uart", "i2c", "spi"))
    if bus["type"] == "uart":
        more = ("baud", "invert_tx", "parity", "stop", "de")
        table(path, bus, ("type", "id", "tx", "rx"), more)
        one_of(path + ".id", bus["id"], kit.mcu.uarts)
        kit.claim(path + ".id", "UART", bus["id"])
        kit.pin(path + ".tx", bus["tx"], True)
        kit.pin(path + ".rx", bus["rx"], False)
        if "de" in bus:
            kit.pin(path + ".de", bus["de"], True)
        number(path + ".baud", bus.get("baud", 9600), 1200, 115_200)
        one_of(path + ".parity", bus.get("parity"), (None, 0, 1))
        one_of(path + ".stop", bus.get("stop", 1), (1, 2))
        flag(path, bus, "invert_tx")
    elif bus["type"] == "i2c":
        table(path, bus, ("type", "id", "scl", "sda"), ("hertz",))
        one_of(path + ".id", bus["id"], kit.mcu.i2cs)
        kit.claim(path + ".id", "I2C", bus["id"])
        kit.pin(path + ".scl", bus["scl"], True)
        kit.pin(path + ".sda", bus["sda"], True)
        one_of(path + ".hertz", bus.get("hertz", 100_000), (100_000, 400_000))
    else:
        more = ("hertz", "polarity", "phase")
        table(path, bus, ("type", "id", "sck", "mosi", "miso"), more)
        one_of(path + ".id", bus["id"], kit.mcu.spis)
        kit.claim(path + ".id", "SPI", bus["id"])
        kit.pin(path + ".sck", bus["sck"], True)
        kit.pin(path + ".mosi", bus["mosi"], True)
        kit.pin(path + ".miso", bus["miso"], False)
        number(path + ".hertz", bus.get("hertz", 1_000_000), 100_000, 10_000_000)
        one_of(path + ".polarity", bus.get("polarity", 0), (0, 1))
        one_of(path + ".phase", bus.get("phase", 0), (0, 1))


def _channel(kit: Kit, path: str, channel: Any) -> None:
    rules = kind("front_" + kind_of(path, channel, "frontend", FRONT_ENDS))
    if rules.BUSES:
        kit.bus(path + ".bus", channel.get("bus"), *rules.BUSES)
    else:
        kit.counter(path)
    rules.check(kit, path, channel)
    number(path + ".max_w", channel.get("max_w", 25_000), 100, 25_000)
    if "button" in channel:
        kit.pin(path + ".button", channel["button"], False)


def _one_owner(document: dict[str, Any]) -> None:
    """A UART is one front end's, or the relays': each has a pace of its own."""
    owners: dict[str, str] = {}
    relays = document["relays"]
    users = [("relays", relays["type"], relays.get("bus"))]
    users += [
        ("channels[%d]" % i, channel["frontend"], channel.get("bus"))
        for i, channel in enumerate(document["channels"])
    ]
    for path, what, name in users:
        bus = document.get("buses", {}).get(name)
        if bus and bus["type"] == "uart" and owners.setdefault(name, what) != what:
            refuse(path + ".bus", name, "another UART: this one has %s on it" % owners[name])
