"""The words of events, by the number under which the audit log keeps them.

Only ever add at the end: numbers in the logs of meters in the field, and at their stations, keep
their meaning. From 128 on: the settings, in the order of settings_table; the code of their event
is "set." and the key, a is the old value, b the new one. The first word stands for one that this
table lacks.
"""

from micropython import const

_SETTINGS_FROM = const(128)

# Each table is one text: words of their own would stay in the heap.
CODES = """
other boot power.cut power.fail safe.mode command settings clock.set contact.open contact.close
credit.low credit.out credit.back register.reset register.jump register.frozen frontend.silent
frontend.back energy.open quarantine.accepted quarantine.refused journal.failed journal.damaged
journal.back log.failed credit.low2 credit.pretrip emergency.offered emergency.taken
emergency.cleared allowance.given allowance.expired budget.out tariff.fallback tariff.next
limit.over limit.trip limit.locked limit.back load.banned load.locked contact.welded
contact.stuck energy.reverse energy.unmetered cover.open cover.closed account.opened
account.closed account.reset account.mode debit debt hand user.open user.close claim.released
turn.failed
account.forgiven link.forged frontend.reset calibrated relay.silent relay.back maintenance
update.begun update.switched update.kept update.back
""".split()


def number(code):
    """The number 0..255 of an event's word."""
    if code.startswith("set."):
        from umeter.core import settings_table

        return _SETTINGS_FROM + settings_table.keys().index(code[4:])
    return CODES.index(code) if code in CODES else 0
