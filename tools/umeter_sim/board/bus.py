"""`machine`'s I2C, SPI and PWM: what a transfer says to the chips behind it, and the time it
takes.
"""

import errno
import site as _site

import world as _world
from micropython import const

_ADDRESS_BITS = const(20)  # with start and stop
_BYTE_BITS = const(9)  # with the acknowledge


class _Timed:
    """Transfers take their time: whole milliseconds of it are waited for."""

    def __init__(self, hertz):
        self.hertz = hertz
        self._us = 0

    def take(self, bits):
        self._us += bits * 1000 // (self.hertz // 1000)
        if self._us >= 1000:
            _world.world.advance(self._us // 1000)
            self._us %= 1000


class I2C(_Timed):
    """I2C(id, scl=, sda=, freq=)."""

    def __init__(self, number, scl=None, sda=None, freq=400000, timeout=50000):
        _world.world.check()
        _Timed.__init__(self, freq)
        self._there = _site.site.bus("i2c", number)

    def _find(self, address):
        _world.world.check()
        for device in self._there:
            if device.address == address:
                return device
        self.take(_ADDRESS_BITS)
        raise OSError(errno.ENODEV)

    def scan(self):
        return sorted([device.address for device in self._there])

    def writeto(self, address, data, stop=True):
        device = self._find(address)
        self.take(_ADDRESS_BITS + _BYTE_BITS * len(data))
        if not device.write(data):
            raise OSError(errno.ENODEV)
        return len(data)

    def writevto(self, address, parts, stop=True):
        return self.writeto(address, b"".join([bytes(part) for part in parts]))

    def readfrom_into(self, address, buffer, stop=True):
        device = self._find(address)
        self.take(_ADDRESS_BITS + _BYTE_BITS * len(buffer))
        data = device.read(len(buffer))
        if data is None:
            raise OSError(errno.ENODEV)
        buffer[:] = data

    def readfrom(self, address, count, stop=True):
        buffer = bytearray(count)
        self.readfrom_into(address, buffer)
        return bytes(buffer)

    def writeto_mem(self, address, register, data, addrsize=8):
        self.writeto(address, register.to_bytes(addrsize // 8, "big") + bytes(data))

    def readfrom_mem_into(self, address, register, buffer, addrsize=8):
        self.writeto(address, register.to_bytes(addrsize // 8, "big"), False)
        self.readfrom_into(address, buffer)

    def readfrom_mem(self, address, register, count, addrsize=8):
        buffer = bytearray(count)
        self.readfrom_mem_into(address, register, buffer, addrsize=addrsize)
        return bytes(buffer)


class SoftI2C(I2C):
    """SoftI2C(scl, sda, freq=)."""

    def __init__(self, scl, sda, freq=400000, timeout=50000):
        _world.world.check()
        _Timed.__init__(self, freq)
        self._there = _site.site.bus("i2c", pins=(_number(scl), _number(sda)))


class SPI(_Timed):
    """SPI(id, baudrate=, polarity=, phase=, sck=, mosi=, miso=). Who is selected answers."""

    MSB = const(0)
    LSB = const(1)

    def __init__(self, number, baudrate=1000000, **options):
        _world.world.check()
        _Timed.__init__(self, baudrate)
        self._there = _site.site.bus("spi", number)

    def init(self, baudrate=None, **options):
        if baudrate:
            self.hertz = baudrate

    def _exchange(self, byte):
        answer = 0xFF  # nobody drives the line
        for chip in self._there:
            if chip.selected:
                answer = chip.exchange(byte)
        return answer

    def write_readinto(self, data, buffer):
        _world.world.check()
        for i in range(len(data)):
            buffer[i] = self._exchange(data[i])
        self.take(8 * len(data))

    def write(self, data):
        _world.world.check()
        for i in range(len(data)):
            self._exchange(data[i])
        self.take(8 * len(data))

    def readinto(self, buffer, write=0):
        _world.world.check()
        for i in range(len(buffer)):
            buffer[i] = self._exchange(write)
        self.take(8 * len(buffer))

    def read(self, count, write=0):
        buffer = bytearray(count)
        self.readinto(buffer, write)
        return bytes(buffer)

    def deinit(self):
        pass


class PWM:
    """A pin that swings: what the site hears of it is its frequency, 0 for silence."""

    sounds = {}  # gpio: hertz

    def __init__(self, pin, freq=0, duty_u16=0, duty=None):
        self._pin = _number(pin)
        self._freq = freq
        self._duty = duty_u16
        self._say()

    def _say(self):
        _world.world.check()
        PWM.sounds[self._pin] = self._freq if self._duty else 0

    def freq(self, hertz=None):
        if hertz is None:
            return self._freq
        self._freq = hertz
        self._say()

    def duty_u16(self, duty=None):
        if duty is None:
            return self._duty
        self._duty = duty
        self._say()

    def deinit(self):
        PWM.sounds[self._pin] = 0


def _number(pin):
    return getattr(pin, "number", pin)
