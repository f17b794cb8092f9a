"""What the operator decides about energy that no load can have drawn. Needed once in a while."""

from umeter.core.energy import UNITS_PER_WH


def energy_wh(channel):
    """How much is in quarantine."""
    return channel.quarantined * channel.sample.units_per_count // UNITS_PER_WH


def settle(channel, accepted):
    """Book what is in quarantine, or give it up. Durable with the next commit; returns a function
    that takes it back.
    """
    account = channel.account
    register = channel.register
    tariff = channel.tariff
    counts = channel.quarantined
    booked = (register.wh, register.residual)
    charged = (account.charged_hi, account.charged_lo)
    rest = (tariff.millionths, tariff.parts)

    def undo():
        channel.quarantined = counts
        register.wh, register.residual = booked
        account.charged_hi, account.charged_lo = charged
        tariff.millionths, tariff.parts = rest

    if accepted:
        units = counts * channel.sample.units_per_count
        register.add(units)
        account.charge(tariff.charge(units))
    channel.quarantined = 0
    return undo
