"""A real Mosquitto on a port of this machine: started, stopped, killed, with its memory or
without.
"""

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from umeter_station.broker import EmbeddedBroker, unused_port
from umeter_station.errors import StationError

_START_S = 5.0
_STOP_S = 10.0
# Where Debian puts it, which is not on everybody's PATH.
_FOLDERS = (os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin")


def installed():
    """The path of mosquitto, or None."""
    return shutil.which("mosquitto", path=os.pathsep.join(_FOLDERS))


def any_broker():
    """Mosquitto where it is installed, else the embedded broker; not started yet."""
    return Mosquitto() if installed() else EmbeddedBroker()


class Mosquitto:
    """Used like EmbeddedBroker, but what it holds for its clients outlives a stop.

    folder: for its files, else a temporary one. port: 0 takes a free one at the first start.
    lines: more of mosquitto.conf, of the listener too. tls: (ca, certificate, key), PEM files: the
    listener speaks TLS. config: a whole mosquitto.conf instead, whose listener is on `port`.
    """

    def __init__(self, folder=None, port=0, lines=(), tls=None, config=None):
        self.host = "127.0.0.1"
        self.port = port
        self._temporary = None if folder else tempfile.TemporaryDirectory()
        self.folder = Path(folder or self._temporary.name)
        self._chosen = bool(port)
        self._lines = list(lines)
        if tls:
            names = ("cafile", "certfile", "keyfile")
            self._lines += [f"{name} {path}" for name, path in zip(names, tls, strict=True)]
        self._tls = bool(tls)
        self._config = config
        self._process = None

    @property
    def url(self):
        return f"{'mqtts' if self._tls else 'mqtt'}://{self.host}:{self.port}"

    @property
    def pid(self):
        """While it is running."""
        return self._process.pid

    @property
    def is_running(self):
        return self._process is not None

    def start(self):
        """Returns when connections are accepted. StationError tells why there are none."""
        if self._process is not None:
            return
        program = installed()
        if program is None:
            raise StationError("Mosquitto is not installed here; apt-get install mosquitto.")
        self.folder.mkdir(parents=True, exist_ok=True)
        end_s = time.monotonic() + _START_S
        while not self._started(program):
            if time.monotonic() > end_s:
                raise StationError(
                    f"Mosquitto does not start on port {self.port}: {self._last_words()};"
                    " choose another port or configuration."
                )
            time.sleep(0.1)

    def stop(self, keep=True):
        """End it as its service manager does; sessions and retained messages stay on disk if
        `keep`.
        """
        self._end(self._process.terminate if self._process else None, keep)

    def kill(self, keep=True):
        """End it as a power cut does: the disk has what it had when it was last saved."""
        self._end(self._process.kill if self._process else None, keep)

    def log(self):
        """What it has said since the first start."""
        path = self.folder / "mosquitto.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _end(self, how, keep):
        if how is not None:
            how()
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            atexit.unregister(self._process.kill)
            self._process = None
        if not keep:
            (self.folder / "mosquitto.db").unlink(missing_ok=True)

    def _started(self, program):
        """One try: False if it ended instead of listening."""
        if not self._chosen:
            self.port = unused_port(self.host)
        elif self._is_held():
            return False  # whoever holds it would answer in its place
        path = self.folder / "mosquitto.conf"
        path.write_text(self._config or self._text())
        with open(self.folder / "mosquitto.log", "a") as log:
            process = subprocess.Popen(
                [program, "-c", str(path)], stdout=log, stderr=subprocess.STDOUT
            )
        end_s = time.monotonic() + _START_S
        while process.poll() is None and time.monotonic() < end_s:
            try:
                socket.create_connection((self.host, self.port), 1).close()
            except OSError:
                time.sleep(0.005)
            else:
                self._process = process
                atexit.register(process.kill)  # whoever forgot to stop it
                self._chosen = True  # the port stays over later starts
                return True
        process.kill()
        process.wait()
        return False

    def _is_held(self):
        with socket.socket() as probe:
            return probe.connect_ex((self.host, self.port)) == 0

    def _text(self):
        lines = [
            "persistence true",
            f"persistence_location {self.folder}/",
            "autosave_interval 1",
            "autosave_on_changes true",
            "max_queued_messages 10000",
            "set_tcp_nodelay true",
            "log_dest stderr",
            f"listener {self.port} {self.host}",
            "allow_anonymous true",
        ]
        if os.geteuid() == 0:
            # Otherwise it becomes a user who may not write into our folder.
            lines.insert(0, "user root")
        return "\n".join(lines + self._lines) + "\n"

    def _last_words(self):
        return (self.log().strip().splitlines() or ["something else holds it"])[-1]
