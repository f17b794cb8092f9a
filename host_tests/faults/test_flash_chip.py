"""`umeter flash` with the real esptool against a simulated loader on a pseudo-terminal: the flash
holds the plan byte by byte, and what has to be kept is never touched.
"""

import os
import tty
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import flash_kit
from flash_kit import OFFSETS, STOCK, journal_sector
from thoroughness import one_in
from umeter_deploy import chip_link, esp_image, flash_plan, partitions
from umeter_deploy.cli import app
from umeter_deploy.partitions import RAW_BYTES
from umeter_sim.nor import Nor
from umeter_sim.rom_loader import RomLoader, Slip
from umeter_sim.rom_port import RomPort

METER = partitions.for_meter(STOCK)
JOURNAL, LOG = METER[3:]
MONEY = journal_sector() + bytes(range(256)) * 8
SECTORS_4_MB = 1024


@pytest.fixture
def image(tmp_path):
    def image(chip="esp32", **given):
        path = tmp_path / f"{chip}.bin"
        path.write_bytes(flash_kit.image(chip, **given))
        return path

    return image


def umeter(*arguments):
    done = CliRunner().invoke(app, ["flash", *map(str, arguments)], env={"COLUMNS": "100"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    if done.exit_code:
        assert done.stderr.count("\n") == 1 and done.stderr.endswith(".\n")
    return done


def flash(loader, image, *options, dies_after=None):
    with RomPort(loader, dies_after) as port:
        return umeter("--image", image, "--port", port.name, "--by-hand", *options)


def loader_of(chip="esp32", sectors=SECTORS_4_MB, table=None, *contents, **given):
    flash = Nor(sectors)
    if table is not None:
        contents += ((0x8000, partitions.encode(table)),)
    for offset, data in contents:
        flash.program(offset, data)
    return RomLoader(chip, flash, **given)


def holds(loader, plan):
    for step in plan.steps:
        if step.data is not None:
            assert loader.flash.cells[step.offset : step.offset + step.size] == step.data, step
    spans = [(step.offset, step.offset + step.size) for step in plan.steps if step.data]
    written = [(at, at + size) for at, size in loader.writes]
    assert all(any(a <= x and y <= b + 4095 for a, b in spans) for x, y in written)
    return True


@pytest.mark.parametrize("loader_in", ["--stub", "--no-stub"])
@pytest.mark.parametrize("chip", one_in(3, OFFSETS))
def test_a_bare_chip_of_every_family(image, chip, loader_in):
    loader, path = loader_of(chip), image(chip)
    done = flash(loader, path, loader_in)
    assert done.exit_code == 0, done.stderr
    assert "MicroPython 1.28.0 is on the board, after its reset button" in done.stdout
    assert loader.stub is (loader_in == "--stub")
    given = esp_image.read(path)
    plan = flash_plan.make(given, 4 << 20, flash_plan.blank, False)
    assert holds(loader, plan)
    # The whole file is there as it is, but for the table.
    cells, content = loader.flash.cells, path.read_bytes()
    table = slice(0x8000 - OFFSETS[chip], 0x9000 - OFFSETS[chip])
    merged = bytearray(cells[OFFSETS[chip] : OFFSETS[chip] + len(content)])
    assert partitions.decode(bytes(merged[table])) == METER
    merged[table] = content[table]
    assert merged == content
    assert set(cells[OFFSETS[chip] + len(content) : LOG.end]) == {0xFF}


@pytest.mark.parametrize("loader_in", ["--stub", "--no-stub"])
def test_a_second_run_keeps_journal_log_and_files(image, loader_in):
    loader = loader_of()
    flash(loader, image(), loader_in)
    kept = ((JOURNAL.offset, MONEY), (LOG.offset + 4096, b"log"), (LOG.end + 8, b"littlefs"))
    for offset, data in kept:
        loader.flash.program(offset, data)
    before, erased = bytes(loader.flash.cells), list(loader.flash.erased)
    loader = RomLoader("esp32", loader.flash)
    done = flash(loader, image(version="v1.29.0"), loader_in)
    assert done.exit_code == 0 and " keep " in done.stdout
    assert loader.flash.cells[JOURNAL.offset :] == before[JOURNAL.offset :]
    assert loader.flash.erased[JOURNAL.offset // 4096 :] == erased[JOURNAL.offset // 4096 :]
    assert loader.flash.erased[8] == erased[8]  # the partition table
    assert b"MicroPython v1.29.0" in loader.flash.cells


def test_money_in_the_way_is_refused_and_nothing_is_written(image):
    elsewhere = (*STOCK, partitions.Entry("journal", 1, 6, 0x300000, RAW_BYTES))
    loader = loader_of("esp32", SECTORS_4_MB, elsewhere, (0x300000, MONEY))
    before = bytes(loader.flash.cells)
    done = flash(loader, image())
    assert done.exit_code == 1 and "There is a journal at 0x300000" in done.stderr
    assert loader.flash.cells == before and loader.writes == []
    loader = RomLoader("esp32", loader.flash)
    assert flash(loader, image(), "--erase").exit_code == 0
    assert partitions.decode(bytes(loader.flash.cells[0x8000:0x8C00])) == METER


def test_the_one_likely_port_and_a_restart(image, monkeypatch):
    # The pseudo-terminal has no lines for a reset: esptool does without, as it does with some USB.
    loader = loader_of("esp32c3")
    with RomPort(loader) as port:
        there = SimpleNamespace(device=port.name, vid=0x1A86, pid=0x7523, product=None)
        monkeypatch.setattr("serial.tools.list_ports.comports", lambda: [there])
        done = umeter("--image", image("esp32c3"))
    assert done.exit_code == 0, done.stderr
    assert "MicroPython 1.28.0 is on the board; go on with `umeter provision`" in done.stdout


def test_a_dry_run_only_reads(image):
    loader = loader_of()
    done = flash(loader, image(), "--dry-run")
    assert done.exit_code == 0 and "erase" in done.stdout and "is on the board" not in done.stdout
    assert loader.writes == [] and set(loader.flash.cells) == {0xFF}


def test_a_chip_of_another_family_is_refused(image):
    loader = loader_of("esp32c3")
    done = flash(loader, image("esp32s3"))
    assert done.exit_code == 1 and "is an ESP32-C3, not an ESP32-S3; take the file" in done.stderr
    assert loader.writes == []
    done = umeter("--image", image("esp32s3"), "--chip", "esp32", "--dry-run")
    assert done.exit_code == 1 and "is for an ESP32-S3, not an ESP32;" in done.stderr
    done = umeter("--image", image("esp32s3"), "--chip", "8266", "--dry-run")
    assert done.exit_code == 1 and "--chip is '8266', it must be auto or one of" in done.stderr


@pytest.mark.parametrize("chip", ["esp32h2", "esp32c2"])
def test_a_chip_that_no_meter_runs_on(image, chip):
    done = flash(loader_of(chip), image())
    assert done.exit_code == 1 and "no meter runs on it" in done.stderr


def test_a_flash_that_is_too_small(image):
    loader = loader_of("esp32", SECTORS_4_MB // 2)
    done = flash(loader, image())
    assert done.exit_code == 1 and "has 2 MB of flash, and a meter needs 4" in done.stderr
    assert loader.writes == []


def test_a_bigger_flash_is_measured(image):
    loader = loader_of("esp32", SECTORS_4_MB * 2)
    done = flash(loader, image())
    assert done.exit_code == 0 and "ESP32, 8 MB of flash" in done.stdout


def test_a_chip_that_is_locked(image):
    crypt_count = 0x3FF5A000
    done = flash(loader_of(registers={crypt_count: 1 << 20}), image())
    assert done.exit_code == 1 and "fuses are set for signed or encrypted" in done.stderr


@pytest.mark.parametrize("loader_in", ["--stub", "--no-stub"])
@pytest.mark.parametrize("dies_after", one_in(2, [1, 300_000, 560_000, 600_000, 655_000]))
def test_a_port_that_dies_is_one_sentence_and_a_second_run_mends_it(image, dies_after, loader_in):
    loader, path = loader_of(), image()
    done = flash(loader, path, loader_in, dies_after=dies_after)
    assert done.exit_code == 1
    assert "of the flash failed, and can be begun anew (" in done.stderr
    loader = RomLoader("esp32", loader.flash)
    assert flash(loader, path, loader_in).exit_code == 0
    plan = flash_plan.make(esp_image.read(path), 4 << 20, flash_plan.blank, False)
    assert holds(loader, plan)


@pytest.mark.parametrize("dies_after", one_in(2, [1, 40_000, 100_000]))
@pytest.mark.parametrize("table", [METER, None, STOCK])
def test_money_outlives_a_port_that_dies(image, dies_after, table):
    loader = loader_of("esp32", SECTORS_4_MB, table, (JOURNAL.offset, MONEY))
    for _ in range(2):
        done = flash(RomLoader("esp32", loader.flash), image(), dies_after=dies_after)
        assert done.exit_code == 1 and "can be begun anew" in done.stderr
        assert loader.flash.cells[JOURNAL.offset :].startswith(MONEY)
    loader = RomLoader("esp32", loader.flash)
    assert flash(loader, image()).exit_code == 0
    assert loader.flash.cells[JOURNAL.offset :].startswith(MONEY)
    assert loader.flash.erased[JOURNAL.offset // 4096] == 0


def test_a_flash_that_does_not_hold_what_is_written(image):
    class Worn(Nor):
        def program(self, off, buf):
            super().program(off, b"\0" + buf[1:] if off == 0x1000 else buf)

    done = flash(RomLoader("esp32", Worn(SECTORS_4_MB)), image())
    assert done.exit_code == 1 and "Writing to 0x1000 of the flash failed" in done.stderr
    assert "MD5" in done.stderr


def test_nobody_answers(image, monkeypatch):
    monkeypatch.setattr("esptool.loader.SYNC_TIMEOUT", 0.001)
    monkeypatch.setattr("time.sleep", lambda _: None)
    here, there = os.openpty()
    tty.setraw(there)
    try:
        done = umeter("--image", image(), "--port", os.ttyname(there), "--by-hand")
    finally:
        os.close(here)
        os.close(there)
    assert done.exit_code == 1 and "hold its BOOT button, press RESET" in done.stderr


def test_a_port_that_is_not_there(image, tmp_path):
    done = umeter("--image", image(), "--port", tmp_path / "tty")
    assert done.exit_code == 1 and "No chip answers on" in done.stderr


def test_the_plan_of_a_new_chip_without_any(image):
    done = umeter("--image", image("esp32s3"), "--dry-run")
    assert done.exit_code == 0 and "ESP32-S3, 4 MB of flash, a new chip" in done.stdout
    assert "│      0x0 │  32768 │ write │ bootloader" in done.stdout


def test_a_link_reads_as_slowly_as_the_rom_has_it():
    loader = loader_of("esp32c6", SECTORS_4_MB, None, (0x2000, bytes(range(200))))
    with (
        RomPort(loader) as port,
        chip_link.connect(port.name, stub=False, by_hand=True) as link,
    ):
        assert (link.chip, link.flash_bytes) == ("esp32c6", 4 << 20)
        assert link.read(0x2000, 200) == bytes(range(200))


def test_frames_of_slip():
    payload = bytes(range(256)) + b"\xc0\xdb\xc0\xc0\xdb\xdb"
    framed = Slip.frame(payload)
    assert framed[1:-1].count(b"\xc0") == 0
    for size in (1, 7, len(framed)):
        slip = Slip()
        frames = []
        for at in range(0, len(framed), size):
            frames += slip.feed(framed[at : at + size])
        assert frames == [payload]
