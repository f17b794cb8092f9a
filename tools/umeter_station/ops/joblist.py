"""The station's periodic work: what runs, and how often."""

from umeter_station.config import Config
from umeter_station.ops import jobs
from umeter_station.ops.jobs import Job
from umeter_station.station import Books

_HOUR_S = 3600
# {name: (function, every so many seconds)}, in the order in which they run when all are due.
_OFTEN = {
    "rollouts": ("umeter_station.fleet.rollouts:step", 10),
    "tariffs": ("umeter_station.desk.tariffs_rolled:note", 60),
    "schedules": ("umeter_station.fleet.schedules:run", 10),
    "payments": ("umeter_station.pay.polling:run", 30),
    "rules": ("umeter_station.watch.engine:run", 60),
    "alerts": ("umeter_station.watch.alerts:send_due", 30),
    "warnings": ("umeter_station.web.portal.warning_mail:send_due", 60),
    "sms": ("umeter_station.web.portal.warning_sms:send_due", 60),
    "partitions": ("umeter_station.migrations.partitions:ensure", _HOUR_S),
    "sessions": ("umeter_station.people.sessions:sweep", _HOUR_S),
    "tries": ("umeter_station.people.tries:sweep", _HOUR_S),
}
_NIGHTLY = {
    "posting": "umeter_station.desk.posting:post_daily",
    "reconciliation": "umeter_station.desk.reconcile:run",
}


def of(config: Config) -> list[Job]:
    found = [
        Job(name, jobs.of(target), every_s=every_s) for name, (target, every_s) in _OFTEN.items()
    ]
    found += [
        Job(name, jobs.of(target), at=config.jobs.nightly_at) for name, target in _NIGHTLY.items()
    ]
    if config.backup.folder is not None:
        found.append(Job("backup", _backup, at=config.backup.at))
    return found


def _backup(books: Books) -> None:
    from umeter_station.ops import backup

    config = books.config.backup
    backup.make(books.config, books.db, config.folder, books.clock.now_s())
    backup.keep_newest(config.folder, config.keep)
