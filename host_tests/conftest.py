"""Test-wide set-up: the names that pure firmware modules need from MicroPython, and
hypothesis' profiles.
"""

import functools
import os
import sys
import types

import typer.testing
from hypothesis import HealthCheck, settings

from thoroughness import IS_THOROUGH

# Set to 80 where tests run side by side: tables are as wide as each test says.
os.environ.pop("COLUMNS", None)

_micropython = types.ModuleType("micropython")
_micropython.const = lambda value: value
_micropython.kbd_intr = lambda character: None
sys.modules.setdefault("micropython", _micropython)

# A program's words are put together once, and not anew each time that it is called.
typer.testing._get_command = functools.cache(typer.testing._get_command)

settings.register_profile(
    "umeter", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("long", parent=settings.get_profile("umeter"), max_examples=2000)
settings.load_profile("long" if IS_THOROUGH else "umeter")


def pytest_report_header(config):
    """Which broker and which databases the tests have."""
    from umeter_sim import mosquitto, postgres

    there = mosquitto.installed()
    broker = f"Mosquitto, {there}" if there else "embedded (no Mosquitto here)"
    database = postgres.version() or "SQLite alone (no PostgreSQL here)"
    return [f"broker: {broker}", f"database: {database}"]
