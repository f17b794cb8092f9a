"""What a built wheel has."""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from umeter_sim.paths import ROOT

_BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with what the wheel brings, as an installation has it."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("made")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    hidden = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "tools", source / "tools", ignore=hidden)
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, made], cwd=source, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = made.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(made / "installed")
    return made / "installed"


def test_it_has_every_file_of_every_package(installed):
    tools = ROOT / "tools"
    there = {
        path.relative_to(tools)
        for path in tools.glob("umeter_*/**/*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    wheel = {path.relative_to(installed) for path in installed.rglob("*") if path.is_file()}
    assert there and there - wheel == set()


def test_it_writes_the_files_of_a_service_from_itself(installed, tmp_path):
    deploy = installed / "umeter_station" / "deploy"
    with open(deploy / "environment.example", "a") as file:
        file.write("# of the wheel\n")
    env = {**os.environ, "PYTHONPATH": str(installed)}
    told = [sys.executable, "-m", "umeter_station.cli", "service-files", tmp_path / "files"]
    done = subprocess.run(told, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = {path.name for path in (tmp_path / "files").iterdir()}
    assert made == {path.name for path in deploy.iterdir()} and len(made) == 5
    assert "# of the wheel" in (tmp_path / "files" / "environment.example").read_text()
