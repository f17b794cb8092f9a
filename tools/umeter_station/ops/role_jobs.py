"""The jobs as a process, and what else exists once in a station: the bridge to Home Assistant.
Where several such processes stand ready, one works: the one that holds the lease.
"""

import logging
import threading
import time

import sqlalchemy as sa

from umeter_station.clock import SystemClock
from umeter_station.errors import StationError
from umeter_station.homeassistant import bridge
from umeter_station.ops import joblist, jobs, leases
from umeter_station.station import Books

_LEASE = "jobs"
_LEASE_S = 30
_RENEW_S = 7.0
_TURN_S = 1.0
_log = logging.getLogger(__name__)


class JobsRole:
    name = "jobs"
    worker = 0

    def __init__(self, books: Books, found: list[jobs.Job] | None = None) -> None:
        where = jobs.zone(books.config.jobs.timezone)
        self._books = books
        self._runner = jobs.Runner(
            books, joblist.of(books.config) if found is None else found, where
        )
        self._holder = leases.new_holder()
        self._clock = SystemClock()
        self._held_until_s = 0.0  # of real time
        self._stopping = threading.Event()
        self._bridge: bridge.Bridge | None = None
        # The lease is renewed beside a job that takes long.
        self._threads = [
            threading.Thread(target=work, name=f"umeter-{name}", daemon=True)
            for name, work in (("lease", self._keep_lease), ("jobs", self._work))
        ]

    def start(self) -> str:
        self._renew()
        for thread in self._threads:
            thread.start()
        return "jobs" if self._holds() else "jobs, as a stand-in: another process runs them now"

    def is_well(self) -> bool:
        return all(thread.is_alive() for thread in self._threads)

    def stop(self, within_s: float) -> None:
        """The job that runs is waited for; one that takes longer is done again next time."""
        self._stopping.set()
        end_s = time.monotonic() + within_s
        for thread in self._threads:
            thread.join(max(0.0, end_s - time.monotonic()))
        with self._books.db.write() as conn:
            leases.give_back(conn, _LEASE, self._holder)

    def _holds(self) -> bool:
        return time.monotonic() < self._held_until_s and not self._stopping.is_set()

    def _renew(self) -> None:
        asked_s = time.monotonic()
        with self._books.db.write() as conn:
            got = leases.take(conn, _LEASE, self._holder, self._clock.now_s(), _LEASE_S)
        # Counted from before it was asked: never longer than the row says.
        self._held_until_s = asked_s + _LEASE_S - 1 if got else 0.0

    def _keep_lease(self) -> None:
        while not self._stopping.wait(_RENEW_S):
            try:
                self._renew()
            except (StationError, sa.exc.SQLAlchemyError) as error:
                _log.warning("the lease cannot be renewed: %s", error)

    def _work(self) -> None:
        bridged = False
        while not self._stopping.wait(_TURN_S):
            try:
                if not self._holds():
                    self._end_bridge()
                    bridged = False
                    continue
                if not bridged:
                    # Once, also if there is none to be made: config.toml is read at the start.
                    self._start_bridge()
                    bridged = True
                self._runner.step(self._holds)
            except (StationError, sa.exc.SQLAlchemyError) as error:
                _log.warning("jobs wait for the database: %s", error)
        self._end_bridge()

    def _start_bridge(self) -> None:
        made = bridge.make(self._books.config, self._books.db, self._books.clock)
        if made is not None:
            made.start()
            self._bridge = made

    def _end_bridge(self) -> None:
        if self._bridge is not None:
            self._bridge.stop()
            self._bridge = None
