"""What the pins of each chip can be used for, and what they do while the chip is in reset.

From Espressif's datasheets (pin lists, strapping pins), the GPIO summaries of ESP-IDF and the boot
mode guides of esptool; the numbers of units are those of ESP-IDF's soc_caps.h, less what
MicroPython keeps for itself: UART 0 (the console, or what it leaves for the ROM's messages), and
the pins of the USB port where that is the console.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Pins:
    """A chip. last: its highest GPIO. forbidden: {gpio: why}, and psram: the same for a module
    with that kind of RAM. strapping: {gpio: what it chooses at reset}. no_pulls: inputs without
    resistors inside. at_reset: {gpio: "up" or "down"}, the pull while nobody drives it; all others
    float. power_up: {gpio: what it does when the power comes}. notes: {gpio: what else one should
    know}. The rest: the numbers of usable units, and how many counters of pulses there are.
    """

    last: int
    forbidden: dict[int, str]
    strapping: dict[int, str]
    at_reset: dict[int, str]
    uarts: tuple[int, ...]
    i2cs: tuple[int, ...]
    spis: tuple[int, ...]
    counters: int
    psram: dict[str, dict[int, str]] = field(default_factory=dict)
    input_only: tuple[int, ...] = ()
    input_only_why: str = ""
    no_pulls: tuple[int, ...] = ()
    power_up: dict[int, str] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)


def _why(text: str, *gpios: int) -> dict[int, str]:
    return dict.fromkeys(gpios, text)


_ABSENT = "the chip has no such pin"
_JTAG = "JTAG: no debugger can be attached then"

_ESP32 = Pins(
    last=39,
    forbidden={
        **_why("GPIO 6-11 carry the flash", *range(6, 12)),
        **_why("GPIO 1 and 3 are the console", 1, 3),
        **_why("this one is not brought out", 20, 24, 28, 29, 30, 31),
    },
    psram={"quad": _why("GPIO 16 and 17 carry the RAM of a WROVER module", 16, 17)},
    strapping={
        0: "low at reset: the chip waits for a download",
        2: "must be low or open for a download",
        5: "timing of SDIO, of no use here",
        12: "high at reset: flash at 1.8 V, the chip does not start",
        15: "low at reset: the boot log is silent",
    },
    at_reset={0: "up", 2: "down", 4: "down", 5: "up", 12: "down", 13: "down", 14: "up", 15: "up"},
    input_only=(34, 35, 36, 37, 38, 39),
    input_only_why="GPIO 34-39 are inputs only",
    no_pulls=(34, 35, 36, 37, 38, 39),
    notes={
        **_why(_JTAG, 12, 13, 14, 15),
        **_why("dips for 80 ns when the ADC or Wi-Fi wakes: poll it, no interrupts", 36, 39),
    },
    uarts=(1, 2),
    i2cs=(0, 1),
    spis=(1, 2),
    counters=8,
)

_ESP32S2 = Pins(
    last=46,
    forbidden={
        **_why(_ABSENT, 22, 23, 24, 25),
        **_why("GPIO 26-32 carry flash and RAM", *range(26, 33)),
        **_why("GPIO 19 and 20 are the USB port", 19, 20),
        **_why("GPIO 43 and 44 are the console of the ROM", 43, 44),
    },
    psram={"quad": {}},
    strapping={
        0: "low at reset: the chip waits for a download",
        45: "high at reset: flash at 1.8 V, the chip does not start",
        46: "must be low for a download",
    },
    at_reset={0: "up", 45: "down", 46: "down"},
    input_only=(46,),
    input_only_why="GPIO 46 is an input only",
    no_pulls=(46,),
    notes=_why(_JTAG, 39, 40, 41, 42),
    uarts=(1,),
    i2cs=(0, 1),
    spis=(1, 2),
    counters=4,
)

_ESP32S3 = Pins(
    last=48,
    forbidden={
        **_why(_ABSENT, 22, 23, 24, 25),
        **_why("GPIO 26-32 carry flash and RAM", *range(26, 33)),
        **_why("GPIO 19 and 20 are the USB port", 19, 20),
        **_why("GPIO 43 and 44 are the console of the ROM", 43, 44),
    },
    psram={"quad": {}, "octal": _why("GPIO 33-37 carry the octal RAM", *range(33, 38))},
    strapping={
        0: "low at reset: the chip waits for a download",
        3: "chooses where JTAG comes from, only if a fuse says so",
        45: "high at reset: flash at 1.8 V, the chip does not start",
        46: "must be low for a download, and silences the ROM",
    },
    at_reset={0: "up", 45: "down", 46: "down"},
    power_up={
        **_why("goes low for 60 us at power-up, too short for a coil", 1, 2, *range(4, 18)),
        18: "goes low, then high, for 60 us each at power-up, too short for a coil",
    },
    notes=_why(_JTAG, 39, 40, 41, 42),
    uarts=(1, 2),
    i2cs=(0, 1),
    spis=(1, 2),
    counters=4,
)

_ESP32C3 = Pins(
    last=21,
    forbidden={
        **_why("GPIO 11-17 carry the flash and its supply", *range(11, 18)),
        **_why("GPIO 18 and 19 are the USB port", 18, 19),
        **_why("GPIO 20 and 21 are the console", 20, 21),
    },
    strapping={
        2: "must be high at reset",
        8: "must be high for a download",
        9: "low at reset: the chip waits for a download",
    },
    at_reset={9: "up"},
    notes=_why(_JTAG, 4, 5, 6, 7),
    uarts=(1,),
    i2cs=(0,),
    spis=(1,),
    counters=0,
)

_ESP32C6 = Pins(
    last=30,
    forbidden={
        **_why("GPIO 24-30 carry the flash", *range(24, 31)),
        **_why("GPIO 12 and 13 are the USB port", 12, 13),
        **_why("GPIO 16 and 17 are the console", 16, 17),
    },
    strapping={
        4: "timing of SDIO, of no use here",
        5: "timing of SDIO, of no use here",
        8: "must be high for a download",
        9: "low at reset: the chip waits for a download",
        15: "chooses where JTAG comes from, only if a fuse says so",
    },
    at_reset={9: "up"},
    notes={
        **_why(_JTAG, 4, 5, 6, 7),
        **_why("not brought out of a chip with its flash inside", 10, 11),
        14: "brought out only of a chip with its flash inside",
    },
    uarts=(1,),
    i2cs=(0,),
    spis=(1,),
    counters=4,
)

PINS = {
    "esp32": _ESP32,
    "esp32s2": _ESP32S2,
    "esp32s3": _ESP32S3,
    "esp32c3": _ESP32C3,
    "esp32c6": _ESP32C6,
}
