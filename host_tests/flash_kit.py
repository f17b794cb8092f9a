"""Synthetic MicroPython images: bootloader, partition table and application with headers,
segments, checksums and digests as the format has them, around bytes that no chip could run. Made
without esptool, which is what reads them in the tests.
"""

import hashlib
import random
import struct
from binascii import crc32

from umeter_deploy.partitions import APP, DATA, Entry, encode

CHIP_IDS = {"esp32": 0, "esp32s2": 2, "esp32s3": 9, "esp32c3": 5, "esp32c6": 13}
OFFSETS = {"esp32": 0x1000, "esp32s2": 0x1000, "esp32s3": 0, "esp32c3": 0, "esp32c6": 0}
FOUR_MB, EIGHT_MB = 4 << 20, 8 << 20
STOCK = (
    Entry("nvs", DATA, 2, 0x9000, 0x6000),
    Entry("phy_init", DATA, 1, 0xF000, 0x1000),
    Entry("factory", APP, 0, 0x10000, 0x1F0000),
)
VFS = Entry("vfs", DATA, 0x81, 0x200000, 0x200000)
DESCRIPTION_AT = 0x20


def part(chip_id: int, segments: list[tuple[int, bytes]], flash_mb: int = 4) -> bytes:
    """One bootable part: header, extended header, segments, checksum, SHA-256."""
    size_code = {1: 0, 2: 1, 4: 2, 8: 3, 16: 4}[flash_mb]
    made = struct.pack("<BBBBI", 0xE9, len(segments), 2, size_code << 4, 0x40080000)
    made += struct.pack("<B3xHBHH4xB", 0xEE, chip_id, 0, 0, 0, 1)
    checksum = 0xEF
    for address, data in segments:
        made += struct.pack("<II", address, len(data)) + data
        for byte in data:
            checksum ^= byte
    made += bytes(15 - len(made) % 16) + bytes([checksum])
    return made + hashlib.sha256(made).digest()


def description(version: str, project: str = "micropython") -> bytes:
    """esp_app_desc_t of 256 bytes."""
    head = struct.pack("<LL8x32s32s", 0xABCD5432, 0, version.encode(), project.encode())
    return (head + struct.pack("<16s16s32s", b"12:00:00", b"Mar 14 2026", b"v5.5.1")).ljust(
        256, b"\0"
    )


def app(chip: str, version: str, banner: bool, code_bytes: int, project: str) -> bytes:
    noise = random.Random(chip + version).randbytes(code_bytes)
    words = f"3.4.0; MicroPython {version} on 2026-03-14\0".encode() if banner else b""
    first = description(version, project) + words
    first += bytes(-len(first) % 4)
    segments = [(0x3F400020, first), (0x40080000, noise[: code_bytes // 2 // 4 * 4])]
    segments.append((0x400D0020, noise[code_bytes // 2 // 4 * 4 : code_bytes // 4 * 4]))
    return part(CHIP_IDS[chip], segments)


def image(
    chip: str = "esp32",
    version: str = "v1.28.0",
    table: tuple[Entry, ...] = STOCK,
    flash_mb: int = 4,
    banner: bool = True,
    code_bytes: int = 90_000,
    project: str = "micropython",
) -> bytes:
    """A merged image, as MicroPython's makeimg.py lays it out."""
    noise = random.Random(chip).randbytes(20_000)
    bootloader = part(CHIP_IDS[chip], [(0x3FFF0030, noise)], flash_mb)
    made = bootloader.ljust(0x8000 - OFFSETS[chip], b"\xff") + encode(table)
    made = made.ljust(0x10000 - OFFSETS[chip], b"\xff")
    return made + app(chip, version, banner, code_bytes, project)


def journal_sector(sequence: int = 1) -> bytes:
    """The head of a journal's sector, as firmware/umeter/core/journal.py writes it."""
    covered = struct.pack("<HIH", 3, sequence, 0)
    return b"uJ" + covered + struct.pack("<I", crc32(covered))
