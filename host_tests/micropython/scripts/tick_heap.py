"""The steady tick of a whole meter, eight channels under load, with the heap locked."""

import json

import micropython
from stand_ins import Flash, Relays

from umeter.core.channel import Channel
from umeter.core.events import Events
from umeter.core.journal import Journal
from umeter.core.meter import Meter
from umeter.core.sample import Sample
from umeter.core.supply import Supply
from umeter.settings import Settings

_DT_MS = 100
_WHEN = 200_000_000
_TICKS = 200
_WH = 36_000_000
_MODULUS = 10_000_000


class _Bus:
    """Front ends of steady loads, read one a tick as on a shared UART; pulses are read at each."""

    def __init__(self, samples):
        self._samples = samples
        self._slot = 0
        self._energy = [sample.units_per_count // 2 for sample in samples]

    def poll(self, dt_ms):
        slot = self._slot
        self._slot = (slot + 1) % len(self._samples)
        index = 0
        for sample in self._samples:
            units = self._energy[index] + sample.power_dw * dt_ms
            if index == slot or not sample.keeps_register:
                sample.count = (sample.count + units // sample.units_per_count) % _MODULUS
                units %= sample.units_per_count
                sample.fresh += 1
            self._energy[index] = units
            index += 1


def _meter():
    samples = [Sample(_WH, _MODULUS, True) for _ in range(7)]
    samples.append(Sample(3_600_000, _MODULUS))
    channels = [Channel(i, sample, 250_000) for i, sample in enumerate(samples)]
    for i, sample in enumerate(samples):
        # Together 360 W: in 20 s below the 4 Wh of a commit, which is allowed its heap.
        sample.power_dw = 100 + 100 * i
        sample.count = _MODULUS - 1  # about to wrap
    flash = Flash(2)
    journal = Journal(flash)
    supply = Supply(Relays(), channels)
    meter = Meter([_Bus(samples)], channels, supply, journal, Events(), Settings())
    meter.restore()
    changes = {"price_u_per_kwh": 99_999_999, "commit_wh": 4, "stagger_ms": 100, "dwell_ms": 0}
    # Thresholds that are no small ints, and a load limit that is looked at in each tick.
    changes.update({"low_credit_u": 700_000_000_000, "disable_at_u": 5_000_000_000})
    changes["limit_w"] = 25_000
    meter.settings.apply(changes, 1)
    for channel in channels:
        channel.account.credit(900_000_000_000_000)
    meter.configure(meter.settings)
    return meter


def _meter_ticks(meter):
    for _ in range(_TICKS):
        meter.tick(_DT_MS, _WHEN)


def _full_load_ticks(meter):
    """Without the meter around the channels: at 25 kW each it would commit all the time."""
    bus = meter.buses[0]
    for channel in meter.channels:
        channel.sample.power_dw = 250_000
    for _ in range(_TICKS):
        bus.poll(_DT_MS)
        for channel in meter.channels:
            channel.tick(_DT_MS)
        meter.supply.tick(_DT_MS)


def _largest_charge(meter):
    """The most energy, the highest price, the largest remainders: all products are small ints."""
    tariff = meter.channels[0].tariff
    for _ in range(_TICKS):
        tariff.millionths = 999_999
        tariff.parts = 35_999
        tariff.charge(0x3FFFFFFF)


def _needs_no_heap(ticks, meter):
    micropython.heap_lock()
    try:
        ticks(meter)
        return True
    except MemoryError:
        return False
    finally:
        micropython.heap_unlock()


def _booked_wh(meter):
    return sum(channel.register.wh for channel in meter.channels)


def run(_):
    """JSON. ok: the ticks needed no heap. What was booked and is closed shows that they worked."""
    meter = _meter()
    _meter_ticks(meter)
    meter.commit()
    start = _booked_wh(meter)
    steady_ok = _needs_no_heap(_meter_ticks, meter)
    steady = _booked_wh(meter)
    full_load_ok = _needs_no_heap(_full_load_ticks, meter)
    return json.dumps(
        {
            "ticks": _TICKS,
            "ok": steady_ok and full_load_ok and _needs_no_heap(_largest_charge, meter),
            "steady_wh": steady - start,
            "full_load_wh": _booked_wh(meter) - steady,
            "closed": sum(channel.contact for channel in meter.channels),
        }
    )
