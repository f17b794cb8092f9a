"""The journal's flash, as hal/chip.py finds it, without the meter's software."""

from binascii import a2b_base64, b2a_base64
from errno import ENOENT

_SECTOR = 4096
_PIECE = 512
_FILE = "journal.bin"
_FILE_SECTORS = 4  # hal/file_flash.py
_flash = []


def open_flash():
    """Bytes, and whether it is a partition (else a file, made if it is not there)."""
    try:
        import esp32

        partition = esp32.Partition("journal")
        _flash[:] = [partition, None]
        return [partition.ioctl(4, 0) * _SECTOR, True]
    except (ImportError, OSError) as error:
        if error.args[:1] != (ENOENT,) and not isinstance(error, ImportError):
            raise
    try:
        file = open(_FILE, "r+b")
    except OSError:
        file = open(_FILE, "w+b")
    length = file.seek(0, 2)
    for _ in range(length, _FILE_SECTORS * _SECTOR, _PIECE):
        file.write(b"\xff" * _PIECE)
    file.flush()
    _flash[:] = [None, file]
    return [_FILE_SECTORS * _SECTOR, False]


def _load(at, piece):
    partition, file = _flash
    if partition:
        partition.readblocks(at // _SECTOR, piece, at % _SECTOR)
    else:
        file.seek(at)
        file.readinto(piece)


def show(sector):
    """Print a sector in base64, a line a piece; nothing if it is blank."""
    piece = bytearray(_PIECE)
    blank = b"\xff" * _PIECE
    lines = 0
    for at in range(0, _SECTOR, _PIECE):
        _load(sector * _SECTOR + at, piece)
        if piece != blank:
            while lines < at // _PIECE:
                print("-")
                lines += 1
            print(b2a_base64(piece).decode().strip())
            lines += 1


def take(path):
    """Print a file in base64, a line a piece."""
    piece = bytearray(_PIECE)
    with open(path, "rb") as file:
        while True:
            n = file.readinto(piece)
            if not n:
                return
            print(b2a_base64(memoryview(piece)[:n]).decode().strip())


def erase(at):
    partition, file = _flash
    if partition:
        partition.ioctl(6, at // _SECTOR)
    else:
        file.seek(at)
        for _ in range(_SECTOR // _PIECE):
            file.write(b"\xff" * _PIECE)
        file.flush()


def program(at, text):
    """text: bytes in base64, all of one sector."""
    partition, file = _flash
    if partition:
        partition.writeblocks(at // _SECTOR, a2b_base64(text), at % _SECTOR)
    else:
        file.seek(at)
        file.write(a2b_base64(text))
        file.flush()
