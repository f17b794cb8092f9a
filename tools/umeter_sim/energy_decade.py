"""Ten simulated years of eight users through the firmware's register and tariff, against exact
arithmetic.
"""

import random
from pathlib import Path

from umeter_sim.paths import FIRMWARE, SHIMS
from umeter_sim.runtimes.namespace import Namespace

YEARS = 10
YEAR_MS = 3_652_425 * 8_640_000 // 1000  # 365.2425 days
UNITS_PER_WH = 36_000_000
UNITS_END = 1 << 30  # a tick's energy is a small int
POWER_END_DW = 250_000
LONGEST_MS = 900_000
PRICE_U_PER_KWH = 253_719


def energy_error(channels=8):
    """{"energy_error_wh_10y", "charge_error_u_10y", "energy_wh_10y"}: the errors are summed over
    all channels.

    Loads change at random moments, their power is spread evenly over the decades from 0.1 W to 25
    kW.
    """
    firmware = Namespace([SHIMS, FIRMWARE], {}, Path(), print)
    error_wh = error_u = total_wh = 0
    for seed in range(channels):
        register = firmware.load("umeter.core.energy").Register()
        tariff = firmware.load("umeter.core.tariff").FlatTariff()
        tariff.price_u_per_kwh = PRICE_U_PER_KWH
        drawn, charged_u = _decade(register, tariff, random.Random(seed))
        error_wh += abs(register.wh - drawn // UNITS_PER_WH)
        error_u += abs(charged_u - drawn * PRICE_U_PER_KWH // (UNITS_PER_WH * 1000))
        total_wh += register.wh
    return {
        "energy_error_wh_10y": error_wh,
        "charge_error_u_10y": error_u,
        "energy_wh_10y": total_wh,
    }


def _decade(register, tariff, rng):
    """Run one channel; what it drew (the oracle: one big integer) and what it was charged."""
    add, charge = register.add, tariff.charge
    drawn = charged_u = 0
    left_ms = YEARS * YEAR_MS
    while left_ms > 0:
        power_dw = int(POWER_END_DW ** rng.random())
        lasts_ms = min(left_ms, rng.randrange(1, 4 * LONGEST_MS))
        left_ms -= lasts_ms
        drawn += power_dw * lasts_ms
        slice_ms = min(LONGEST_MS, (UNITS_END - 1) // power_dw)
        while lasts_ms > 0:
            dt_ms = min(slice_ms, lasts_ms)
            lasts_ms -= dt_ms
            units = power_dw * dt_ms
            add(units)
            charged_u += charge(units)
    return drawn, charged_u
