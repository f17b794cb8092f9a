"""The numbers that meters report, in words."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from zlib import crc32

from umeter_station.amounts import format_u
from umeter_station.records import EPOCH_OFFSET_S


def say(text: str) -> str:
    """Marks a text that pages translate; `_` below does, where one is written."""
    return text


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
    say("credit low"),
    say("credit very low"),
    say("emergency credit offered"),
    say("emergency credit in use"),
    say("out of credit"),
    say("friendly hours"),
    say("protected"),
    say("pays afterwards"),
    say("account closed"),
    say("locked"),
)
_LOW, _VERY_LOW, _OUT = 1, 2, 16
# By number, as the ESP32 port of MicroPython gives them.
RESET_CAUSES = (
    say("unknown"),
    say("power on"),
    say("reset"),
    say("watchdog"),
    say("deep sleep"),
    say("soft reset"),
)
# By number, as the meter keeps them for each order.
COMMAND_OUTCOMES = (
    say("not stored"),
    say("applied"),
    say("expired"),
    say("malformed"),
    say("unknown"),
    say("out of range"),
    say("applied in part"),
    say("refused for now"),
    say("refused, too much"),
    say("refused, another account"),
    say("refused, meant for another meter"),
    say("refused, older than the settings"),
)
# Settings that are no numbers: an event has a checksum of the value.
_DOCUMENTS = (
    *("tz", "weekend", "special_days", "tariff", "next_tariff", "unit", "friendly", "slots"),
    *("reclose", "allowance_every", "debt1_take", "debt2_take", "limit_action"),
    *("banned", "banned_allow", "banned_action", "lock_on"),
)
_NULL = crc32(b"null") & 0x3FFFFFFF
# Events whose `a` is an amount of money.
_AMOUNTS = {
    "allowance.given": say("%(amount)s given"),
    "allowance.expired": say("%(amount)s expired"),
    "account.forgiven": say("%(amount)s forgiven"),
    "debit": say("%(amount)s taken back"),
    "account.closed": say("%(amount)s due back"),
    "account.reset": say("%(amount)s due back"),
    "credit.low": say("balance %(amount)s"),
    "credit.low2": say("balance %(amount)s"),
    "credit.pretrip": say("balance %(amount)s"),
    "credit.out": say("balance %(amount)s"),
    "credit.back": say("balance %(amount)s"),
    "emergency.offered": say("%(amount)s offered"),
    "emergency.taken": say("%(amount)s to use"),
    "budget.out": say("%(amount)s a day"),
}
# Events whose numbers are told as they are.
_NUMBERS = {
    "register.jump": say("%(a)s Wh not booked"),
    "register.reset": say("%(a)s Wh not booked"),
    "energy.open": say("%(a)s Wh through an open contact"),
    "settings": say("version %(a)s"),
    "account.opened": say("account %(a)s"),
    "link.forged": say("%(a)s orders not from this station"),
    "maintenance": say("for %(a)s min"),
    "update.begun": say("release %(a)s in place of %(b)s"),
    "update.switched": say("release %(a)s in place of %(b)s, on trial"),
    "update.back": say("release %(a)s again, %(b)s has failed"),
    "limit.over": say("%(a)s W, limit %(b)s W"),
    "limit.trip": say("%(a)s W, limit %(b)s W"),
    "load.banned": say("a step of %(a)s W, power factor %(b)s per mille"),
    "limit.locked": say("after %(a)s restorations"),
    "load.locked": say("after %(a)s restorations"),
    "contact.welded": say("%(a)s W at %(b)s V"),
    "contact.stuck": say("%(a)s W at %(b)s V"),
    "energy.reverse": say("%(a)s W at %(b)s V"),
    "energy.unmetered": say("%(a)s W, %(b)s %% of the inlet"),
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


@dataclass(frozen=True)
class Voice:
    """How an event is told: as the command line does it, unless told otherwise. `money` and
    `setting` (its name, its value) write a number, `when` a Unix time, `lasting` seconds."""

    translate: Callable[[str], str] = str
    money: Callable[[int], str] = format_u
    setting: Callable[[str, int], str] = lambda _name, value: str(value)
    when: Callable[[int], str] = time_text
    lasting: Callable[[int], str] = "{} s".format


def event_detail(code: str, a: int, b: int, voice: Voice = Voice()) -> str:
    """What an event's two numbers mean, in words; the numbers themselves for a code this
    station does not know.
    """
    _ = voice.translate
    numbers = {"a": a, "b": b}
    if code == "command":
        known = 0 <= b < len(COMMAND_OUTCOMES)
        outcome = _(COMMAND_OUTCOMES[b]) if known else str(b)
        return _("order %(n)s %(outcome)s") % {"n": a, "outcome": outcome}
    if code == "boot":
        cause = f", {_(RESET_CAUSES[b])}" if 0 < b < len(RESET_CAUSES) else ""
        return _("boot %(a)s") % numbers + cause
    if code == "contact.open":
        return "for " + ", ".join(claim_names(a))
    if code in ("hand", "claim.released"):
        return "ended " + ", ".join(claim_names(a))
    if code.startswith("set."):
        return _setting_change(code[4:], a, b, voice)
    if code.startswith("quarantine."):
        return f"{a} Wh"
    if code == "clock.set":
        times = {"before": _meter_time(a, voice), "now": _meter_time(b, voice)}
        return _("from %(before)s to %(now)s") % times if b else ""
    if code == "power.cut":
        return _("%(time)s without power") % {"time": voice.lasting(a)}
    if code == "account.mode":
        lent = ", " + _("%(amount)s lent") % {"amount": voice.money(a)} if a else ""
        return (_("pays afterwards") if b else _("prepaid")) + lent
    if code == "calibrated":
        gains = {"before": f"{a:+}", "now": f"{b:+}"}
        return _("gain %(before)s ppm before, now %(now)s") % gains
    if code == "debt":
        change = {"amount": voice.money(abs(b)), "n": a}
        if b > 0:
            return _("%(amount)s added to debt %(n)s") % change
        return _("%(amount)s forgiven of debt %(n)s") % change
    if code in _AMOUNTS:
        return _(_AMOUNTS[code]) % {"amount": voice.money(a)}
    if code in _NUMBERS:
        return _(_NUMBERS[code]) % numbers
    if code.startswith("update."):
        return _("release %(a)s") % numbers
    return f"{a} {b}" if a or b else ""


def _setting_change(name: str, before: int, now: int, voice: Voice) -> str:
    _ = voice.translate
    if name in _DOCUMENTS:
        return _("changed")
    none = _NULL if name in ("low_credit_2_u", "pretrip_u", "reclose_at_u") else None
    told = [_("none") if value == none else voice.setting(name, value) for value in (before, now)]
    return _("%(before)s before, now %(now)s") % {"before": told[0], "now": told[1]}


def _meter_time(when: int, voice: Voice) -> str:
    return voice.when(when + EPOCH_OFFSET_S) if when > 0 else voice.translate("not set")
