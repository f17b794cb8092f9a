"""How to take back what an order has changed of a channel, if it cannot be committed."""

from umeter.core.book import KEYS


def remember(meter, channel):
    """A function that brings account, register and book back to what they are now."""
    key = KEYS[channel.index]
    book = meter.later.get(key)
    said = len(meter.unsaid)
    parts = []
    for part in (channel, channel.register, channel.account, channel.tariff):
        parts.append((part, dict(part.__dict__)))

    def undo():
        for part, values in parts:
            for name in values:
                setattr(part, name, values[name])
        del meter.unsaid[said:]
        if book is None:
            meter.later.pop(key, None)
        else:
            meter.later[key] = book
        meter.turn(channel)

    return undo
