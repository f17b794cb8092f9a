"""The station as one object: the books, open to any process, and the ingest, in one of them."""

from pathlib import Path

from umeter_station import config as configuration
from umeter_station.books import Books
from umeter_station.clock import Clock
from umeter_station.errors import StationError
from umeter_station.ingest import Ingest
from umeter_station.lock import IngestLock


class Station(Books):
    """The books, and one ingest: the only one, or a worker of those that config.toml names."""

    def __init__(
        self,
        home: Path,
        broker_url: str | None = None,
        clock: Clock | None = None,
        worker: int = 0,
    ) -> None:
        """`home` is made if it is missing."""
        if not (home / "config.toml").exists():
            configuration.create_home(home, broker_url or "mqtt://127.0.0.1:1883")
        super().__init__(home, clock)
        self._broker_url = broker_url or self.config.broker
        self._worker = worker
        self._lock = IngestLock(home / (f"ingest-{worker}.lock" if worker else "ingest.lock"))
        self._ingest: Ingest | None = None

    def start(self, connect_timeout_s: float = 0.0) -> bool:
        """Start the ingest; True if the broker was reached in time. It goes on trying anyway."""
        if self._ingest is not None:
            raise StationError("This station is running already.")
        self._lock.acquire()
        try:
            ingest = Ingest(
                self.db,
                self.clock,
                self._broker_url,
                self.config.client_id,
                self.config.ca_file,
                self.config.ingest,
                self._worker,
                self.config.ingest.workers,
            )
            ingest.start()
        except BaseException:
            self._lock.release()
            raise
        self._ingest = ingest
        return ingest.wait_connected(connect_timeout_s)

    def is_well(self) -> bool:
        """The ingest runs; the broker or the database may be away."""
        return self._ingest is not None and self._ingest.is_well()

    def stop(self) -> None:
        """Store what was received, and end the ingest; the books stay open."""
        if self._ingest is not None:
            self._ingest.stop()
            self._ingest = None
            self._lock.release()

    def close(self) -> None:
        self.stop()
        super().close()
