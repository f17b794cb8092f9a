"""The words of events, by the number under which the audit log keeps them.

Only ever add at the end: numbers in the logs of meters in the field, and at their stations, keep
their meaning. From 128 on: the settings; the code of their event is "set." and the key, a is the
old value, b the new one.
"""

from micropython import const

_SETTINGS_FROM = const(128)

CODES = (
    "other",  # a word that this table lacks
    "boot",
    "power.cut",
    "power.fail",
    "safe.mode",
    "command",
    "settings",
    "clock.set",
    "contact.open",
    "contact.close",
    "credit.low",
    "credit.out",
    "credit.back",
    "register.reset",
    "register.jump",
    "register.frozen",
    "frontend.silent",
    "frontend.back",
    "energy.open",
    "quarantine.accepted",
    "quarantine.refused",
    "journal.failed",
    "journal.damaged",
    "journal.back",
    "log.failed",
)
SETTINGS = (
    "price_u_per_kwh",
    "low_credit_u",
    "disable_at_u",
    "report_s",
    "commit_wh",
    "fault_s",
    "stagger_ms",
    "dwell_ms",
    "profile_min",
)


def number(code):
    """The number 0..255 of an event's word."""
    if code.startswith("set.") and code[4:] in SETTINGS:
        return _SETTINGS_FROM + SETTINGS.index(code[4:])
    return CODES.index(code) if code in CODES else 0
