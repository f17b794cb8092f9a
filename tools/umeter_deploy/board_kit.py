"""What the rules of board.json are written with: refusals, and who has taken which pin.

A kind of front end, of relays, or of what a hand moves has its rules in umeter_deploy/kinds.
"""

from typing import Any, NoReturn

from umeter_deploy.board_pins import PINS

LEVELS = ("high", "low")


def refuse(path: str, value: Any, right: str) -> NoReturn:
    raise ValueError("board.json: %s is %r, it must be %s" % (path, value, right))


def table(path: str, value: Any, required: tuple = (), optional: tuple = ()) -> None:
    """An object with these keys and no others."""
    known = ", ".join(required + optional)
    if not isinstance(value, dict):
        refuse(path, value, "an object with the keys " + known)
    for key in list(value) + list(required):
        if key not in value or key not in required + optional:
            fault = "has an unknown" if key in value else "lacks the"
            raise ValueError(
                "board.json: %s %s key %r, its keys are %s" % (path, fault, key, known)
            )


def one_of(path: str, value: Any, choices: tuple) -> None:
    # True is 1 to Python, but not to who reads the file.
    if isinstance(value, bool) or value not in choices:
        refuse(path, value, "one of: " + ", ".join(map(str, choices)))


def kind_of(path: str, value: Any, key: str, choices: tuple) -> Any:
    """What an object says that it is, by one of its keys."""
    if not isinstance(value, dict):
        refuse(path, value, "an object with the key %r" % key)
    if key not in value:
        known = ", ".join(choices)
        raise ValueError("board.json: %s lacks the key %r, one of: %s" % (path, key, known))
    one_of("%s.%s" % (path, key), value[key], choices)
    return value[key]


def number(path: str, value: Any, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        refuse(path, value, "a whole number from %d to %d" % (low, high))


def listed(path: str, value: Any, longest: int) -> None:
    if not isinstance(value, list) or not 0 < len(value) <= longest:
        refuse(path, value, "a list of 1 to %d" % longest)


def flag(path: str, given: dict[str, Any], key: str) -> None:
    if not isinstance(given.get(key, False), bool):
        refuse(path + "." + key, given[key], "true or false")


class Kit:
    """One document under check. `uses`: what has been taken, {thing: path}, in the order of the
    document: ("GPIO", 5) is a pin. outputs: the pins among them that are driven. contacts: how
    many relays there are.
    """

    def __init__(self, document: dict[str, Any]):
        self.document = document
        self.mcu = PINS[document["mcu"]]
        self.forbidden = self.mcu.forbidden | self.mcu.psram.get(document.get("psram"), {})
        self.uses: dict[tuple, str] = {}
        self.outputs: set[int] = set()
        self.contacts = 0
        self._counters = 0

    def claim(self, path: str, what: str, *which: Any) -> None:
        """Take what only one can have."""
        thing = (what, *which)
        if thing in self.uses:
            raise ValueError(
                "board.json: %s is %s, which is taken by %s; give each its own"
                % (path, " ".join(map(str, thing)), self.uses[thing])
            )
        self.uses[thing] = path

    def pin(self, path: str, gpio: Any, output: bool) -> None:
        """Take a GPIO, if it can be used so on this chip."""
        number(path, gpio, 0, self.mcu.last)
        if gpio in self.forbidden:
            refuse(path, gpio, "another pin: " + self.forbidden[gpio])
        if output and gpio in self.mcu.input_only:
            refuse(path, gpio, "a pin with an output: " + self.mcu.input_only_why)
        allowed = self.document.get("allow_strapping", {})
        if gpio in self.mcu.strapping and str(gpio) not in allowed:
            refuse(
                path, gpio, 'no strapping pin, unless allow_strapping says {"%d": "why"}' % gpio
            )
        self.claim(path, "GPIO", gpio)
        if output:
            self.outputs.add(gpio)

    def counter(self, path: str) -> None:
        """Take one of the chip's pulse counters."""
        self._counters += 1
        if self._counters > self.mcu.counters:
            there = self.mcu.counters or "no"
            raise ValueError(
                "board.json: %s needs a pulse counter, but this chip has %s; measure it by a "
                "front end on a bus, or take another chip" % (path, there)
            )

    def bus(self, path: str, name: Any, *types: str) -> dict[str, Any]:
        """The bus of this name, which must be of one of these types."""
        buses = self.document.get("buses", {})
        there = tuple(key for key, bus in buses.items() if bus.get("type") in types)
        one_of(path, name, there or ("(there is no bus of type %s)" % " or ".join(types),))
        return buses[name]
