"""A change of the meter's key, in the interpreter of the board."""

import json

from stand_ins import Flash, Relays

from umeter.core.channel import Channel
from umeter.core.events import Events
from umeter.core.journal import Journal
from umeter.core.meter import Meter
from umeter.core.sample import Sample
from umeter.core.supply import Supply
from umeter.net.commands import Commands
from umeter.settings import Settings


class _Clock:
    when = 0

    def ticks_ms(self):
        return 0


def _boot(flash, key):
    channels = [Channel(0, Sample(36_000_000), 250_000)]
    supply = Supply(Relays(), channels)
    meter = Meter([], channels, supply, Journal(flash), Events(), Settings(1))
    meter.restore()
    return Commands(meter, key, _Clock())


def run(arg):
    """arg: JSON, the site file's key in hex, then tokens. JSON of [answer's token or None, keys in
    force] for each; the last is after a boot and has no token.
    """
    key, *tokens = json.loads(arg)
    key = bytes.fromhex(key)
    flash = Flash(2)
    commands = _boot(flash, key)
    told = []
    for token in tokens:
        answer = commands.handle(token.encode())
        told.append([answer and answer.decode(), [key.hex() for key in commands.keys]])
    told.append([None, [key.hex() for key in _boot(flash, key).keys]])
    return json.dumps(told)
