"""A board of up to eight channels for each front end, and the largest current of each, mA."""

from typing import Any


def _board(channels: list[dict[str, Any]], buses: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "bench",
        "mcu": "esp32",
        "relays": {
            "type": "gpio",
            "pins": [16, 17, 18, 19, 23, 25, 26, 27][: len(channels)],
            "active": "high",
        },
        "buses": buses,
        "channels": channels,
    }


_SPI = {"type": "spi", "id": 2, "sck": 14, "mosi": 13, "miso": 34}
_SELECT = (4, 32, 33, 21)
_PULSES = (4, 13, 14, 21, 22, 32, 33, 34)
_SHUNT = {"shunt_uohm": 1000, "divider_ohm": [1_950_000, 510]}
_TRANSFORMER = {"ct_ratio": 2000, "burden_mohm": 10_000, "divider_ohm": [1_000_000, 1000]}


def _uarts(**more: Any) -> dict[str, Any]:
    return {
        "a": {"type": "uart", "id": 1, "tx": 33, "rx": 34, **more},
        "b": {"type": "uart", "id": 2, "tx": 32, "rx": 35, **more},
    }


BOARDS: dict[str, tuple[dict[str, Any], int]] = {
    "pzem": (
        _board(
            [{"frontend": "pzem", "bus": "a", "address": i + 1} for i in range(8)],
            {"a": _uarts()["a"]},
        ),
        60_000,
    ),
    "s0": (
        _board([{"frontend": "s0", "pin": pin, "imp_per_kwh": 1000} for pin in _PULSES], {}),
        60_000,
    ),
    "atm90e32": (
        _board(
            [
                {"frontend": "atm90e32", "bus": "s", "cs": _SELECT[i // 3], "input": "abc"[i % 3]}
                for i in range(8)
            ],
            {"s": {**_SPI, "polarity": 1, "phase": 1}},
        ),
        60_000,
    ),
    "ade7953": (
        _board(
            [
                {
                    "frontend": "ade7953",
                    "bus": "s",
                    "cs": _SELECT[i // 2],
                    "input": "ab"[i % 2],
                    "shunt_uohm": 2600,
                    "divider_ohm": [1_000_000, 1000],
                }
                for i in range(8)
            ],
            {"s": _SPI},
        ),
        60_000,
    ),
    "ade7953 I2C": (
        _board(
            [
                {
                    "frontend": "ade7953",
                    "bus": "i",
                    "input": name,
                    "shunt_uohm": 2600,
                    "divider_ohm": [1_000_000, 1000],
                }
                for name in "ab"
            ],
            {"i": {"type": "i2c", "id": 0, "scl": 22, "sda": 21}},
        ),
        60_000,
    ),
    "bl0942": (
        _board(
            [
                {"frontend": "bl0942", "bus": "ab"[i // 4], "address": i % 4, **_SHUNT}
                for i in range(8)
            ],
            _uarts(),
        ),
        28_000,
    ),
    "bl0906": (
        _board(
            [
                {"frontend": "bl0906", "bus": "ab"[i // 6], "input": i % 6 + 1, **_TRANSFORMER}
                for i in range(8)
            ],
            _uarts(baud=19_200),
        ),
        60_000,
    ),
    "hlw8012": (
        _board(
            [{"frontend": "hlw8012", "chip": "hlw8012", "pin": pin, **_SHUNT} for pin in _PULSES],
            {},
        ),
        20_000,
    ),
}
