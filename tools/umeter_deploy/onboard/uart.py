"""Requests on a UART and what comes back; the judging is the host's (doctor_bus.py)."""

import time
from binascii import hexlify, unhexlify

import machine

_SILENCE_MS = 12  # of a line whose answer has ended: 3.5 characters, and a task switch
_bus = [None, None]


def open_bus(doc):
    """doc: a bus of board.json."""
    options = {"tx": doc["tx"], "rx": doc["rx"], "timeout": 0}
    if doc.get("invert_tx"):
        options["invert"] = machine.UART.INV_TX
    _bus[0] = machine.UART(doc["id"], baudrate=doc.get("baud", 9600), **options)
    _bus[1] = machine.Pin(doc["de"], machine.Pin.OUT, value=0) if "de" in doc else None


def answers(requests, wait_ms):
    """The answer to each request, all in hexadecimal digits; "" after wait_ms of silence."""
    return [hexlify(_answer(unhexlify(request), wait_ms)).decode() for request in requests]


def _answer(request, wait_ms):
    uart, driver = _bus
    uart.read()  # what came late
    if driver:
        driver.value(1)
    uart.write(request)
    uart.flush()
    if driver:
        driver.value(0)
    answer = b""
    since = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), since) < (_SILENCE_MS if answer else wait_ms):
        part = uart.read()
        if part:
            answer += part
            since = time.ticks_ms()
        time.sleep_ms(1)
    return answer
