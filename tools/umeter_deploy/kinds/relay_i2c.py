"""Relays behind I2C expanders: {"type": "i2c", "bus": "i", "active": "low", "chips": [{"chip":
"pcf8574", "address": 36, "bits": [0, 1, 2, 3]}]}. Relay 1 is the first bit of the first chip.

MCP23017 counts port A as bits 0 to 7 and port B as 8 to 15. Addresses from the data sheets
(PCF8574, PCF8574A, TCA9554, TCA9554A, MCP23017).
"""

from typing import Any

from umeter_deploy.board_kit import LEVELS, Kit, listed, number, one_of, refuse, table

_PLAIN = tuple(range(0x20, 0x28))
_TYPE_A = tuple(range(0x38, 0x40))
# By chip: addresses, number of outputs.
CHIPS = {
    "pcf8574": (_PLAIN + _TYPE_A, 8),
    "tca9554": (_PLAIN + _TYPE_A, 8),
    "mcp23017": (_PLAIN, 16),
}
_MOST = 8


def check(kit: Kit, path: str, relays: dict[str, Any]) -> int:
    table(path, relays, ("type", "bus", "active", "chips"))
    bus = kit.bus(path + ".bus", relays["bus"], "i2c")
    one_of(path + ".active", relays["active"], LEVELS)
    listed(path + ".chips", relays["chips"], _MOST)
    count = 0
    for i, chip in enumerate(relays["chips"]):
        here = "%s.chips[%d]" % (path, i)
        table(here, chip, ("chip", "address", "bits"))
        one_of(here + ".chip", chip["chip"], tuple(CHIPS))
        addresses, outputs = CHIPS[chip["chip"]]
        one_of(here + ".address", chip["address"], addresses)
        kit.claim(here + ".address", "module", chip["address"], "of bus", relays["bus"])
        listed(here + ".bits", chip["bits"], _MOST)
        for j, bit in enumerate(chip["bits"]):
            number("%s.bits[%d]" % (here, j), bit, 0, outputs - 1)
            kit.claim("%s.bits[%d]" % (here, j), "bit", bit, "of " + here)
        count += len(chip["bits"])
        if chip["chip"] == "pcf8574":
            _pcf8574(path, relays, bus)
    if count > _MOST:
        refuse(path + ".chips", count, "together 1 to 8 bits, one for each relay")
    return count


def _pcf8574(path: str, relays: dict[str, Any], bus: dict[str, Any]) -> None:
    if relays["active"] == "high":
        refuse(
            path + ".active",
            "high",
            '"low" with a pcf8574: all its outputs are high when the power comes, and every '
            "contact would be closed until the software runs",
        )
    if bus.get("hertz", 100_000) > 100_000:
        refuse("buses.%s.hertz" % relays["bus"], bus["hertz"], "100000: a pcf8574 goes no faster")


def derived(relays: dict[str, Any]) -> dict[str, Any]:
    """frames: by chip its bits, address, the levels with all contacts open, the bits as a number,
    what writes the levels and, if the chip has any, the directions.
    """
    frames = []
    for chip in relays["chips"]:
        used = sum(1 << bit for bit in chip["bits"])
        # An output that no relay uses: high, or an input where the chip has directions.
        levels = 0xFFFF & ~used if relays["active"] == "high" else 0xFFFF
        writes = _writes(chip["chip"], levels, 0xFFFF & ~used)
        ways = list(writes[1]) if len(writes) > 1 else []
        known = [chip["bits"], chip["address"], levels, used]
        frames.append([*known, list(writes[0]), ways])
    return {"frames": frames}


def safe(relays: dict[str, Any], document: dict[str, Any]) -> list[list]:
    """Levels before directions: until then the outputs are those of the chip's power-up."""
    bus = document["buses"][relays["bus"]]
    wire = ["i2c", bus["scl"], bus["sda"], bus.get("hertz", 100_000)]
    return [
        [*wire, address, bytes(frame).hex()]
        for _, address, _, _, *frames in derived(relays)["frames"]
        for frame in frames
        if frame
    ]


def _writes(chip: str, levels: int, inputs: int) -> list[bytes]:
    """Outputs, then directions: register and values (NXP PCF8574, which has no registers; TI
    TCA9554; Microchip MCP23017 with IOCON.BANK 0, a pair of registers at once).
    """
    if chip == "pcf8574":
        return [bytes((levels & 0xFF,))]
    if chip == "tca9554":
        return [bytes((1, levels & 0xFF)), bytes((3, inputs & 0xFF))]
    return [b"\x14" + levels.to_bytes(2, "little"), b"\x00" + inputs.to_bytes(2, "little")]
