"""systemd units, a Dockerfile and a compose file, filled in for one station."""

import re
import sys
from pathlib import Path

from umeter_station import config as configuration
from umeter_station.errors import StationError

FOLDER = Path(__file__).resolve().parents[1] / "deploy"
REPOSITORY = FOLDER.parents[2]
_STATE = Path("/var/lib")
# systemd hides these from a service that is told to protect them.
_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
_PLAIN = re.compile(r"[\w./+-]+")


def write(to: Path, home: Path, user: str) -> list[Path]:
    """Returns the files made. Raises StationError."""
    home = home.absolute()
    filled = _filled(home, user, to.absolute())
    made = []
    try:
        to.mkdir(parents=True, exist_ok=True)
        for source in sorted(FOLDER.iterdir()):
            text = source.read_text()
            for name, value in filled.items():
                text = text.replace(f"@{name}@", value)
            (to / source.name).write_text(text)
            made.append(to / source.name)
    except OSError as error:
        raise StationError(f"{to} cannot be written ({error.strerror}).") from None
    return made


def _filled(home: Path, user: str, here: Path) -> dict[str, str]:
    for value in (str(home), user, str(here), sys.executable, str(REPOSITORY)):
        if not _PLAIN.fullmatch(value):
            raise StationError(f"{value!r} cannot stand in a unit; use plain letters for it.")
    program = Path(sys.executable).parent / "umeter-station"
    start = str(program) if program.exists() else f"{sys.executable} -m umeter_station.cli"
    writable = [home, *_outside(home)]
    hidden = any(p.is_relative_to(h) for p in (*writable, Path(sys.executable)) for h in _HOMES)
    # Made and given to the user by systemd, if it is where systemd keeps such things.
    state = f"StateDirectory={home.name}\nStateDirectoryMode=0700" if home.parent == _STATE else ""
    return {
        "PROGRAM": start,
        "HOME": str(home),
        "USER": user,
        "STATE": state or "# StateDirectory= is for a home in /var/lib.",
        "WRITABLE": " ".join(f"-{path}" for path in writable),
        "PROTECT_HOME": "read-only" if hidden else "yes",
        "REPOSITORY": str(REPOSITORY),
        "HERE": str(here),
    }


def _outside(home: Path) -> list[Path]:
    """What the station also writes to: its database's folder, and that of the backups."""
    if not (home / "config.toml").exists():
        return []
    known = configuration.load(home, secrets_there=False)
    wanted = [known.backup.folder]
    if isinstance(known.database, Path):
        wanted.append(known.database.parent)
    return [path for path in wanted if path is not None and not path.is_relative_to(home)]
