"""One PostgreSQL per test process, with an empty station's database to copy; started when the
first test asks for it, gone at the end.
"""

import functools
import itertools

import pytest

from station_kit import KEY, NOW_S, STATION_KEY, new_database
from umeter_sim.postgres import Postgres, installed
from umeter_station import db as databases
from umeter_station import meters
from umeter_station.secrets import Safe

ENGINES = ("sqlite", "postgresql")
_TEMPLATE = "umeter_template"
_numbers = itertools.count(1)


@functools.cache
def server():
    if installed() is None:
        pytest.skip("PostgreSQL is not installed here; apt-get install postgresql.")
    # Hundreds of small databases live for minutes: nobody has to tidy them up meanwhile.
    postgres = Postgres(
        autovacuum="off", wal_level="minimal", max_wal_senders="0", checkpoint_timeout="1h"
    )
    postgres.start()
    databases.open_database(postgres.create(_TEMPLATE)).close()
    return postgres


def new_postgres(*names):
    """A database with these meters, as station_kit.new_database makes a file; its `url` opens it
    once more."""
    postgres = server()
    url = postgres.create(f"umeter_{next(_numbers)}", _TEMPLATE)
    db = databases.open_database(url)
    db.url = url
    db.unlock(Safe(STATION_KEY))
    with db.write() as conn:
        for name in names or ("m1",):
            meters.add(conn, name, KEY, NOW_S)
    return db


def new_on(engine, tmp_path, *names):
    """On one of ENGINES."""
    return new_postgres(*names) if engine == "postgresql" else new_database(tmp_path, *names)
