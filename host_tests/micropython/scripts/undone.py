"""Orders that cannot be committed, in the interpreter of the board: what they leave behind."""

import json

from stand_ins import Flash, Relays

from umeter.core.channel import Channel
from umeter.core.events import Events
from umeter.core.journal import Journal
from umeter.core.meter import Meter
from umeter.core.sample import Sample
from umeter.core.supply import Supply
from umeter.net.orders import carry_out
from umeter.settings import Settings


class _Clock:
    when = 0


class _Commands:
    clock = _Clock

    def __init__(self, meter):
        self.meter = meter


def _state(meter):
    channel = meter.channels[0]
    account = channel.account
    return [
        account.credited_total_u,
        account.charged_total_u,
        channel.register.wh,
        channel.tariff.price_u_per_kwh,
        channel.claims,
        channel.armed,
        channel.quarantined,
        list(meter.get("a0")),
    ]


def run(arg):
    """arg: JSON of orders. JSON of [[outcome, has it changed anything], [outcome, ..]], one pair
    for each: first while the flash fails, then on one that works.
    """
    flash = Flash(4)
    channels = [Channel(0, Sample(36_000_000), 250_000)]
    supply = Supply(Relays(), channels)
    meter = Meter([], channels, supply, Journal(flash, 2), Events(), Settings(1))
    meter.restore()
    told = []
    for order in json.loads(arg):
        if order["op"] == "quarantine":
            channels[0].quarantined = 2500
        pair = []
        for failing in (True, False):
            flash.failing = failing
            before = _state(meter)
            answer = carry_out(json.dumps(order).encode(), _Commands(meter))
            pair.append([answer["code"], _state(meter) != before])
        told.append(pair)
    return json.dumps(told)
