"""The loader of an ESP32 as esptool sees it: the one in ROM, and the stub that it takes into RAM.

What esptool calls the serial protocol: frames of SLIP; a command has a direction 0, an opcode, a
length, a checksum (the XOR of a block's bytes with 0xEF) and its data; an answer has a direction
1, the opcode, a length, a 32-bit value, data and a status (esptool's documentation, "Serial
Protocol"). Simulated are the differences that it names: of the ROM, status of four bytes, MD5 as
text, reads of 64 bytes, erasing at the begin; of the stub, status of two, MD5 as bytes, reads as a
stream, erasing as it goes. The addresses of registers are those of esptool's own tables.

The stub's code is taken, and not run: a whole upload is enough.
"""

import hashlib
import struct
import zlib

from esptool.targets import CHIP_DEFS

from umeter_sim.nor import SECTOR, Nor

_OHAI = b"OHAI"
_INVALID, _FAILED, _BAD_CHECKSUM = 0x05, 0x06, 0x07
_SPI_USER_COMMAND = 1 << 18
_MAGIC_REGISTER = 0x40001000
_SFDP, _SFDP_COMMAND, _ID_COMMAND = 0x50444653, 0x5A, 0x9F
_MAKER = 0xEF  # of the flash, with a memory type and the size as a power of two behind it
_READ_SLOW_BYTES = 64


class Slip:
    """Frames out of a stream of bytes."""

    def __init__(self):
        self._frame: bytearray | None = None
        self._escaped = False

    def feed(self, data: bytes) -> list[bytes]:
        frames = []
        for byte in data:
            if byte == 0xC0:
                if self._frame:
                    frames.append(bytes(self._frame))
                self._frame = bytearray()
            elif self._frame is not None:
                if self._escaped:
                    byte = {0xDC: 0xC0, 0xDD: 0xDB}[byte]
                self._escaped = not self._escaped and byte == 0xDB
                if not self._escaped:
                    self._frame.append(byte)
        return frames

    @staticmethod
    def frame(payload: bytes) -> bytes:
        return (
            b"\xc0" + payload.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"
        )


class RomLoader:
    """feed() takes what comes over the wire, and gives what goes back.

    chip: as esptool names it. flash: of a power of two. `writes`: (offset, bytes) of each download
    that was begun. registers: {address: value}, what is read where no other value is.
    """

    def __init__(self, chip: str, flash: Nor, registers: dict[int, int] | None = None):
        self.flash = flash
        self.writes: list[tuple[int, int]] = []
        self.programmed = 0
        self.stub = False
        self._rom = CHIP_DEFS[chip]
        self._registers = dict(registers or {})
        self._slip = Slip()
        self._loading: dict[int, bytearray] = {}
        self._at = self._end = self._erased = self._sequence = 0
        self._inflate = None
        self._stream: list[bytes] = []
        self._commands = {
            number: getattr(self, "_" + name.lower(), None)
            for name, number in self._rom.ESP_CMDS.items()
        }
        if self._rom.USES_MAGIC_VALUE:
            self._registers[_MAGIC_REGISTER] = self._rom.MAGIC_VALUE

    def feed(self, data: bytes) -> bytes:
        return b"".join(map(self._answer, self._slip.feed(data)))

    def _answer(self, frame: bytes) -> bytes:
        if self._stream:
            # The host tells how much it has, for as long as a stream lasts.
            return self._slip.frame(self._stream.pop(0)) if len(frame) == 4 else b""
        if len(frame) < 8:
            return b""
        _, opcode, length, checksum = struct.unpack_from("<BBHI", frame)
        data = frame[8:]
        command = self._commands.get(opcode)
        value, reply, fault = 0, b"", 0
        if command is None or len(data) != length:
            fault = _INVALID
        else:
            made = command(data, checksum)
            if isinstance(made, int):
                fault = made
            elif made is not None:
                value, reply = made
        status = struct.pack("<BB", fault != 0, fault) + (b"" if self.stub else b"\0\0")
        head = struct.pack("<BBHI", 1, opcode, len(reply) + len(status), value)
        answer = self._slip.frame(head + reply + status)
        if opcode == self._rom.ESP_CMDS["SYNC"]:
            return answer * 8
        if opcode == self._rom.ESP_CMDS["MEM_END"] and not fault:
            self.stub = True
            return answer + self._slip.frame(_OHAI)
        if self._stream:
            return answer + self._slip.frame(self._stream.pop(0))
        return answer

    def _sync(self, data, _):
        return (0 if self.stub else 0x20120707), b""

    def _read_reg(self, data, _):
        return self._registers.get(struct.unpack("<I", data)[0], 0), b""

    def _write_reg(self, data, _):
        address, value, mask, _ = struct.unpack_from("<IIII", data)
        before = self._registers.get(address, 0)
        self._registers[address] = (before & ~mask) | (value & mask)
        base = self._rom.SPI_REG_BASE
        if address == base and value & _SPI_USER_COMMAND:
            self._registers[base] = 0
            asked = self._registers.get(base + self._rom.SPI_USR2_OFFS, 0) & 0xFF
            size = self.flash.size.bit_length() - 1
            found = {_ID_COMMAND: size << 16 | 0x40 << 8 | _MAKER, _SFDP_COMMAND: _SFDP}
            self._registers[base + self._rom.SPI_W0_OFFS] = found.get(asked, 0)
        return None

    def _get_security_info(self, data, _):
        if self._rom.CHIP_NAME == "ESP32":
            return _INVALID
        locks = struct.pack("<IB7x", 0, 0)
        if self._rom.USES_MAGIC_VALUE:
            return 0, locks
        return 0, locks + struct.pack("<II", self._rom.IMAGE_CHIP_ID, 0)

    def _mem_begin(self, data, _):
        size, _, _, at = struct.unpack_from("<IIII", data)
        self._loading[at] = bytearray()
        self._at, self._end, self._sequence = at, size, 0
        return None

    def _mem_data(self, data, checksum):
        block = self._block(data, checksum)
        if block is None:
            return _BAD_CHECKSUM
        self._loading[self._at] += block
        return None

    def _mem_end(self, data, _):
        _, entry = struct.unpack("<II", data)
        inside = any(at <= entry < at + len(code) for at, code in self._loading.items())
        whole = len(self._loading[self._at]) == self._end
        return None if inside and whole else _FAILED

    def _spi_attach(self, data, _):
        return None

    def _spi_set_params(self, data, _):
        return None if struct.unpack_from("<II", data)[1] == self.flash.size else _FAILED

    def _change_baudrate(self, data, _):
        return None

    def _flash_begin(self, data, _):
        size, blocks, block_bytes, offset = struct.unpack_from("<IIII", data)
        return self._begin(offset, size if size else blocks * block_bytes)

    def _flash_defl_begin(self, data, _):
        size, _, _, offset = struct.unpack_from("<IIII", data)
        fault = self._begin(offset, size)
        self._inflate = zlib.decompressobj()
        return fault

    def _begin(self, offset, size):
        if offset % SECTOR or offset + size > self.flash.size:
            return _FAILED
        self._at = self._erased = offset
        self._end, self._sequence, self._inflate = offset + size, 0, None
        if size:
            self.writes.append((offset, size))
        if not self.stub:
            self._erase_to(self._end)
        return None

    def _flash_data(self, data, checksum):
        block = self._block(data, checksum)
        return _BAD_CHECKSUM if block is None else self._program(block)

    def _flash_defl_data(self, data, checksum):
        block = self._block(data, checksum)
        if block is None:
            return _BAD_CHECKSUM
        return self._program(self._inflate.decompress(block))

    def _flash_end(self, data, _):
        return None

    _flash_defl_end = _flash_end

    def _spi_flash_md5(self, data, _):
        offset, size, _, _ = struct.unpack("<IIII", data)
        found = hashlib.md5(self.flash.cells[offset : offset + size])
        return 0, found.digest() if self.stub else found.hexdigest().encode()

    def _read_flash_slow(self, data, _):
        offset, size = struct.unpack("<II", data)
        if self.stub or size > _READ_SLOW_BYTES:
            return _FAILED
        return 0, bytes(self.flash.cells[offset : offset + _READ_SLOW_BYTES])

    def _read_flash(self, data, _):
        if not self.stub:
            return _INVALID
        offset, size, packet, _ = struct.unpack("<IIII", data)
        there = bytes(self.flash.cells[offset : offset + size])
        self._stream = [there[at : at + packet] for at in range(0, size, packet)]
        self._stream.append(hashlib.md5(there).digest())
        return None

    def _block(self, data, checksum) -> bytes | None:
        """A block of a download, if it is the next one, and whole."""
        size, sequence, _, _ = struct.unpack_from("<IIII", data)
        block = data[16:]
        state = 0xEF
        for byte in block:
            state ^= byte
        if size != len(block) or sequence != self._sequence or state != checksum & 0xFF:
            return None
        self._sequence += 1
        return block

    def _program(self, data):
        data = data[: self._end - self._at]  # the last block is filled up
        self._erase_to(self._at + len(data))
        self.flash.program(self._at, data)
        self._at += len(data)
        self.programmed += len(data)
        return None

    def _erase_to(self, end):
        while self._erased < end:
            self.flash.erase(self._erased)
            self._erased += SECTOR
