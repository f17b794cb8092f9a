"""The composition root: the only file that knows everything. Forgotten once the App is made."""

import random
import select
import socket

import umqtt.simple

import umeter
from umeter.app import App
from umeter.core.channel import Channel
from umeter.core.events import Events
from umeter.core.journal import Journal
from umeter.core.meter import Meter
from umeter.core.supply import Supply
from umeter.core.transient import forget
from umeter.frontend import catalog
from umeter.hal import board, chip, software
from umeter.net.commands import Commands
from umeter.net.session import Session
from umeter.net.transport import PatientSocket
from umeter.settings import Settings

try:
    from _thread import start_new_thread
except ImportError:  # then a name server that hangs is bounded by the port alone
    start_new_thread = None


def compose():
    """The App of this board, restored. ValueError says what the board's files lack."""
    parts = board.load(catalog.by_name)  # opens every contact
    site = board.load_site()
    clock = chip.clock()
    wifi = chip.wifi(site["wifi"], clock)
    flash = chip.journal_flash()
    about = {
        "version": umeter.__version__,
        "board": parts.name,
        "digest": software.digest(umeter.__path__),
        "tls": 0,
        "warn": [flash.warning] if flash.warning else [],
    }
    feed = chip.watchdog().feed
    meter = _meter(parts, flash)
    app = App(meter, clock, wifi, feed)
    patient = PatientSocket(socket, select, app.turn, clock, None, start_new_thread)
    commands = Commands(meter, site["key"], clock)
    app.session = Session(
        umqtt.simple,
        patient,
        site,
        meter,
        commands,
        clock,
        wifi.is_up,
        random.randrange,
        about,
    )
    forget(catalog, board, chip, software)
    return app


def _meter(parts, flash):
    channels = [
        Channel(index, sample, parts.p_max_dw[index]) for index, sample in enumerate(parts.samples)
    ]
    meter = Meter(
        parts.buses,
        channels,
        Supply(parts.relays, channels),
        Journal(flash),
        Events(),
        Settings(len(channels)),
    )
    meter.restore()
    return meter
