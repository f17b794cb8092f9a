"""The ingest as a process: one worker of those that share what the meters report."""

from umeter_station.config import without_password
from umeter_station.station import Station

_CONNECT_S = 3.0


class IngestRole:
    name = "ingest"

    def __init__(self, station: Station, worker: int = 0) -> None:
        self.worker = worker
        self._station = station

    def start(self) -> str:
        reached = self._station.start(connect_timeout_s=_CONNECT_S)
        url = without_password(self._station.config.broker)
        return f"connected to {url}" if reached else f"{url} is not there yet; trying on"

    def is_well(self) -> bool:
        return self._station._ingest is not None

    def stop(self, within_s: float) -> None:
        self._station.stop()
