"""The ingest as a process: one worker of those that share what the meters report."""

from umeter_station.broker_url import without_password
from umeter_station.ingest import Ingest, own_the_process
from umeter_station.lock import IngestLock
from umeter_station.station import Books

_CONNECT_S = 3.0


class IngestRole:
    name = "ingest"

    def __init__(self, books: Books, worker: int = 0, workers: int = 1) -> None:
        self.worker = worker
        self._books = books
        self._workers = workers
        self._lock = IngestLock(
            books.config.home / (f"ingest-{worker}.lock" if worker else "ingest.lock")
        )
        self._ingest: Ingest | None = None

    def start(self) -> str:
        config = self._books.config
        self._lock.acquire()
        own_the_process()
        self._ingest = Ingest(
            self._books.db,
            self._books.clock,
            config.broker,
            config.client_id,
            config.ca_file,
            config.ingest,
            self.worker,
            self._workers,
        )
        self._ingest.start()
        reached = self._ingest.wait_connected(_CONNECT_S)
        url = without_password(config.broker)
        return f"connected to {url}" if reached else f"{url} is not there yet; trying on"

    def is_well(self) -> bool:
        return self._ingest is not None and self._ingest.is_well()

    def stop(self, within_s: float) -> None:
        """What was received is stored and acknowledged; what comes after that comes again."""
        self._ingest.stop()
        self._lock.release()
