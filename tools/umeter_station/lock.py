"""One ingest per station: two with the same session would throw each other off the broker."""

from pathlib import Path
from typing import IO

from umeter_station.errors import StationError

try:
    import fcntl
except ImportError:  # Not on Windows: there nobody is stopped from starting a second one.
    fcntl = None


class IngestLock:
    """Held while the ingest runs; the operating system drops it when the process dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO | None = None

    def acquire(self) -> None:
        file = self._path.open("w")
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            raise StationError(
                f"The station in {self._path.parent} is running already; stop that one first."
            ) from None
        self._file = file

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
