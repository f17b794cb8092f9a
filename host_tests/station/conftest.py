"""A meter with logs, and the station's link to it. `db` is the test file's own."""

import pytest

from log_kit import Link, Logs, chain, intervals


@pytest.fixture
def logs():
    logs = Logs()
    logs.append("events", chain(40))
    logs.append("profile", intervals(70))
    return logs


@pytest.fixture
def link(db, logs):
    return Link(db, logs)
