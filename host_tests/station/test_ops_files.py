"""Units, Dockerfile and compose file, as `umeter-station service-files` writes them."""

import re
import shutil
import subprocess

import pytest
import yaml

from cli_kit import run, told
from umeter_station.config_keys import all_keys
from umeter_station.ops.health import ROLES
from umeter_station.ops.service_files import REPOSITORY

_UNIT = "umeter-station@.service"


def _written(tmp_path, home="/var/lib/umeter-station", *options):
    told(home, "service-files", tmp_path / "files", *options)
    return tmp_path / "files"


def _settings(path):
    lines = [line for line in path.read_text().splitlines() if line and line[0] not in "#["]
    return dict(line.split("=", 1) for line in lines)


def test_nothing_is_left_to_be_filled_in(tmp_path):
    files = _written(tmp_path)
    for path in files.iterdir():
        assert not re.search(r"@[A-Z_]+@", path.read_text()), path.name


def test_the_unit_runs_each_role_hardened_and_watched(tmp_path):
    unit = _settings(_written(tmp_path, "/var/lib/meters", "--user", "meters") / _UNIT)
    assert unit["ExecStart"].endswith("--home /var/lib/meters run %i")
    assert (unit["User"], unit["StateDirectory"], unit["Type"]) == ("meters", "meters", "notify")
    assert unit["Restart"] == "always" and int(unit["WatchdogSec"]) >= 30
    assert unit["NoNewPrivileges"] == "yes" and unit["ProtectSystem"] == "strict"
    assert unit["ReadWritePaths"] == "-/var/lib/meters" and unit["CapabilityBoundingSet"] == ""
    assert int(unit["TimeoutStopSec"]) > 10 and unit["KillMode"] == "mixed"
    target = (tmp_path / "files" / "umeter-station.target").read_text()
    assert all(f"umeter-station@{role}.service" in target for role in ROLES)


def test_a_home_elsewhere_may_be_written_to_and_is_not_hidden(tmp_path):
    unit = _settings(_written(tmp_path, "/home/anna/st") / _UNIT)
    assert unit["ProtectHome"] == "read-only" and unit["ReadWritePaths"] == "-/home/anna/st"
    assert "StateDirectory" not in unit
    home = tmp_path / "home"
    told(home, "init")
    with open(home / "config.toml", "a") as file:
        file.write('[backup]\nfolder = "/srv/kept"\n')
    unit = _settings(_written(tmp_path, home) / _UNIT)
    assert unit["ReadWritePaths"] == f"-{home} -/srv/kept"


def test_a_name_that_would_end_a_line_is_refused(tmp_path):
    done = run(tmp_path / "a b", "service-files", tmp_path / "files")
    assert done.exit_code == 1 and "plain letters" in done.stderr
    done = run(tmp_path, "service-files", tmp_path / "files", "--user", "me\nExecStart=/bin/sh")
    assert done.exit_code == 1 and not (tmp_path / "files").exists()


def test_systemd_accepts_the_units(tmp_path):
    systemd = shutil.which("systemd-analyze")
    if systemd is None:
        pytest.skip("systemd is not installed here.")
    files = _written(tmp_path)
    for role in ROLES:
        shutil.copy(files / _UNIT, files / f"umeter-station@{role}.service")
    units = [files / "umeter-station.target", *files.glob("umeter-station@?*.service")]
    done = subprocess.run([systemd, "verify", *units], capture_output=True, text=True)
    assert done.returncode == 0 and "umeter" not in done.stderr, done.stderr


def test_the_compose_file_has_every_role_and_only_known_settings(tmp_path):
    files = _written(tmp_path)
    document = yaml.safe_load((files / "compose.yaml").read_text())
    services = document["services"]
    assert set(services) == {*ROLES, "setup", "mosquitto", "postgres"}
    known = {key.variable for key in all_keys().values()}
    secrets = {key.variable + "_FILE" for key in all_keys().values() if key.kind == "secret"}
    for role in ROLES:
        service = services[role]
        assert service["command"] == ["run", role] and service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][-2:] == ["health", role]
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        assert {n for n in service["environment"] if n.startswith("UMETER")} <= known | secrets
        assert service["image"] == "umeter-station"
        assert int(service["stop_grace_period"].rstrip("s")) > 10
        assert service["build"] == {
            "context": str(REPOSITORY),
            "dockerfile": str(files / "Dockerfile"),
        }
    volumes = {v.split(":")[0] for s in services.values() for v in s["volumes"]}
    assert {v for v in volumes if not v.startswith("./")} == set(document["volumes"])
    # A password stands in no file: neither on a command line nor in an environment.
    assert services["postgres"]["environment"]["POSTGRES_PASSWORD_FILE"].startswith(
        "/run/secrets/"
    )
    assert "mqtt" not in str(services["mosquitto"]["ports"]) and "1883" not in str(services)


def test_the_image_is_made_of_what_the_repository_has(tmp_path):
    lines = (_written(tmp_path) / "Dockerfile").read_text().splitlines()
    copied = [words[1:-1] for words in map(str.split, lines) if words[:1] == ["COPY"]]
    assert copied and all((REPOSITORY / name).exists() for names in copied for name in names)
    # Nothing but an image's name says where anything comes from.
    assert not re.search(r"https?://|index-url", "\n".join(lines))
