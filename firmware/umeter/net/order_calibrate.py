"""The order that calibrates a channel."""

from umeter.core import calibration
from umeter.net.order_kit import APPLIED, MALFORMED, Refused, integer

# Gain in millionths, offset and phase in the chip's own steps, creep in 0.1 W.
_LIMITS = (
    ("gain_ppm", -100_000, 100_000),
    ("offset", -32_767, 32_767),
    ("phase", -32_767, 32_767),
    ("creep_dw", 0, 1000),
)


def calibrate(run):
    """Set what is named, leave the rest; the answer has all of it, before and after."""
    order = run.order
    channel = run.channel
    sample = channel.sample
    before = calibration.values(sample)
    after = list(before)
    named = 0
    for i in range(4):
        key, low, high = _LIMITS[i]
        if key in order:
            after[i] = integer(order, key, low, high)
            named += 1
    if not named:
        raise Refused(MALFORMED, "name one of gain_ppm, offset, phase, creep_dw")
    tuning = sample.tuning
    units = sample.units_per_count

    def undo():
        sample.tuning = tuning
        sample.units_per_count = units

    run.undo = undo
    # What the channel's record says of counts must be right for the energy of one from now on:
    # pack_since() finds that out, and the batch then has a whole new record.
    calibration.tune(sample, after)
    run.batch[calibration.KEY] = calibration.pack(run.meter.channels)

    def then():
        run.answer["before"] = before
        run.answer["after"] = after
        run.meter.event("calibrated", channel.index + 1, before[0], after[0])

    run.then = then
    return APPLIED
