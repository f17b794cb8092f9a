"""A station's database, on SQLite or on both engines; a meter with logs, and the station's link
to it. A test file may have a `db` of its own.
"""

import pytest

from log_kit import Link, Logs, chain, intervals
from postgres_kit import ENGINES, new_on
from station_kit import new_database


@pytest.fixture
def db(tmp_path):
    """With meter m1, on SQLite."""
    db = new_database(tmp_path)
    yield db
    db.close()


@pytest.fixture(params=ENGINES)
def any_db(request, tmp_path):
    """With meter m1, once on each engine."""
    db = new_on(request.param, tmp_path)
    yield db
    db.close()


@pytest.fixture
def logs():
    logs = Logs()
    logs.append("events", chain(40))
    logs.append("profile", intervals(70))
    return logs


@pytest.fixture
def link(db, logs):
    return Link(db, logs)
