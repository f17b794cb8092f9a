"""`random` from the world's seed, so that a failing run is repeated by it."""

import world as _world


def getrandbits(bits):
    value = 0
    for _ in range(bits):
        value = value * 2 + _world.world.random.below(2)
    return value


def randrange(start, stop=None):
    if stop is None:
        start, stop = 0, start
    return start + getrandbits(30) % (stop - start)


def randint(first, last):
    return randrange(first, last + 1)


def seed(_seed=None):
    """The firmware's seeding is ignored: the world has one seed."""
