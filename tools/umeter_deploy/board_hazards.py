"""What is allowed on a board but should be known: the pin table of `umeter board check`. Pure."""

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from umeter_deploy.board_kit import Kit

# The TX pin of the host drives the inputs of all modules: 2 mA each at 3.3 V.
_PZEM_PER_UART = 4
_LEVELS = {"up": "pulled up", "down": "pulled down", None: "floats"}
_STEPS = {
    "pin": "pins set to their open level: %d",
    "pulse": "pulses into coils: %d",
    "i2c": "writes to I2C: %d",
    "shift": "words shifted out: %d",
    "uart": "frames to RS485: %d",
}


@dataclass(frozen=True)
class Row:
    """One pin. at_reset: its level while nobody drives it; notes: sentences."""

    gpio: int
    use: str
    at_reset: str
    notes: tuple[str, ...]


def rows(kit: Kit) -> list[Row]:
    """Every pin that a checked document uses, in the order of their numbers."""
    pins = sorted((thing[1], path) for thing, path in kit.uses.items() if thing[0] == "GPIO")
    return [
        Row(gpio, _use(path), _LEVELS[kit.mcu.at_reset.get(gpio)], tuple(_notes(kit, gpio, path)))
        for gpio, path in pins
    ]


def opening(safe: list[list]) -> str:
    """What boot.py does before all else. safe: its steps."""
    steps = Counter(step[0] for step in safe)
    done = " and ".join(_STEPS[what] % count for what, count in steps.items())
    return "boot.py opens every contact first: %s." % done


def warnings(document: dict[str, Any], safe: list[list]) -> list[str]:
    """What to mind about the board as a whole. safe: the steps of boot.py."""
    told = []
    modules = Counter(c["bus"] for c in document["channels"] if c["frontend"] == "pzem")
    for bus, count in modules.items():
        if count > _PZEM_PER_UART and "de" not in document["buses"][bus]:
            told.append(
                "Bus %s has %d modules: if they are PZEM-004T, not on RS485, more than %d need a "
                "driver at TX and a change of their pull-ups." % (bus, count, _PZEM_PER_UART)
            )
    steps = {step[0] for step in safe}
    if steps & {"i2c", "shift", "uart"}:
        told.append(
            "What switches the relays does not restart with the ESP32: a closed contact stays "
            "closed until boot.py has run."
        )
    if "pulse" in steps:
        told.append(
            "Latching relays stay as they are without any power: a closed contact stays closed "
            "until boot.py has run."
        )
    return told


def _use(path: str) -> str:
    """relays.pins[0]: relay 1; channels[2].button: channel 3 button; buses.a.tx: bus a tx."""
    path = re.sub(r"s\[(\d+)\]", lambda at: " %d" % (int(at[1]) + 1), path)
    path = re.sub(r"^(led|power_fail|cover)\..*", r"\1", path)
    return path.replace("relays.pin ", "relay ").replace("buses.", "bus ").replace(".", " ")


def _notes(kit: Kit, gpio: int, path: str) -> list[str]:
    notes = []
    if path.startswith("relays.pins"):
        notes += _relay_notes(kit.document["relays"], kit.mcu.at_reset.get(gpio))
    if gpio in kit.mcu.no_pulls and gpio not in kit.outputs:
        notes.append("no resistor inside: it needs a pull-up or a driver outside")
    if gpio in kit.mcu.strapping:
        why = kit.document["allow_strapping"][str(gpio)]
        notes.append("strapping, %s; used because: %s" % (kit.mcu.strapping[gpio], why))
    if gpio in kit.outputs and gpio in kit.mcu.power_up:
        notes.append(kit.mcu.power_up[gpio])
    if gpio in kit.mcu.notes:
        notes.append(kit.mcu.notes[gpio])
    return notes


def _relay_notes(relays: dict[str, Any], pull: str | None) -> list[str]:
    latching = relays["type"] == "latching"
    if (relays["active"], pull) in (("high", "up"), ("low", "down")):
        does = "drives the coil" if latching else "closes the contact"
        return ["the chip's own pull %s in reset, unless the driver has a stronger one" % does]
    if pull is None:
        rests = "the coil rests" if latching else "the contact is open"
        other = "down" if relays["active"] == "high" else "up"
        return ["%s in reset only with a pull-%s at the driver" % (rests, other)]
    return []
