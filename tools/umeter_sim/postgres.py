"""A real PostgreSQL of one's own, for a while: its server stopped, killed and started again, and
as many databases in it as are asked for.
"""

import atexit
import functools
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import sqlalchemy as sa

from umeter_station.errors import StationError

_START_S = 30.0
_STOP_S = 20.0
# Where Debian puts it; PATH knows of some other systems'.
_DEBIAN = Path("/usr/lib/postgresql")
_USER = "postgres"
# Nobody needs these data after a power cut, and one socket is all that leads there.
_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "jit": "off",
    "log_checkpoints": "off",
}


@functools.cache
def installed():
    """The folder of PostgreSQL's programs, the newest version's; or None."""
    versions = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = versions[-1:] or [Path(p) for p in [shutil.which("initdb")] if p]
    return found[0].parent if found else None


def version():
    """As "PostgreSQL 15.14"; None where it is not installed."""
    if installed() is None:
        return None
    said = subprocess.run([installed() / "postgres", "--version"], capture_output=True, text=True)
    return "PostgreSQL " + re.search(r"[\d.]+", said.stdout)[0]


class Postgres:
    """`start()`, `url(name)` of databases made by `create()`, `stop()`; the data outlive a stop,
    not this process. settings: of its configuration, beside those above."""

    def __init__(self, **settings):
        self._settings = {**_SETTINGS, **settings}
        self.folder = None
        self._process = None

    def start(self):
        """Returns when connections are accepted. StationError tells why there are none."""
        if installed() is None:
            raise StationError("PostgreSQL is not installed here; apt-get install postgresql.")
        if self.folder is None:
            self._make()
        with open(self.folder / "log", "a") as log:
            self._process = self._open(
                "postgres",
                *("-D", self.folder / "data", "-k", self.folder),
                *(f"--{name}={value}" for name, value in self._settings.items()),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        end_s = time.monotonic() + _START_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > end_s:
                said = (self.folder / "log").read_text(errors="replace").strip().splitlines()
                raise StationError(f"PostgreSQL does not start: {(said or ['no word'])[-1]}")
            time.sleep(0.02)

    def stop(self):
        """End it as its service manager does: transactions under way are rolled back."""
        self._end("INT")

    def kill(self):
        """End all its processes at once; what was committed is recovered at the next start."""
        self._end("QUIT")

    def close(self):
        if self._process is not None:
            self.kill()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    def url(self, name):
        """As `umeter-station --database` takes it."""
        return f"postgresql://{_USER}@/{name}?host={self.folder}"

    def create(self, name, template="template0"):
        self._tell(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop(self, name):
        self._tell(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _make(self):
        self.folder = Path(tempfile.mkdtemp(prefix="umeter-postgres-"))
        atexit.register(self.close)
        if os.geteuid() == 0:
            owner = pwd.getpwnam(_USER)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        made = self._open(
            "initdb",
            *("-D", self.folder / "data", "-U", _USER, "-A", "trust", "--no-sync"),
            *("-E", "UTF8", "--locale=C"),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        said, _ = made.communicate()
        if made.returncode:
            raise StationError(f"PostgreSQL's initdb failed: {said.decode().strip()}")

    def _open(self, program, *arguments, **more):
        # PostgreSQL refuses to be root; and whoever started it may be killed: it ends then, too.
        command = ["setpriv", "--pdeathsig", "INT"]
        if os.geteuid() == 0:
            command += [f"--reuid={_USER}", f"--regid={_USER}", "--init-groups"]
        command += ["--", installed() / program, *arguments]
        return subprocess.Popen([str(part) for part in command], cwd="/", **more)

    def _answers(self):
        try:
            self._tell("SELECT 1")
        except sa.exc.OperationalError:
            return False
        return True

    def _tell(self, statement):
        url = sa.make_url(self.url("postgres")).set(drivername="postgresql+psycopg")
        engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as conn:
            conn.exec_driver_sql(statement)

    def _end(self, signal):
        subprocess.run(["kill", f"-{signal}", str(self._process.pid)], check=False)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
