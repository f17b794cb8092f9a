"""The journal's flash: the raw partition, and the file that stands in where there is none."""

import importlib
import sys
from types import SimpleNamespace

import pytest

from umeter.core.journal import Journal
from umeter.hal.file_flash import FileFlash
from umeter.hal.flash import PartitionFlash

BLOCK = 4096


class Partition:
    """esp32.Partition as in its C source: writes with an offset append, ioctl 6 erases a block."""

    def __init__(self, label="journal", blocks=4):
        if label != "journal":
            raise OSError(2)
        self.cells = bytearray(b"\xff" * BLOCK * blocks)

    def readblocks(self, block, buf, offset=0):
        start = block * BLOCK + offset
        buf[:] = self.cells[start : start + len(buf)]

    def writeblocks(self, block, buf, offset=None):
        assert offset is not None, "without an offset the whole block is erased first"
        for i, byte in enumerate(bytes(buf)):
            self.cells[block * BLOCK + offset + i] &= byte

    def ioctl(self, op, arg):
        if op == 4:
            return len(self.cells) // BLOCK
        assert op == 6
        self.cells[arg * BLOCK : (arg + 1) * BLOCK] = b"\xff" * BLOCK
        return 0


def read(flash, off, length):
    buf = bytearray(length)
    flash.read(off, buf)
    return bytes(buf)


@pytest.fixture(params=["partition", "file"])
def flash(request, tmp_path):
    if request.param == "partition":
        return PartitionFlash(Partition())
    return FileFlash(str(tmp_path / "journal.bin"))


def test_begins_erased(flash):
    assert flash.sector == BLOCK and flash.size >= 2 * BLOCK and flash.size % BLOCK == 0
    assert read(flash, 0, flash.size) == b"\xff" * flash.size


def test_holds_what_was_programmed_until_the_sector_is_erased(flash):
    flash.program(10, b"first")
    flash.program(BLOCK - 3, b"end")
    flash.program(BLOCK + 7, b"second sector")
    assert read(flash, 10, 5) == b"first" and read(flash, BLOCK - 3, 3) == b"end"
    flash.erase(0)
    assert read(flash, 0, BLOCK) == b"\xff" * BLOCK
    assert read(flash, BLOCK + 7, 13) == b"second sector"
    flash.erase(BLOCK)
    assert read(flash, 0, flash.size) == b"\xff" * flash.size


def test_memoryviews_will_do(flash):
    flash.program(5, memoryview(b"abcdef")[2:4])
    buf = bytearray(4)
    flash.read(5, memoryview(buf)[1:3])
    assert buf == b"\0cd\0"


def test_the_journal_lives_on_it(flash):
    journal = Journal(flash)
    assert journal.load() == {}
    for i in range(7):
        journal.commit({"c0": bytes((i,)) * 60, "n": b"window"})
    again = Journal(flash)
    assert again.load() == {"c0": b"\x06" * 60, "n": b"window"} and not again.damaged


def test_a_file_keeps_its_content_and_is_completed_when_short(tmp_path):
    path = str(tmp_path / "journal.bin")
    flash = FileFlash(path)
    flash.program(100, b"kept")
    assert (
        read(flash, 100, 4) == b"kept"
    )  # the journal reads back what it wrote: now it is durable
    assert read(FileFlash(path), 100, 4) == b"kept"
    (tmp_path / "journal.bin").write_bytes(b"short")
    flash = FileFlash(path)
    assert read(flash, 0, 8) == b"short\xff\xff\xff"
    assert read(flash, flash.size - 8, 8) == b"\xff" * 8


@pytest.fixture
def journal_flash(monkeypatch):
    """open: chip.journal_flash on a fake chip. esp32: its module, with the Partition above."""
    esp32 = SimpleNamespace(Partition=Partition)
    machine = SimpleNamespace(reset=None, reset_cause=None)
    for name, module in (("esp32", esp32), ("machine", machine), ("network", SimpleNamespace())):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "umeter.hal.chip", raising=False)
    chip = importlib.import_module("umeter.hal.chip")
    yield SimpleNamespace(open=chip.journal_flash, esp32=esp32)
    sys.modules.pop("umeter.hal.chip", None)


def test_partition_when_there_is_one_else_a_file_with_a_warning(journal_flash, tmp_path):
    path = str(tmp_path / "journal.bin")
    assert journal_flash.open(path=path).warning is None
    assert not (tmp_path / "journal.bin").exists()
    fallback = journal_flash.open(label="none", path=path)
    assert isinstance(fallback, FileFlash)
    assert "no journal partition" in fallback.warning


@pytest.mark.parametrize("error", [OSError(5), ValueError("block size")])
def test_any_other_trouble_with_the_partition_is_not_hidden_by_an_empty_file(
    journal_flash, tmp_path, error
):
    def broken(label):
        raise error

    journal_flash.esp32.Partition = broken
    with pytest.raises(type(error)):
        journal_flash.open(path=str(tmp_path / "journal.bin"))
    assert not (tmp_path / "journal.bin").exists()
