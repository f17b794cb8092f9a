"""MQTT on one side, the database on the other: messages are acknowledged after the commit."""

import gc
import logging
import queue
import threading
import time
from pathlib import Path

from sqlalchemy.exc import OperationalError

from umeter_station.clock import Clock
from umeter_station.config_keys import Ingest as Settings
from umeter_station.db import Database, count
from umeter_station.errors import StationError
from umeter_station.intake import Intake
from umeter_station.link import Link, Received
from umeter_station.lock import publisher_lock
from umeter_station.mailbox import Mailbox
from umeter_station.outbox import Outbox

_IDLE_S = 0.05
_RETRY_S = 1.0
_STEP_S = 0.03
_FOLLOW_S = 1.0
_log = logging.getLogger(__name__)


def own_the_process() -> None:
    """For a process that does nothing but take in. A batch makes tens of thousands of objects,
    all of which die with it: to look for cycles among them is nearly always for nothing."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


class Ingest:
    """`start()` and `stop()`; three threads: the link's has the socket, one stores, one publishes
    what is ordered, if no other worker does.

    `worker` of `workers`: with more than one they share what the meters report.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        broker_url: str,
        client_id: str,
        ca_file: Path | None = None,
        settings: Settings | None = None,
        worker: int = 0,
        workers: int = 1,
    ) -> None:
        self._db = db
        self._clock = clock
        self._settings = settings or Settings()
        self._intake = Intake(
            db, clock.tolerance_s, self._settings.bucket, self._settings.bucket_refill
        )
        self._mailbox = Mailbox()
        # Workers have sessions of their own: another's may still have messages on their way.
        self._link = Link(
            broker_url,
            f"{client_id}-{worker}" if workers > 1 else client_id,
            self._mailbox.put,
            self._on_up,
            ca_file,
            is_shared=workers > 1,
        )
        self._outbox = Outbox(db, clock, self._link.publish)
        self._lock = publisher_lock(db)
        self._woken: queue.SimpleQueue[set[str] | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._store_all, name="umeter-store", daemon=True),
            threading.Thread(target=self._publish_all, name="umeter-publish", daemon=True),
        ]

    def start(self) -> None:
        self._clock.now_s()  # An unreadable clock is said here, not in a thread.
        self._link.start()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """What was received is stored; what could not be acknowledged any more comes again."""
        self._mailbox.close()
        self._link.stop()
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        self._lock.release()

    def wait_connected(self, timeout_s: float) -> bool:
        return self._link.wait_up(timeout_s)

    def is_well(self) -> bool:
        """All its threads live; the broker or the database may be away."""
        return all(thread.is_alive() for thread in self._threads)

    def _on_up(self) -> None:
        self._woken.put(None)

    # On the thread that stores.

    def _store_all(self) -> None:
        fill_s = self._settings.batch_wait / 1000
        while not (self._stopping.is_set() and self._mailbox.is_empty):
            batch = self._mailbox.take(self._settings.batch, _IDLE_S, fill_s)
            if batch:
                more = not self._mailbox.is_empty
                self._store(batch, more or len(batch) == self._settings.batch > 1)

    def _store(self, batch: list[Received], is_behind: bool = False) -> None:
        """Commit, then acknowledge. While the database cannot be written, nothing goes on."""
        while True:
            try:
                appeared = self._intake.store(batch, self._clock.now_s(), is_behind)
                break
            except (OperationalError, StationError) as error:
                _log.error("%d messages wait to be stored: %s", len(batch), error)
                if self._stopping.wait(_RETRY_S):
                    return
            except Exception:
                if len(batch) > 1:
                    for received in batch:
                        self._store([received], is_behind)
                    return
                _log.exception("a message cannot be stored", extra={"topic": batch[0].topic})
                # Asking the broker for it again would only end here again.
                self._count_failed()
                appeared = set()
                break
        self._link.acknowledge(batch)
        if appeared:
            self._woken.put(appeared)

    def _count_failed(self) -> None:
        with self._db.write() as conn:
            count(conn, "message.failed")

    # On the thread that publishes.

    def _publish_all(self) -> None:
        leads = False
        while not self._stopping.is_set():
            begun_s = time.monotonic()
            try:
                leads = self._lead(leads)
                if leads and self._link.is_up:
                    self._outbox.step()
            except (OperationalError, StationError) as error:
                _log.error("the outbox waits: %s", error)
                self._stopping.wait(_RETRY_S)
            except Exception:
                _log.exception("the outbox waits")
                self._stopping.wait(_RETRY_S)
            # However much is open, what is taken in comes first.
            took_s = time.monotonic() - begun_s
            self._stopping.wait(max(_STEP_S, 2 * took_s) if leads else _FOLLOW_S)

    def _lead(self, before: bool) -> bool:
        leads = self._lock.take()
        if leads and not before:
            self._link.lead()
            self._outbox.wake()
        elif before and not leads:
            self._link.follow()
        while not self._woken.empty():
            self._outbox.wake(self._woken.get())
        return leads
