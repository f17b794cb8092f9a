"""A MicroPython image for an ESP32: which chip it is for, how new it is, and what is in it.

It is one file: bootloader, partition table and application as they lie in the flash, from the
bootloader on (MicroPython's ports/esp32/makeimg.py). Bootloader and application begin with a
header that names the chip, and end with a checksum and a SHA-256 (ESP-IDF, esp_app_format.h).
"""

import hashlib
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from esptool.bin_image import ESP32FirmwareImage, LoadFirmwareImage
from esptool.targets import CHIP_DEFS
from esptool.util import FatalError

from umeter_deploy import partitions
from umeter_deploy.partitions import TABLE_BYTES, TABLE_OFFSET, Table

CHIPS = ("esp32", "esp32s2", "esp32s3", "esp32c3", "esp32c6")
OLDEST = (1, 28, 0)
_MAGIC, _UF2 = 0xE9, b"UF2\n"
_CHIP_ID_AT = 12
_MEGABYTE = 1 << 20
_LARGEST_BYTES = 16 * _MEGABYTE
# The banner at the prompt and in sys.version; a preview has more behind its number.
_BANNER = re.compile(rb"MicroPython v(\d+)\.(\d+)\.(\d+)([-.\w]*) on \d{4}-\d\d-\d\d")
# Of an application, behind the headers of the image and of its first segment: esp_app_desc_t.
_DESCRIPTION = struct.Struct("<L12x32s32s")
_DESCRIPTION_AT, _DESCRIPTION_MAGIC = 0x20, 0xABCD5432
_DESCRIBED = re.compile(rb"v(\d+)\.(\d+)\.(\d+)([-.\w]*)")


@dataclass(frozen=True)
class Image:
    """chip: as esptool names it. offset: where the bootloader goes. bootloader: up to the
    table. app: the rest of the file. version: of MicroPython. flash_bytes: what the bootloader
    believes in.
    """

    path: Path
    chip: str
    offset: int
    bootloader: bytes
    table: Table
    app: bytes
    version: str
    flash_bytes: int

    @property
    def app_offset(self) -> int:
        return partitions.factory(self.table).offset


def chip_name(chip: str) -> str:
    """As it is printed on it: ESP32-S3."""
    return CHIP_DEFS[chip].CHIP_NAME


def read(path: Path) -> Image:
    """ValueError, one sentence with a way out, if it is no image that a meter can run on."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    try:
        return _parsed(path, content)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _parsed(path: Path, content: bytes) -> Image:
    chip = _chip(content)
    offset = CHIP_DEFS[chip].BOOTLOADER_FLASH_OFFSET
    at = TABLE_OFFSET - offset
    try:
        table = partitions.decode(content[at : at + TABLE_BYTES])
    except ValueError as error:
        raise ValueError(
            f"{error} at 0x{at:x} of the file; take MicroPython's .bin that is written to"
            f" 0x{offset:x}, not the one for updates"
        ) from None
    factory = partitions.factory(table)
    if factory is None or partitions.has_slots(table):
        raise ValueError(
            "It is laid out for updates of MicroPython over the air or for a USB disk, which"
            " leaves no place for the journal; take the plain image for this chip"
        )
    app = content[factory.offset - offset :]
    if len(app) > factory.size:
        raise ValueError(
            f"It holds {len(app)} bytes from 0x{factory.offset:x} on, and its own table has place"
            f" for {factory.size}; take an image without a filesystem in it"
        )
    bootloader = _sound(chip, "bootloader", content[:at])
    _sound(chip, "application", app)
    return Image(
        path=path,
        chip=chip,
        offset=offset,
        bootloader=content[:at],
        table=table,
        app=app,
        version=_version(app),
        flash_bytes=_MEGABYTE << (bootloader.flash_size_freq >> 4),
    )


def _chip(content: bytes) -> str:
    if content.startswith(_UF2):
        raise ValueError("It is a .uf2, for a USB disk; take the .bin of the same release")
    if len(content) < 24 or content[0] != _MAGIC:
        raise ValueError("It is no image for an ESP32; take MicroPython's .bin for this chip")
    if len(content) > _LARGEST_BYTES:
        raise ValueError(f"It has {len(content)} bytes, more than any image of MicroPython")
    (number,) = struct.unpack_from("<H", content, _CHIP_ID_AT)
    for chip in CHIPS:
        if number == CHIP_DEFS[chip].IMAGE_CHIP_ID:
            return chip
    known = ", ".join(map(chip_name, CHIPS))
    raise ValueError(f"It is for a chip (number {number}) that is not one of {known}")


def _sound(chip: str, what: str, content: bytes) -> ESP32FirmwareImage:
    """The part of an image, if it is whole, unchanged, and for this chip."""
    try:
        image = LoadFirmwareImage(chip, content)
        number = image.chip_id
        whole = image.checksum == image.calculate_checksum()
        if image.append_digest:
            whole = whole and image.stored_digest == image.calc_digest
    except (FatalError, RuntimeError, struct.error, TypeError, EOFError):
        whole, number = False, None
    if not whole:
        raise ValueError(f"Its {what} is damaged or cut off; fetch the file again")
    if number != CHIP_DEFS[chip].IMAGE_CHIP_ID:
        raise ValueError(f"Its {what} is for another chip; fetch the file again")
    return image


def _version(app: bytes) -> str:
    found = _BANNER.search(app)
    if found is None:
        raw = app[_DESCRIPTION_AT : _DESCRIPTION_AT + _DESCRIPTION.size]
        magic, version, project = _DESCRIPTION.unpack(raw.ljust(_DESCRIPTION.size, b"\0"))
        if magic == _DESCRIPTION_MAGIC and project.rstrip(b"\0") == b"micropython":
            found = _DESCRIBED.match(version)
    if found is None:
        raise ValueError("There is no MicroPython in it; take MicroPython's .bin for this chip")
    number = tuple(int(part) for part in found.groups()[:3])
    text = ".".join(map(str, number)) + found[4].decode()
    if (*number, not found[4].startswith(b"-preview")) < (*OLDEST, True):
        raise ValueError(
            f"It is MicroPython {text}, and the meter needs {'.'.join(map(str, OLDEST))} or newer;"
            " take a newer release"
        )
    return text


def digest(data: bytes) -> str:
    """The first 16 hex digits of its SHA-256."""
    return hashlib.sha256(data).hexdigest()[:16]
