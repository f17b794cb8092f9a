"""`umeter backup` and `umeter restore`: the file, what it is refused for, and whose it is."""

import binascii
import json
import stat
import struct
import zipfile

import pytest
from typer.testing import CliRunner

import backup_kit as kit
from prompt_kit import prompt
from simulated_chip import board
from umeter_deploy import backup as backups
from umeter_deploy import cli_backup, journal_books
from umeter_deploy.backup import BackupError
from umeter_deploy.cli import app

SITE = {"meter": "m1", "key": "5a" * 32, "made_t": 1}
SIZE = 4 * 4096  # of the simulated journal
IMAGE = journal_books.written(kit.values(), 1).rstrip(b"\xff")


class Bench:
    """A board at its prompt, and the commands."""

    def __init__(self, folder, monkeypatch):
        self.monkeypatch, self.folder = monkeypatch, folder
        self.file = folder / "m1.backup"
        self.renew()

    def renew(self, values=None, site=SITE, name="board"):
        """Another board is at the port; site: None for a blank one."""
        root = self.folder / f"{name}{len(list(self.folder.iterdir()))}"
        root.mkdir()
        self.root = root
        if site is not None:
            (root / "board.json").write_text(json.dumps(board()))
            (root / "site.json").write_text(json.dumps(site))
            (root / "ca0.der").write_bytes(bytes(range(256)) * 5)
            (root / "slot").write_text("b good")
        cells = kit.cells(values, sectors=4) if values else b"\xff" * SIZE
        self.cells = {"journal": bytearray(cells)}
        self.there = prompt(root=root, cells=self.cells)
        self.monkeypatch.setattr(cli_backup, "Link", lambda port: self.there)

    def run(self, command, *words):
        arguments = [command, "--port", "/dev/null", str(self.file), *words]
        done = CliRunner().invoke(app, arguments, env={"COLUMNS": "150"})
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

    def books(self):
        return journal_books.read(bytes(self.cells["journal"]))


@pytest.fixture
def bench(tmp_path, monkeypatch):
    bench = Bench(tmp_path, monkeypatch)
    bench.renew(kit.values())
    return bench


@pytest.fixture
def saved(bench):
    assert bench.run("backup").exit_code == 0
    return bench


def renumbered(values):
    """Boots and events go on far behind those of the backup."""
    assert journal_books.ahead(values, 1000, 4096)["b"] > values["b"]
    return journal_books.ahead(values, 1000, 4096)


def test_a_backup_has_it_all_and_is_for_its_owner(bench):
    done = bench.run("backup")
    assert done.exit_code == 0, done.output
    assert "books of meter m1 after order 4, and its key" in done.stdout
    assert stat.S_IMODE(bench.file.stat().st_mode) == 0o600
    found = backups.read(bench.file)
    assert found.journal == bytes(bench.cells["journal"])
    assert found.site == SITE and found.files["ca0.der"] == bytes(range(256)) * 5
    assert found.about | {"made_t": 0, "software": ""} == {
        "format": 1, "made_t": 0, "meter": "m1", "board": "bench", "slot": "b good",
        "software": "",
    }  # fmt: skip
    assert len(found.about["software"]) == 16
    assert list(bench.folder.glob("*.part")) == []


def test_a_file_that_is_there_stays(saved):
    before = saved.file.read_bytes()
    done = saved.run("backup")
    assert done.exit_code == 1 and "is there already" in done.stderr
    assert saved.file.read_bytes() == before


def test_a_board_that_is_no_meter_has_no_backup(bench):
    bench.renew(site=None)
    assert "no meter yet" in bench.run("backup").stderr
    assert not bench.file.exists()


def test_a_board_without_a_journal_partition_has_it_in_a_file(bench):
    del bench.there.chip.flash.partitions["journal"]
    (bench.root / "journal.bin").write_bytes(kit.cells(kit.values((9,)), sectors=4))
    assert bench.run("backup").exit_code == 0
    (bench.root / "journal.bin").unlink()
    assert bench.run("restore", "--confirm").exit_code == 0
    there = journal_books.read((bench.root / "journal.bin").read_bytes())
    assert there.values == renumbered(kit.values((9,)))


def test_a_dead_board_s_books_go_to_a_blank_one(saved):
    saved.renew(site=None)
    done = saved.run("restore")
    assert done.exit_code == 1 and "with --confirm" in done.stderr
    assert "1 0 5.000000 0.000000 5.000000 -" in [
        " ".join(r.split()) for r in done.stdout.split("\n")
    ]
    assert saved.books().values == {} and not (saved.root / "site.json").exists()
    done = saved.run("restore", "--confirm")
    assert done.exit_code == 0, done.output
    assert "umeter deploy" in done.stdout and "station" in done.stdout
    assert saved.books().values == renumbered(kit.values())
    assert json.loads((saved.root / "site.json").read_text()) == SITE
    assert (saved.root / "ca0.der").read_bytes() == bytes(range(256)) * 5
    again = saved.run("restore", "--confirm")
    assert again.exit_code == 1 and "just what the backup has" in again.stderr


def test_a_board_that_was_deployed_to_takes_the_books_and_keeps_its_files(saved):
    saved.renew(kit.values((0, 0, 0)), {**SITE, "made_t": 2})
    done = saved.run("restore", "--confirm")
    assert done.exit_code == 0, done.output
    assert saved.books().values == renumbered(kit.values())
    assert json.loads((saved.root / "site.json").read_text())["made_t"] == 2


def test_a_damaged_journal_gives_way_and_is_named(saved):
    saved.renew(kit.values())
    saved.cells["journal"][20] = 0
    done = saved.run("restore", "--confirm")
    assert done.exit_code == 0 and "journal is damaged" in done.stderr
    assert saved.books().values == renumbered(kit.values())


@pytest.mark.parametrize(
    "site, values, words",
    [
        ({**SITE, "meter": "m2"}, None, "This board is meter m2, the backup is of m1"),
        ({**SITE, "key": "77" * 32}, None, "This board's key is not that of the backup"),
        (SITE, kit.values((6_000_000, 0, 7_000_000)), "journal is newer (channel 1: 6 credited"),
        (SITE, kit.values(first_n=9), "journal is newer (order 12"),
    ],
)
def test_another_meter_or_newer_books_are_left_alone(saved, site, values, words):
    saved.renew(values, site)
    before = bytes(saved.cells["journal"])
    done = saved.run("restore", "--confirm")
    assert done.exit_code == 1 and words in done.stderr, done.output
    assert bytes(saved.cells["journal"]) == before


def test_a_journal_of_a_later_firmware_is_left_alone(saved):
    cells = bytearray(kit.cells(kit.values(), sectors=4))
    cells[2] = 9
    struct.pack_into("<I", cells, 10, binascii.crc32(cells[2:10]))
    saved.renew(kit.values())
    saved.cells["journal"][:] = cells
    done = saved.run("restore", "--confirm")
    assert done.exit_code == 1 and "journal format 9" in done.stderr
    assert saved.cells["journal"] == cells


@pytest.mark.parametrize("what", ["bytes_left", "erases_left"])
def test_a_restore_that_is_cut_is_done_again(saved, what):
    erased, pieces = 8192, -(-len(IMAGE) // 512) * 512
    cuts = (0, 4096, erased, erased + 1, erased + 200, erased + pieces - 1, erased + pieces - 14)
    for left in cuts if what == "bytes_left" else (0, 1):
        saved.renew(kit.values((0, 0, 0)))
        setattr(saved.there.chip.flash.cut, what, left)
        with pytest.raises(saved.there.chip.world.BoardDown):
            saved.run("restore", "--confirm")
        assert saved.books().values == kit.values((0, 0, 0))
        saved.there = prompt(root=saved.root, cells=saved.cells)
        assert saved.run("restore", "--confirm").exit_code == 0
        assert saved.books().values == renumbered(kit.values())


@pytest.mark.parametrize(
    "spoil, words",
    [
        (lambda data: b"", "no backup of a board"),
        (lambda data: data[:300], "cut short"),
        (lambda data: b"PK" + bytes(500), "no backup"),
    ],
)
def test_what_is_no_backup_is_said(saved, spoil, words):
    saved.file.write_bytes(spoil(saved.file.read_bytes()))
    done = saved.run("restore", "--confirm")
    assert done.exit_code == 1 and words in done.stderr


@pytest.mark.parametrize(
    "change, words",
    [
        ({"journal.bin": b"\xff" * SIZE}, "changed"),
        ({"site.json": b"{}"}, "changed"),
        ({"site.json": None}, "changed"),
        ({"more.der": b"x"}, "changed"),
        ({"manifest.json": None}, "no backup"),
        ({"manifest.json": b"[]"}, "no backup"),
        ({"manifest.json": b'{"format": 2, "sha256": {}}'}, "later version"),
    ],
)
def test_each_part_is_what_the_manifest_says(saved, change, words):
    with zipfile.ZipFile(saved.file) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()} | change
    with zipfile.ZipFile(saved.file, "w") as archive:
        for name, content in contents.items():
            if content is not None:
                archive.writestr(name, content)
    with pytest.raises(BackupError, match=words):
        backups.read(saved.file)


def test_a_file_that_is_not_there(bench):
    assert "cannot be read: No such file" in bench.run("restore").stderr
