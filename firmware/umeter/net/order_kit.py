"""What all orders share: outcomes, refusals, and the check of a number."""

from micropython import const

APPLIED = const(1)
EXPIRED = const(2)
MALFORMED = const(3)
UNKNOWN_OP = const(4)
RANGE = const(5)
PARTLY = const(6)
NOT_NOW = const(7)
WRONG_METER = const(10)
OUTDATED = const(11)
# Their words on the wire, in this order. 0: nothing could be committed, nothing has changed.
CODES = const(
    "store applied expired malformed unknown_op range partly not_now too_much wrong_account"
    " wrong_meter outdated"
)

LARGEST_N = const(0x3FFFFFFF)


class Refused(Exception):
    """args: the outcome and the reason in words. Nothing has been changed."""


def integer(order, key, low, high):
    """An order's field that must be an integer from low to high. Refused if it is not."""
    value = order.get(key)
    if type(value) is not int:  # not isinstance: True is no number here
        raise Refused(MALFORMED, "%s must be an integer" % key)
    if not low <= value <= high:
        raise Refused(RANGE, "%s must be %d..%d" % (key, low, high))
    return value


def word(order, key, allowed):
    """An order's field that must be one of the allowed words. Refused if it is not."""
    value = order.get(key)
    if value not in allowed:
        raise Refused(MALFORMED, "%s must be %s" % (key, " or ".join(allowed)))
    return value
