"""A UART with PZEM modules on it, as the driver sees them."""

from uart_kit import Received
from umeter.core.sample import Sample
from umeter.frontend.pzem import MODULUS, UNITS_PER_COUNT, PzemBus

TICK_MS = 100


def crc_by_bits(data):
    """The textbook form of CRC-16/MODBUS, one bit at a time."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def framed(body):
    return bytes(body) + crc_by_bits(body).to_bytes(2, "little")


def reply(address, wh=0, power_dw=0, current_ma=0, voltage_dv=2300):
    def low_word_first(value):
        return (value & 0xFFFF).to_bytes(2, "big") + (value >> 16).to_bytes(2, "big")

    values = voltage_dv.to_bytes(2, "big")
    values += b"".join(low_word_first(v) for v in (current_ma, power_dw, wh))
    return framed(bytes((address, 4, 20)) + values + bytes.fromhex("01F400640000"))


class Line(Received):
    """A UART with modules on it: `answers[address]` comes back `delay_ms` after the request."""

    def __init__(self, answers=None, delay_ms=70):
        self.answers = answers or {}
        self.delay_ms = delay_ms
        self.requests = []
        self.pending = []  # (time, bytes)
        super().__init__()
        self.now_ms = 0
        self.loses = lambda number: False  # is the answer to this request lost?

    def advance(self, dt_ms):
        self.now_ms += dt_ms
        for item in [p for p in self.pending if p[0] <= self.now_ms]:
            self.pending.remove(item)
            self.received += item[1]

    def write(self, buf):
        self.requests.append(bytes(buf))
        answer = self.answers.get(buf[0])
        if answer and not self.loses(len(self.requests)):
            self.pending.append((self.now_ms + self.delay_ms, answer))
        return len(buf)

    def asked(self):
        return [request[0] for request in self.requests]


def a_bus(answers, addresses=None, **options):
    line = Line(answers, **options)
    samples = {a: Sample(UNITS_PER_COUNT, MODULUS) for a in addresses or answers}
    return PzemBus(line, list(samples.items())), line, samples


def run(bus, line, ticks, dt_ms=TICK_MS):
    for _ in range(ticks):
        line.advance(dt_ms)
        bus.poll(dt_ms)
