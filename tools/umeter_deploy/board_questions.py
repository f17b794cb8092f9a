"""What `umeter board new` asks about each kind of bus, relays and front end."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Question:
    """What to ask for a key. takes: what an answer is, see board_new; which: the choices of a
    `word` or `number`, the type of a `bus`. default None: an answer is needed. optional: an empty
    answer leaves the key out.
    """

    key: str
    words: str
    takes: str
    default: Any = None
    which: tuple = ()
    optional: bool = False


def _word(key: str, words: str, *which: str) -> Question:
    return Question(key, words, "word", which[0], which)


_ACTIVE = _word("active", "level that closes a contact", "high", "low")
_DIVIDER = Question("divider_ohm", "voltage divider: ohms above and below", "numbers")
_SHUNT = Question("shunt_uohm", "shunt in micro-ohms", "number", 1000)
_UART = Question("bus", "bus", "bus", which=("uart",))
_SPI = Question("bus", "bus", "bus", which=("spi",))
_I2C = Question("bus", "bus", "bus", which=("i2c",))

BUSES = {
    "uart": (
        Question("tx", "TX GPIO", "output"),
        Question("rx", "RX GPIO", "input"),
        Question("baud", "baud", "number", 9600),
        Question("de", "driver enable GPIO of an RS485 (empty: none)", "output", optional=True),
    ),
    "i2c": (
        Question("scl", "SCL GPIO", "output"),
        Question("sda", "SDA GPIO", "output"),
    ),
    "spi": (
        Question("sck", "clock GPIO", "output"),
        Question("mosi", "MOSI GPIO", "output"),
        Question("miso", "MISO GPIO", "input"),
        Question("polarity", "polarity (ATM90E32 1, ADE7953 0)", "number", 1),
        Question("phase", "phase (ATM90E32 1, ADE7953 0)", "number", 1),
    ),
}

RELAYS = {
    "gpio": (
        Question("pins", "GPIO of each relay, in order", "outputs"),
        _ACTIVE,
    ),
    "i2c": (
        _I2C,
        _ACTIVE,
        _word("chip", "expander", "pcf8574", "tca9554", "mcp23017"),
        Question("address", "its address, as 0x24", "number"),
        Question("bits", "its output for each relay, in order, from 0", "numbers"),
    ),
    "shift": (
        Question("data", "data GPIO", "output"),
        Question("clock", "shift clock GPIO", "output"),
        Question("latch", "latch GPIO", "output"),
        Question("oe", "output enable GPIO (empty: not wired)", "output", optional=True),
        _ACTIVE,
        Question("bits", "bit of each relay, in order, from 0", "numbers"),
        Question("chips", "registers in the chain", "number", 1),
    ),
    "latching": (
        Question("coils", "coils of a relay", "number", 2),
        Question("pins", "GPIOs that close and open relay 1, then relay 2, ...", "output pairs"),
        _ACTIVE,
    ),
    "modbus": (
        _UART,
        Question("address", "Modbus address of the relay board", "number", 1),
        Question("coils", "coil of each relay, in order, from 0", "numbers"),
    ),
}

FRONT_ENDS = {
    "pzem": (_UART, Question("address", "Modbus address of the module", "number", "next")),
    "s0": (
        Question("pin", "pulse GPIO", "input"),
        Question("imp_per_kwh", "pulses per kWh", "number", 1000),
    ),
    "atm90e32": (
        _SPI,
        Question("cs", "select GPIO of the chip", "number"),
        Question("input", "input", "word", "next", ("a", "b", "c")),
    ),
    "ade7953": (
        Question("bus", "bus", "bus", which=("i2c", "spi")),
        Question("cs", "select GPIO of the chip (empty: on I2C)", "number", optional=True),
        Question("input", "input", "word", "next", ("a", "b")),
        _DIVIDER,
        _SHUNT,
    ),
    "bl0942": (
        _UART,
        Question("address", "address of the chip, 0 to 3", "number", 0),
        _DIVIDER,
        _SHUNT,
    ),
    "bl0906": (
        _UART,
        Question("input", "input of the chip, 1 to 6", "number", "next"),
        _DIVIDER,
        _SHUNT,
    ),
    "hlw8012": (
        _word("chip", "chip", "hlw8012", "bl0937"),
        Question("pin", "CF GPIO", "input"),
        _DIVIDER,
        _SHUNT,
    ),
}
