"""A board's filesystem: littlefs, as MicroPython has it on the ESP32, on NOR flash that remembers
each program and erase, so that the power can be cut at every one of them.
"""

from littlefs import LFSFileFlag, LittleFS, LittleFSError, UserContext, lfs

BLOCK = 4096
_BLOCKS = 64
_FOLDER, _FILE = 0x4000, 0x8000
# extmod/vfs_lfs.c for the ESP32: 32 to read and to program, a cache of four times that.
_CONFIG = {"read_size": 32, "prog_size": 32, "lookahead_size": 32, "cache_size": 128}
_FLAGS = {
    "r": LFSFileFlag.rdonly,
    "w": LFSFileFlag.wronly | LFSFileFlag.creat | LFSFileFlag.trunc,
    "a": LFSFileFlag.wronly | LFSFileFlag.creat | LFSFileFlag.append,
}


class Flash(UserContext):
    """`cells`, and the `log` of what was done to them: (offset, bytes, witness()), None for the
    bytes of an erase. witness: tells what else there was just before it.
    """

    def witness(self):
        return None

    def __init__(self, cells=None):
        super().__init__(buffer=bytearray(cells or b"\xff" * (_BLOCKS * BLOCK)))
        self.log = []

    @property
    def cells(self):
        return self.buffer

    def prog(self, cfg, block, off, data):
        at = block * BLOCK + off
        data = bytes(data)
        program(self.buffer, at, data)
        self.log.append((at, data, self.witness()))
        return 0

    def erase(self, cfg, block):
        self.buffer[block * BLOCK : (block + 1) * BLOCK] = b"\xff" * BLOCK
        self.log.append((block * BLOCK, None, self.witness()))
        return 0


def program(cells, at, data):
    """What NOR flash makes of it: bits only go from 1 to 0."""
    there = int.from_bytes(cells[at : at + len(data)], "little")
    both = there & int.from_bytes(data, "little")
    cells[at : at + len(data)] = both.to_bytes(len(data), "little")


def repeat(cells, step, part=1.0):
    """Do to the cells a step of a log, or as much of it as had happened before the power went."""
    at, data, _ = step
    if data is None:
        size = int(BLOCK * part)
        cells[at : at + size] = b"\xff" * size
    else:
        program(cells, at, data[: int(len(data) * part)])


class Files:
    """What firmware sees of the filesystem: `open`, and what it uses of `os`. Errors are OSError
    with their number.
    """

    def __init__(self, flash):
        fs = LittleFS(flash, mount=False, block_size=BLOCK, block_count=_BLOCKS, **_CONFIG)
        try:
            fs.mount()
        except LittleFSError:
            fs.format()
            fs.mount()
        self._fs = fs

    def open(self, path, mode="r"):
        return _File(self._fs.fs, path, mode)

    def listdir(self, path="."):
        return _told(lambda: list(self._fs.listdir(path)))

    def mkdir(self, path):
        _told(lambda: self._fs.mkdir(path))

    def remove(self, path):
        _told(lambda: self._fs.remove(path))

    rmdir = remove

    def rename(self, old, new):
        _told(lambda: self._fs.rename(old, new))

    def stat(self, path):
        found = _told(lambda: self._fs.stat(path))
        mode = _FILE if found.type == 1 else _FOLDER
        return (mode, 0, 0, 0, 0, 0, found.size, 0, 0, 0)

    def read(self, path):
        """All of a file, None if there is none."""
        try:
            with self.open(path, "rb") as file:
                return file.read()
        except OSError:
            return None

    def write(self, path, data):
        """A file and the folders above it."""
        self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        with self.open(path, "wb") as file:
            file.write(data)


class _File:
    def __init__(self, fs, path, mode):
        self._fs = fs
        self._text = "b" not in mode
        self._handle = _told(lambda: lfs.file_open(fs, path, _FLAGS[mode[0]]))

    def read(self, size=-1):
        size = lfs.file_size(self._fs, self._handle) if size < 0 else size
        data = bytes(_told(lambda: lfs.file_read(self._fs, self._handle, size)))
        return data.decode() if self._text else data

    def readline(self):
        line = b""
        while not line.endswith(b"\n"):
            byte = lfs.file_read(self._fs, self._handle, 1)
            if not byte:
                break
            line += bytes(byte)
        return line.decode()

    def write(self, data):
        data = data.encode() if self._text else bytes(data)
        return _told(lambda: lfs.file_write(self._fs, self._handle, data))

    def close(self):
        _told(lambda: lfs.file_close(self._fs, self._handle))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _told(do):
    try:
        return do()
    except LittleFSError as error:
        raise OSError(-error.code, "littlefs") from None
    except FileNotFoundError:
        raise OSError(2, "ENOENT") from None
    except FileExistsError:
        raise OSError(17, "EEXIST") from None
