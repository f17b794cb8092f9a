"""What a driver calls in its steady tick must not touch the heap in the fakes: else no tick could
be proved not to.
"""

import json
import sys


class _Host:
    def watch_clock(self, address):
        pass

    def wait(self, ms):
        return ms

    def __getattr__(self, name):
        return self.wait


def run(_):
    _Host.edge = lambda self, channel, closed: None
    sys.modules["simhost"] = _Host()
    import time

    import control
    import machine
    import micropython
    import world

    board = {
        "mcu": "esp32",
        "relays": {"type": "gpio", "pins": [16, 17], "active": "high"},
        "buses": {"a": {"type": "uart", "id": 1}},
        "channels": [
            {"frontend": "pzem", "bus": "a", "address": 1},
            {"frontend": "s0", "pin": 14, "imp_per_kwh": 1000},
        ],
    }
    config = {
        "seed": 1,
        "start_unix": 1772431200,
        "board": board,
        "loads": [20000],
        "partitions": {},
    }
    control.power_up(json.dumps(config), "")
    driver = _Driver(machine, time)
    machine.Pin(17, machine.Pin.OUT, value=1)
    read = 0
    for _ in range(100):
        micropython.heap_lock()
        try:
            read += driver.tick()
        finally:
            micropython.heap_unlock()
        world.world.advance(100)
    return json.dumps({"read": read, "pulses": driver.counter.value()})


class _Driver:
    def __init__(self, machine, time):
        self.uart = machine.UART(1, baudrate=9600)
        self.counter = machine.Counter(0, machine.Pin(14, machine.Pin.IN))
        self.relay = machine.Pin(16, machine.Pin.OUT, value=1)
        self.wdt = machine.WDT(timeout=8000)
        self.time = time
        self.request = bytes((1, 4, 0, 0, 0, 10, 0x70, 0x0D))
        self.reply = bytearray(25)

    def tick(self):
        start = self.time.ticks_ms()
        got = 0
        if self.uart.any():
            got = self.uart.readinto(self.reply)
        self.uart.write(self.request)
        self.counter.value()
        self.relay.value(self.relay.value())
        self.wdt.feed()
        return got if self.time.ticks_diff(self.time.ticks_ms(), start) == 0 else 0
