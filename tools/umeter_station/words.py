"""The numbers that meters report, in words."""

from datetime import UTC, datetime
from zlib import crc32

from umeter_station.amounts import format_u
from umeter_station.records import EPOCH_OFFSET_S

# By bit, from the lowest, as readings carry them.
CLAIM_NAMES = (
    "boot",
    "credit",
    "operator",
    "user",
    "overload",
    "schedule",
    "tamper",
    "fault",
)
STATE_NAMES = (
    "credit low",
    "credit very low",
    "emergency credit offered",
    "emergency credit in use",
    "out of credit",
    "friendly hours",
    "protected",
    "pays afterwards",
    "account closed",
    "locked",
)
_LOW, _VERY_LOW, _OUT = 1, 2, 16
# By number, as the ESP32 port of MicroPython gives them.
RESET_CAUSES = ("unknown", "power on", "reset", "watchdog", "deep sleep", "soft reset")
# By number, as the meter keeps them for each order.
COMMAND_OUTCOMES = (
    "not stored",
    "applied",
    "expired",
    "malformed",
    "unknown",
    "out of range",
    "applied in part",
    "refused for now",
    "refused, too much",
    "refused, another account",
    "refused, meant for another meter",
    "refused, older than the settings",
)
# Settings that are no numbers: an event has a checksum of the value.
_DOCUMENTS = (
    *("tz", "weekend", "special_days", "tariff", "next_tariff", "unit", "friendly", "slots"),
    *("reclose", "allowance_every", "debt1_take", "debt2_take", "limit_action"),
    *("banned", "banned_allow", "banned_action", "lock_on"),
)
_NULL = crc32(b"null") & 0x3FFFFFFF
# Events with an amount of money.
_AMOUNTS = {
    "allowance.given": "{} given",
    "allowance.expired": "{} expired",
    "account.forgiven": "{} forgiven",
    "debit": "{} taken back",
    "account.closed": "{} due back",
    "account.reset": "{} due back",
    "credit.low": "balance {}",
    "credit.low2": "balance {}",
    "credit.pretrip": "balance {}",
    "credit.out": "balance {}",
    "credit.back": "balance {}",
    "emergency.offered": "{} offered",
    "emergency.taken": "{} to use",
    "budget.out": "{} a day",
}
# Events with release numbers.
_UPDATES = {
    "begun": "release {} in place of {}",
    "switched": "release {} in place of {}, on trial",
    "kept": "release {}",
    "back": "release {} again, {} has failed",
}
_WATTS = {
    "limit.over": "{} W, limit {} W",
    "limit.trip": "{} W, limit {} W",
    "load.banned": "a step of {} W, power factor {} per mille",
    "limit.locked": "after {} restorations",
    "load.locked": "after {} restorations",
    "contact.welded": "{} W at {} V",
    "contact.stuck": "{} W at {} V",
    "energy.reverse": "{} W at {} V",
    "energy.unmetered": "{} W, {} % of the inlet",
}


def claim_names(claims: int) -> list[str]:
    """Why a contact is held open; a bit without a name is given by its number."""
    return _named(claims, CLAIM_NAMES)


def state_names(state: int) -> list[str]:
    """How the account of a channel stands; of low, very low and out only the worst."""
    for worse, better in ((_OUT, _LOW | _VERY_LOW), (_VERY_LOW, _LOW)):
        if state & worse:
            state &= ~better
    return _named(state, STATE_NAMES)


def _named(bits: int, all_names: tuple[str, ...]) -> list[str]:
    names = [name for bit, name in enumerate(all_names) if bits >> bit & 1]
    rest = bits >> len(all_names)
    return names + ([f"{rest << len(all_names):#x}"] if rest else [])


def time_text(unix_s: int) -> str:
    if unix_s <= 0:
        return "never"
    return datetime.fromtimestamp(unix_s, UTC).strftime("%Y-%m-%d %H:%M:%S")


def age_text(seconds: int) -> str:
    """How long something lasts, in its largest unit."""
    for unit_s, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit_s:
            return f"{seconds // unit_s} {name}"
    return f"{max(seconds, 0)} s"


def event_detail(code: str, a: int, b: int) -> str:
    """What an event's two numbers mean, in words; the numbers themselves for a code this
    station does not know.
    """
    if code == "command":
        return f"order {a} {COMMAND_OUTCOMES[b] if 0 <= b < len(COMMAND_OUTCOMES) else b}"
    if code == "boot":
        return f"boot {a}, {RESET_CAUSES[b]}" if 0 < b < len(RESET_CAUSES) else f"boot {a}"
    if code == "contact.open":
        return "for " + ", ".join(claim_names(a))
    if code in ("register.jump", "register.reset"):
        return f"{a} Wh not booked"
    if code == "energy.open":
        return f"{a} Wh through an open contact"
    if code == "settings":
        return f"version {a}"
    if code.startswith("set."):
        return _setting_change(code[4:], a, b)
    if code.startswith("quarantine."):
        return f"{a} Wh"
    if code == "clock.set":
        return f"from {_meter_time(a)} to {_meter_time(b)}" if b else ""
    if code == "power.cut":
        return f"{a} s without power"
    if code in ("hand", "claim.released"):
        return "ended " + ", ".join(claim_names(a))
    if code == "account.opened":
        return f"account {a}"
    if code == "account.mode":
        lent = f", {format_u(a)} lent" if a else ""
        return f"{'pays afterwards' if b else 'prepaid'}{lent}"
    if code == "link.forged":
        return f"{a} orders not from this station"
    if code == "maintenance":
        return f"for {a} min"
    if code == "calibrated":
        return f"gain {a:+} ppm before, now {b:+}"
    if code.startswith("update."):
        return _UPDATES.get(code[7:], "release {}").format(a, b)
    if code == "debt":
        return f"{format_u(abs(b))} {'added to' if b > 0 else 'forgiven of'} debt {a}"
    if code in _AMOUNTS:
        return _AMOUNTS[code].format(format_u(a))
    if code in _WATTS:
        return _WATTS[code].format(a, b)
    return f"{a} {b}" if a or b else ""


def _setting_change(name: str, before: int, now: int) -> str:
    if name in _DOCUMENTS:
        return "changed"
    none = _NULL if name in ("low_credit_2_u", "pretrip_u", "reclose_at_u") else None
    before_text, now_text = ("none" if value == none else value for value in (before, now))
    return f"{before_text} before, now {now_text}"


def _meter_time(when: int) -> str:
    return time_text(when + EPOCH_OFFSET_S) if when > 0 else "not set"
