"""The local hand: buttons that the consumers share, LED, buzzer, display.

"hand": {"select": gpio, "act": gpio, "maintenance": gpio, "buzzer": {"pin", "active"} or {"pin",
"tone_hz"}, "display": {"bus", "address"}}, each of them optional. `maintenance` may be the pin of
`select`. The board's own "led" is driven where there is a hand.
"""

from typing import Any

from umeter_deploy.board_kit import LEVELS, Kit, number, one_of, refuse, table

_KEYS = ("select", "act", "maintenance", "buzzer", "display")
_ADDRESSES = (0x3C, 0x3D)


def check(kit: Kit, path: str, hand: dict[str, Any]) -> None:
    table(path, hand, (), _KEYS)
    if not hand and "led" not in kit.document:
        refuse(
            path,
            hand,
            "an object with at least one of %s, or there must be a led" % ", ".join(_KEYS),
        )
    for key in ("select", "act", "maintenance"):
        if key in hand and not (key == "maintenance" and hand[key] == hand.get("select")):
            kit.pin("%s.%s" % (path, key), hand[key], False)
    if "act" in hand and len(kit.document["channels"]) > 1 and not {"select", "display"} & {*hand}:
        raise ValueError(
            "board.json: %s.act is for the user whom %s.select selects or %s.display shows;"
            " with several channels add one of them" % (path, path, path)
        )
    if "buzzer" in hand:
        _buzzer(kit, path + ".buzzer", hand["buzzer"])
    if "display" in hand:
        _display(kit, path + ".display", hand["display"])


def _buzzer(kit: Kit, path: str, buzzer: Any) -> None:
    if isinstance(buzzer, dict) and "tone_hz" in buzzer:
        table(path, buzzer, ("pin", "tone_hz"))
        number(path + ".tone_hz", buzzer["tone_hz"], 200, 10_000)
    else:
        table(path, buzzer, ("pin",), ("active", "tone_hz"))
        if "active" not in buzzer:
            refuse(
                path,
                buzzer,
                "with active (the level that makes a buzzer sound), or with"
                " tone_hz (for one without a sound of its own)",
            )
        one_of(path + ".active", buzzer["active"], LEVELS)
    kit.pin(path + ".pin", buzzer["pin"], True)


def _display(kit: Kit, path: str, display: Any) -> None:
    table(path, display, ("bus",), ("address",))
    kit.bus(path + ".bus", display["bus"], "i2c")
    address = display.get("address", _ADDRESSES[0])
    one_of(path + ".address", address, _ADDRESSES)
    kit.claim(path + ".address", "module", address, "of bus", display["bus"])
