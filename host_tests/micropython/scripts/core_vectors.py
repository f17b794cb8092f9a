"""Runs the vectors of vectors/core_vectors.py through core, in whatever interpreter this is."""

import json

from umeter.core.account import Account
from umeter.core.channel import Channel
from umeter.core.delta import Delta
from umeter.core.energy import Register
from umeter.core.replay import Window
from umeter.core.sample import Sample
from umeter.core.tariff import FlatTariff

_WH = 36_000_000
# As core.delta has them: OK, FIRST, SUSPECT, ALL_ONES.
_VERDICTS = {0: "ok", 1: "first", 8: "suspect", 16: "none"}


def _charge(case):
    tariff = FlatTariff()
    charges = []
    for units, price in case["steps"]:
        tariff.price_u_per_kwh = price
        charges.append(tariff.charge(units))
    return charges


def _register(case):
    register = Register()
    for power_dw, dt_ms in case["steps"]:
        register.add(power_dw * dt_ms)
    return [register.wh, register.residual]


def _account(case):
    account = Account()
    account.configure(case["out_u"], case["back_u"])
    result = []
    for amount_u in case["steps"]:
        if amount_u > 0:
            account.credit(amount_u)
        else:
            account.charge(-amount_u)
        totals = [account.credited_total_u, account.charged_total_u, account.balance_u]
        result.append(totals + [int(account.is_back()), int(account.is_out())])
    return result


def _delta(case):
    delta = Delta(Sample(case["upc"], case["modulus"]), case["p_max_dw"])
    result = []
    for count, elapsed_ms in case["steps"]:
        verdict = delta.judge(count, elapsed_ms)
        result.append([_VERDICTS.get(verdict, verdict), delta.counts])
    return result


def _window(case):
    window = Window()
    result = []
    for n, code in case["steps"]:
        outcome = window.outcome(n)
        if outcome == 0:
            window.record(n, code)
        result.append(outcome)
    return result


def _channel(case):
    sample = Sample(case["upc"])
    channel = Channel(0, sample, 250_000)
    channel.tariff.price_u_per_kwh = case["price"]
    channel.account.configure(-(10**12), -(10**12))
    channel.contact = 1
    result = []
    for dt_ms, power_dw, count in case["steps"]:
        sample.power_dw = power_dw
        if count >= 0:
            sample.count = count
            sample.fresh += 1
        channel.tick(dt_ms)
        units = channel.register.wh * _WH + channel.register.residual
        result.append([units, channel.account.charged_total_u])
    return result


_RUN = {
    "charge": _charge,
    "register": _register,
    "account": _account,
    "delta": _delta,
    "window": _window,
    "channel": _channel,
}


def run(text):
    """JSON list of cases in, JSON list of results out."""
    return json.dumps([_RUN[case["kind"]](case) for case in json.loads(text)])
