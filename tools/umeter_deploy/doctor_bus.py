"""PZEM-004T v3 modules on a bus: who is there, under which address, and another address for one.

Modbus-RTU: function 4 reads what is measured (frontend/pzem.py has the registers), 3 and 6 read
and write the holding register 2, the module's address, 1..247. Every module also hears the general
address 0xF8, so that one is of use only while one module alone is on the bus (PZEM-004T v3.0 user
manual).
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from umeter_deploy.modbus import crc16, framed
from umeter_deploy.onboard_script import Prompt, Script

ADDRESSES = range(1, 248)
GENERAL = 0xF8
_READ_HOLDING, _READ_INPUT, _WRITE_HOLDING = 3, 4, 6
_ADDRESS_REGISTER = 2
_REGISTERS = 10
# A module begins its answer within 55 ms of the request's end.
_WAIT_MS = 70
_AT_ONCE = 8  # requests a program on the board, which has to answer now and then
_REPEATS = 6

# Frames to what is answered to each, b"" for silence.
Exchange = Callable[[list[bytes]], list[bytes]]


class BusError(Exception):
    """The bus is not as it should be; the text is one sentence for people, without its point."""


@dataclass(frozen=True)
class Module:
    """Who answers at an address. Garbled, all of it None: more than one, or a bad line."""

    address: int
    voltage_dv: int | None = None
    current_ma: int | None = None
    power_dw: int | None = None
    energy_wh: int | None = None

    @property
    def garbled(self) -> bool:
        return self.voltage_dv is None


def exchange_on(prompt: Prompt, bus: dict[str, Any]) -> Exchange:
    """How to speak on a bus of board.json."""
    script = Script(prompt, "uart")
    script.run(f"open_bus({bus!r})")

    def exchange(frames: list[bytes]) -> list[bytes]:
        texts = [frame.hex() for frame in frames]
        return [bytes.fromhex(text) for text in script.ask(f"answers({texts!r}, {_WAIT_MS})")]

    return exchange


def scan(
    exchange: Exchange, wanted: list[int], progress: Callable[[int, int], None] = lambda *_: None
) -> list[Module]:
    """All modules, by address. wanted: addresses that are asked more than once."""
    found = []
    for first in range(0, len(ADDRESSES), _AT_ONCE):
        addresses = ADDRESSES[first : first + _AT_ONCE]
        progress(first, len(ADDRESSES))
        answers = exchange([_read_all(address) for address in addresses])
        for address, answer in zip(addresses, answers, strict=True):
            if answer or address in wanted:
                found.append(_identified(exchange, address, answer))
    progress(len(ADDRESSES), len(ADDRESSES))
    return [module for module in found if module is not None]


def _identified(exchange: Exchange, address: int, answer: bytes) -> Module | None:
    answers = [answer, *exchange([_read_all(address)] * _REPEATS)]
    return _judged(address, answers)


def _judged(address: int, answers: list[bytes]) -> Module | None:
    """A frame may be spoilt by chance, and two modules that speak at once may, by chance, not
    spoil one: so most have to be whole.
    """
    heard = [answer for answer in answers if answer]
    measured = [module for answer in heard if (module := _measured(address, answer)) is not None]
    if not heard:
        return None
    return measured[-1] if 2 * len(measured) > len(heard) else Module(address)


def set_address(exchange: Exchange, address: int) -> int:
    """Give the only module on the bus another address; returns the one it had. BusError if there
    is none, more than one, or it does not do it.
    """
    if address not in ADDRESSES:
        raise BusError(f"{address} is no address: 1 to {ADDRESSES[-1]} are")
    before = _only_address(exchange)
    exchange([request(GENERAL, _WRITE_HOLDING, _ADDRESS_REGISTER, address)])
    # Its answer may have been lost, and tells less than the register.
    question = request(address, _READ_HOLDING, _ADDRESS_REGISTER, 1)
    if _register(exchange([question])[0], address) != address:
        raise BusError(f"The module had address {before} and has not taken {address}: try again")
    return before


def _only_address(exchange: Exchange) -> int:
    question = request(GENERAL, _READ_HOLDING, _ADDRESS_REGISTER, 1)
    answers = exchange([question] * 2 + [_read_all(GENERAL)] * _REPEATS)
    if not any(answers):
        raise BusError(
            "Nothing answers: a module needs mains on its measuring side, 5 V and ground from the"
            " board, its RX at the board's TX and its TX at the board's RX"
        )
    # Two with the same address say the same here, but hardly measure the same.
    module = _judged(GENERAL, answers[2:])
    told = {_register(answer, GENERAL) for answer in answers[:2]} - {None}
    if module is None or module.garbled or len(told) != 1:
        raise BusError(
            "What answers is garbled: leave exactly one module on the bus, and try again"
        )
    (address,) = told
    return address


def request(address: int, function: int, register: int, value: int) -> bytes:
    """A frame with its checksum. value: to write, or how many registers to read."""
    return framed(struct.pack(">BBHH", address, function, register, value))


def _read_all(address: int) -> bytes:
    return request(address, _READ_INPUT, 0, _REGISTERS)


def _payload(answer: bytes, function: int, addresses: tuple[int, ...]) -> bytes | None:
    """The registers of an answer that is whole, and one to this."""
    whole = len(answer) > 5 and answer[2] == len(answer) - 5 and crc16(answer) == 0
    return answer[3:-2] if whole and answer[0] in addresses and answer[1] == function else None


def _register(answer: bytes, asked: int) -> int | None:
    # To the general address some answer with it, some with their own.
    senders = tuple(ADDRESSES) + (GENERAL,) if asked == GENERAL else (asked,)
    payload = _payload(answer, _READ_HOLDING, senders)
    return int.from_bytes(payload, "big") if payload and len(payload) == 2 else None


def _measured(address: int, answer: bytes) -> Module | None:
    senders = tuple(ADDRESSES) + (GENERAL,) if address == GENERAL else (address,)
    payload = _payload(answer, _READ_INPUT, senders)
    if payload is None or len(payload) != 2 * _REGISTERS:
        return None
    words = struct.unpack(f">{_REGISTERS}H", payload)
    current_ma, power_dw, energy_wh = (words[at] | words[at + 1] << 16 for at in (1, 3, 5))
    return Module(address, words[0], current_ma, power_dw, energy_wh)
