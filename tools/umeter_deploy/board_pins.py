"""What the pins of each chip can be used for.

The classic ESP32: GPIO 6-11 carry the flash, 1 and 3 the console, 34-39 have no output driver,
0 2 5 12 15 are read at reset to choose how the chip starts, 20, 24 and 28-31 are not brought out
(Espressif ESP32 datasheet, boot mode guide).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pins:
    """last: the highest number. forbidden: {gpio: why}. strapping: what is read at reset."""

    last: int
    forbidden: dict[int, str]
    input_only: tuple[int, ...]
    input_only_why: str
    strapping: dict[int, str]
    uarts: tuple[int, ...]
    counters: int


def _why(text: str, *gpios: int) -> dict[int, str]:
    return dict.fromkeys(gpios, text)


PINS = {
    "esp32": Pins(
        last=39,
        forbidden={
            **_why("GPIO 6-11 carry the flash", 6, 7, 8, 9, 10, 11),
            **_why("GPIO 1 and 3 are the console", 1, 3),
            **_why("this one is not brought out", 20, 24, 28, 29, 30, 31),
        },
        input_only=(34, 35, 36, 37, 38, 39),
        input_only_why="GPIO 34-39 are inputs only",
        strapping={
            0: "low at reset: the chip waits for a download",
            2: "must be low or open for a download",
            5: "timing of SDIO",
            12: "high at reset: flash at 1.8 V, the chip does not start",
            15: "low at reset: the boot log is silent",
        },
        uarts=(1, 2),
        counters=8,
    ),
}
