"""The composition root: the only file that knows everything. Forgotten once the App is made."""

import random
import select
import socket
import sys

import umqtt.simple

import umeter
from umeter.app import App
from umeter.core.channel import Channel
from umeter.core.events import Events
from umeter.core.hot import Hot, vouched
from umeter.core.journal import Journal
from umeter.core.meter import Meter
from umeter.core.supply import Supply
from umeter.core.transient import forget
from umeter.hal import board, chip, software
from umeter.net.commands import Commands
from umeter.net.session import Session
from umeter.net.transport import PatientSocket
from umeter.settings import Settings

try:
    from _thread import start_new_thread
except ImportError:  # then a name server that hangs is bounded by the port alone
    start_new_thread = None


_PAGES = 2  # of flash to a sector of the journal: accounts and settings fill one and a half
_QUEUED_EVENTS = 16  # where the log holds what the station has not got


def compose():
    """The App of this board, restored. ValueError says what the board's files lack."""
    parts = board.load(_part)  # opens every contact
    site = board.load_site()
    clock = chip.clock(vouched(chip.rtc_memory()()))
    wifi = chip.wifi(site["wifi"], clock)
    flash = chip.journal_flash()
    about = {
        "version": umeter.__version__,
        "board": parts.name,
        "digest": software.digest(umeter.__path__),
        "tls": 0,
        "time": "",
        "warn": [flash.warning] if flash.warning else [],
    }
    feed = chip.watchdog().feed
    audit = profile = None
    try:
        audit, profile = _logs(chip.log_flash())
    except (OSError, ValueError) as error:  # the meter works without
        about["warn"].append("no log: %s; events stay in memory, no load profile" % error)
    meter = _meter(parts, flash, audit, profile, clock.when)
    console = select.poll()
    console.register(sys.stdin, select.POLLIN)
    app = App(meter, clock, wifi, feed, parts.power_fail, console)
    patient = PatientSocket(socket, select, app.turn, clock, start_new_thread)
    commands = Commands(meter, site["key"], clock, site["meter"])
    app.session = Session(
        umqtt.simple,
        patient,
        site,
        meter,
        commands,
        clock,
        wifi,
        random.randrange,
        about,
    )
    print("umeter", umeter.__version__, "runs: meter", site["meter"])
    for device in parts.devices:
        device.meter = meter
        device.session = app.session
    forget(board, chip, software)
    return app


def _part(name):
    """The module umeter.<name>: a front end, a kind of relay. What a board does not have is not
    imported.
    """
    name = "umeter." + name
    __import__(name)
    return sys.modules[name]


def _logs(flash):
    """The audit log and the load profile. OSError, ValueError if there is no place for them."""
    if flash is None:
        raise ValueError("the board has no partition of that name")
    from umeter.core.audit import Audit
    from umeter.core.profile import Profile

    # Of 64: a thousand events and sixty days of intervals, each with some to spare.
    audits = flash.size // flash.sector * 17 // 64
    return Audit(flash, 0, audits), Profile(flash, audits, flash.size // flash.sector - audits)


def _meter(parts, flash, audit, profile, when):
    channels = [
        Channel(index, sample, parts.p_max_dw[index]) for index, sample in enumerate(parts.samples)
    ]
    meter = Meter(
        parts.buses,
        channels,
        Supply(parts.relays, channels),
        Journal(flash, _PAGES),
        Events() if audit is None else Events(_QUEUED_EVENTS, audit),
        Settings(len(channels)),
    )
    meter.profile = profile
    meter.when = when
    meter.hot = Hot(chip.rtc_memory(), len(channels))
    meter.restore(chip.reset_cause())
    return meter
