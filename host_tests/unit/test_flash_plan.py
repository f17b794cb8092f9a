"""The plan of `umeter flash`: what is written where, and that money and files are not lost."""

import struct
from binascii import crc32
from dataclasses import replace
from itertools import pairwise

import pytest

import flash_kit
from flash_kit import EIGHT_MB, FOUR_MB, OFFSETS, STOCK, VFS, journal_sector
from umeter_deploy import esp_image, flash_plan, partitions
from umeter_deploy.partitions import APP, DATA, RAW_BYTES, Entry

METER = partitions.for_meter(STOCK)
JOURNAL, LOG = METER[3:]
BIG_FACTORY = (*STOCK[:2], Entry("factory", APP, 0, 0x10000, 0x210000))

PLAN = """\
0x200000 262144 erase journal
0x240000 262144 erase log
0x280000 8192 erase files (their beginning)
0x9000 28672 erase settings of MicroPython
{bootloader}
0x10000 90384 write MicroPython 1.28.0
0x8000 4096 write partition table"""
BOOTLOADERS = {0x1000: "0x1000 28672 write bootloader", 0: "0x0 32768 write bootloader"}


class Chip:
    """A flash, and what is in it."""

    def __init__(self, *contents, table=None):
        self.cells = bytearray(b"\xff" * FOUR_MB)
        if table is not None:
            contents += ((0x8000, partitions.encode(table)),)
        for offset, data in contents:
            self.cells[offset : offset + len(data)] = data

    def read(self, offset, size):
        return bytes(self.cells[offset : offset + size])


@pytest.fixture
def image(tmp_path):
    def image(chip="esp32", **given):
        path = tmp_path / "fw.bin"
        path.write_bytes(flash_kit.image(chip, **given))
        return esp_image.read(path)

    return image


def told(plan):
    return "\n".join(f"0x{s.offset:x} {s.size} {s.how} {s.what}" for s in plan.steps)


def make(image, chip=None, erase=False, flash_bytes=FOUR_MB):
    return flash_plan.make(image, flash_bytes, (chip or Chip()).read, erase)


def how(plan):
    return {step.what.split(" (")[0]: step.how for step in plan.steps}


def refused(image, chip):
    with pytest.raises(ValueError) as error:
        make(image, chip)
    assert "add --erase to lose the rest" in str(error.value)
    make(image, chip, erase=True)
    return str(error.value)


@pytest.mark.parametrize("chip", OFFSETS)
def test_a_new_chip_of_every_family(image, chip):
    plan = make(image(chip))
    assert told(plan) == PLAN.format(bootloader=BOOTLOADERS[OFFSETS[chip]])
    assert plan.table == METER
    assert flash_plan.make(image(chip), FOUR_MB, flash_plan.blank, False) == plan


def test_the_steps_carry_what_the_image_has(image):
    given = image()
    *_, bootloader, app, table = make(given).steps
    assert (bootloader.data, app.data) == (given.bootloader, given.app)
    assert table.data == partitions.encode(METER).ljust(4096, b"\xff")
    assert len(app.sha) == 16 and app.sha != bootloader.sha


def test_steps_do_not_overlap(image):
    spans = sorted((step.offset, step.offset + step.size) for step in make(image("esp32s3")).steps)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))


def test_a_meter_keeps_all_but_micropython(image):
    chip = Chip((JOURNAL.offset, journal_sector()), table=METER)
    plan = make(image(version="v1.29.0"), chip)
    assert how(plan) == {
        "journal": "keep",
        "log": "keep",
        "files": "keep",
        "bootloader": "write",
        "MicroPython 1.29.0": "write",
        "partition table": "keep",
    }


def test_a_newer_image_with_a_bigger_place_for_its_app_leaves_the_table(image):
    chip = Chip((JOURNAL.offset, journal_sector()), table=METER)
    plan = make(image(table=BIG_FACTORY), chip)
    assert plan.table == METER and how(plan)["journal"] == "keep"


def test_an_app_that_needs_the_journals_place_is_refused(image):
    given = image(table=BIG_FACTORY)
    given = replace(given, app=given.app.ljust(0x200000, b"\0"))
    chip = Chip((JOURNAL.offset + 63 * 4096, journal_sector()), table=METER)
    assert "There is a journal at 0x200000 of the chip, with money in it" in refused(given, chip)
    assert how(make(given, Chip(table=METER)))["journal"] == "erase"  # never used: no money in it


def test_erase_begins_anew(image):
    chip = Chip((JOURNAL.offset, journal_sector()), table=METER)
    plan = make(image(), chip, erase=True)
    assert how(plan)["journal"] == how(plan)["log"] == how(plan)["files"] == "erase"
    assert how(plan)["partition table"] == "keep"


def test_a_journal_is_kept_when_the_log_is_new(image):
    chip = Chip((JOURNAL.offset, journal_sector()), table=(*STOCK, JOURNAL))
    with pytest.raises(ValueError, match="0x240000"):  # a filesystem was behind the journal
        make(
            image(), Chip((0x240008, b"littlefs"), (JOURNAL.offset, b""), table=(*STOCK, JOURNAL))
        )
    plan = make(image(), chip)
    assert (how(plan)["journal"], how(plan)["log"]) == ("keep", "erase")
    assert how(plan)["partition table"] == "write"


@pytest.mark.parametrize("table", [None, STOCK])
def test_a_journal_that_no_table_names_is_kept(image, table):
    chip = Chip((JOURNAL.offset + 5 * 4096, journal_sector(7)), table=table)
    assert how(make(image(), chip))["journal"] == "keep"
    assert how(make(image(), chip, erase=True))["journal"] == "erase"


@pytest.mark.parametrize("bit", [0, 17, 40, 70, 100])
def test_what_only_resembles_a_journal_is_erased(image, bit):
    sector = bytearray(journal_sector())
    sector[bit // 8] ^= 1 << bit % 8
    chip = Chip((JOURNAL.offset, bytes(sector)))
    assert how(make(image(), chip))["journal"] == "erase"


def test_a_journal_of_a_later_format_with_a_body_is_known(image):
    body = b"more"
    head = struct.pack("<HIH", 9, 3, len(body))
    sector = b"uJ" + head + struct.pack("<I", crc32(head + body)) + body
    assert how(make(image(), Chip((JOURNAL.offset, sector))))["journal"] == "keep"


@pytest.mark.parametrize("at", [8, 4096 + 8])
@pytest.mark.parametrize("table", [STOCK, (*STOCK, VFS)])
def test_files_of_a_micropython_without_a_journal_partition(image, at, table):
    chip = Chip((0x200000 + at, b"littlefs"), table=table)
    assert "There are files on the chip, at 0x200000" in refused(image(), chip)


def test_files_where_the_log_would_be(image):
    chip = Chip((0x240008, b"littlefs"), table=(*STOCK, JOURNAL))
    assert "There are files on the chip, at 0x240000" in refused(image(), chip)


def test_a_fat_is_files_too(image):
    chip = Chip((0x2001FE, b"\x55\xaa"), table=(*STOCK, VFS))
    assert "There are files on the chip" in refused(image(), chip)
    assert how(make(image(), Chip(table=(*STOCK, VFS))))["files"] == "erase"


def test_a_table_of_slots_on_the_chip_does_not_stay(image):
    table = (*METER, Entry("otadata", DATA, 0, 0x280000, 0x2000))
    chip = Chip((JOURNAL.offset, journal_sector()), table=table)
    plan = make(image(), chip)
    assert plan.table == METER and how(plan)["journal"] == "keep"


def test_a_bigger_flash_is_the_filesystems(image):
    assert told(make(image(), flash_bytes=EIGHT_MB)) == told(make(image()))


def test_flashes_that_are_too_small(image):
    with pytest.raises(ValueError, match="has 2 MB of flash, and a meter needs 4; take a board"):
        make(image(), flash_bytes=FOUR_MB // 2)
    with pytest.raises(
        ValueError, match="is for 8 MB of flash, and the chip has 4; take the plain"
    ):
        make(image(flash_mb=8))


def test_no_room_behind_the_log(image):
    last = Entry("factory", APP, 0, 0x10000, 0x310000)
    with pytest.raises(ValueError, match="384 KB for files, and 512 are the least"):
        make(image(table=(*STOCK[:2], last)))
    with pytest.raises(ValueError, match="Partition log at 0x3e0000 ends at 0x420000"):
        make(image(table=(*STOCK[:2], replace(last, size=0x390000))))


def test_both_places_are_as_large_as_the_simulated_ones():
    from umeter_sim.board_api import PARTITION_BYTES

    assert JOURNAL.size == LOG.size == RAW_BYTES == PARTITION_BYTES
