"""Templates and schedules as they are shown."""

import json
from dataclasses import dataclass

from sqlalchemy import Connection

from umeter_station import change
from umeter_station.errors import NotFound
from umeter_station.fleet import reads, schedule_times, schedules
from umeter_station.fleet.reads import Times
from umeter_station.fleet.schedules import Schedule
from umeter_station.fleet.templates import Template
from umeter_station.web.language import gettext as _


@dataclass(frozen=True)
class Shown:
    """`settings`: (setting, value) in words."""

    template: Template
    settings: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Planned:
    """`due`: when it comes next, by the clock of its own time zone; empty while it is off.
    `times`: of its last run, None if there was none."""

    schedule: Schedule
    due: str
    times: Times | None


def shown(template: Template) -> Shown:
    found = template.settings.items()
    return Shown(template, tuple((key, change.shown(key, value)) for key, value in found))


def rows_of(template: Template) -> tuple[tuple[str, str], ...]:
    """As they are typed: read again, they are the same."""
    return tuple((key, _typed(key, value)) for key, value in template.settings.items())


def _typed(key: str, value: object) -> str:
    if value is None:
        return "null"
    return change.shown(key, value) if change.is_money(key) else json.dumps(value)


def planned(schedule: Schedule) -> Planned:
    due = schedule_times.due_text(schedule.next_at, schedule.tz) if schedule.enabled else ""
    last = schedule.last
    return Planned(schedule, due, reads.times(last.answers) if last else None)


def schedule_named(conn: Connection, schedule_id: int) -> Schedule:
    """Raises NotFound."""
    for each in schedules.all_schedules(conn):
        if each.id == schedule_id:
            return each
    raise NotFound(_("There is no such schedule any more."))
