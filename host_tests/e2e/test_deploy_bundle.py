"""A release as one file: the same firmware makes the same file, and what is damaged is seen."""

import hashlib
import json
import zipfile

import pytest
from typer.testing import CliRunner

import umeter
from umeter_deploy import bundle as bundles
from umeter_deploy import bundle_build, files
from umeter_deploy.cli import app
from umeter_sim.ota_board import JOURNAL
from umeter_sim.paths import BOARDS, FIRMWARE

FILES = {"umeter/app.mpy": b"app", "umeter/core/a.mpy": b"a", "umeter/__init__.mpy": b"i"}


@pytest.fixture
def made():
    return bundles.make(2, "0.2.0", "sim8", 302, FILES)


def test_it_comes_back_as_it_was(made, tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(bundles.packed(made))
    assert bundles.read(path) == made
    assert bundles.packed(made) == path.read_bytes()
    assert made.name == hashlib.sha256(made.manifest).hexdigest()


def test_its_manifest_has_a_line_for_each_file(made):
    head, *lines, end = made.manifest.decode().splitlines()
    assert json.loads(head + "]}")["release"] == 2 and end == "]}"
    assert [json.loads(line.rstrip(","))[0] for line in lines] == list(FILES)
    assert json.loads(made.manifest)["files"][0][1] == 3


def test_its_software_is_what_the_meter_will_tell(made, tmp_path):
    for path, content in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    from umeter.hal.software import digest

    assert made.software == digest(str(tmp_path / "umeter"))


def test_what_is_damaged_is_refused(made, tmp_path):
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(bundles.MANIFEST, made.manifest)
        for name in FILES:
            archive.writestr(name, b"other")
    with pytest.raises(ValueError, match="is damaged"):
        bundles.read(path)


@pytest.mark.parametrize("content", [b"", b"no zip"])
def test_what_is_none_is_refused(content, tmp_path):
    path = tmp_path / "bundle.zip"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is no bundle"):
        bundles.read(path)


@pytest.mark.parametrize("given", [{}, {"umeter/app.mpy": b""}, {"umeter/app.mpy": b"x" * 65_536}])
def test_what_a_meter_could_not_take_is_refused(given):
    with pytest.raises(ValueError):
        bundles.make(2, "0.2.0", "sim8", 302, given)


def test_the_command_makes_one_of_this_firmware(tmp_path):
    path = tmp_path / "sim8.zip"
    done = CliRunner().invoke(app, ["bundle", str(BOARDS / "sim8"), "--to", str(path)])
    assert done.exit_code == 0, done.output
    made = bundles.read(path)
    assert (made.release, made.journal) == (umeter.RELEASE, JOURNAL)
    names = [name for name, _ in made.files]
    assert {"umeter/hal/slots.mpy", "umeter/net/order_update.mpy", "umeter/net/tls.mpy"} <= set(
        names
    )
    assert all(n.startswith("umeter/") and n.endswith(".mpy") for n in names)
    again = bundle_build.build(files.read(BOARDS / "sim8" / "board.json"), FIRMWARE)
    assert again == made


def test_a_board_that_is_not_good_is_said_in_a_sentence(tmp_path):
    done = CliRunner().invoke(app, ["bundle", str(tmp_path / "no.json")])
    assert done.exit_code == 1 and "cannot be read" in done.output
