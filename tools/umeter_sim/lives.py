"""Garbage is tried on one meter after another: a life each."""

import random


def lived(life, count, seed, progress=None):
    """Have at least `count` inputs tried: {"inputs", "faults"}.

    life(rng, faults): one meter, whose live() tells how many it took, and which adds a sentence to
    `faults` for each that went wrong. progress: called with the number so far.
    """
    rng = random.Random(seed)
    tried = 0
    faults = []
    while tried < count:
        tried += life(rng, faults).live()
        if progress is not None:
            progress(tried)
    return {"inputs": tried, "faults": faults}
