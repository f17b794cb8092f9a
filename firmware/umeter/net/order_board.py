"""Orders about the board as a thing."""

from micropython import const

from umeter.net.order_kit import APPLIED, integer

_MINUTES = const(30)
_MOST_MINUTES = const(240)


def maintenance(run):
    """Stop metering and leave the prompt to whoever sits at the board, for so many minutes. Begins
    once the answer is with the broker.
    """
    minutes = _MINUTES
    if "minutes" in run.order:
        minutes = integer(run.order, "minutes", 1, _MOST_MINUTES)
    run.answer["minutes"] = minutes

    def then():
        run.meter.maintenance = -minutes

    run.then = then
    return APPLIED
