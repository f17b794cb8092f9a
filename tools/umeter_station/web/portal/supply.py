"""Why there is no power, in everyday words, and the way out of it."""

from dataclasses import dataclass

from umeter_station.firmware_check import Document
from umeter_station.web.language import gettext as _
from umeter_station.words import claim_names

_EMERGENCY_OFFERED, _LOCKED = 4, 512
_LOCKABLE = ("overload", "tamper")


@dataclass(frozen=True)
class Claims:
    """As in a reading: who holds the contact open; of those `armed` wait for the household's
    hand; `state` tells of the account."""

    claims: int
    armed: int
    state: int


@dataclass(frozen=True)
class Reason:
    """`acts`: what the household can do about it: top-up, emergency or restore; none: call."""

    why: str
    way: str
    acts: tuple[str, ...] = ()


def reasons(held: Claims, settings: Document, ch: int) -> tuple[Reason, ...]:
    """One for each claim; "why it is off is not known" if there is none."""
    armed = claim_names(held.armed)
    found = [
        _reason(name, name in armed, held, settings, ch)
        for name in claim_names(held.claims | held.armed)
    ]
    if not found:
        found = [Reason(_("The supply comes on in a moment."), _("Wait a few seconds."))]
    return tuple(found)


def _reason(name: str, is_armed: bool, held: Claims, settings: Document, ch: int) -> Reason:
    is_locked = bool(held.state & _LOCKED) and name in _LOCKABLE
    if is_armed and not is_locked:
        return Reason(_armed(name), _("Restore the power when it is safe."), ("restore",))
    if name == "credit":
        if held.state & _EMERGENCY_OFFERED:
            way = _("Top up, or use the emergency credit until you can.")
            return Reason(_("The credit is used up."), way, ("top-up", "emergency"))
        return Reason(
            _("The credit is used up."),
            _("Top up; the power comes back when the meter has the credit."),
            ("top-up",),
        )
    if name == "overload":
        return _overload(is_locked, settings, ch)
    if name == "user":
        why = _("You switched it off here.")
        if settings.get("budget_u", ch):
            why = _("You switched it off, or the budget of the day is used up.")
        return Reason(why, _("Switch it on again when it is safe."), ("restore",))
    return _for_others(name)


def _armed(name: str) -> str:
    if name == "credit":
        return _("There is credit again; the power waits for your hand.")
    if name == "overload":
        return _("Too much was switched on at once; the power waits for your hand.")
    return _("What cut the power is over; it waits for your hand.")


def _overload(is_locked: bool, settings: Document, ch: int) -> Reason:
    why = _("More was switched on than is allowed here.")
    limit_w = settings.get("limit_w", ch)
    if limit_w:
        why += " " + _("The limit is %(limit)s W.") % {"limit": limit_w}
    if is_locked:
        return Reason(why, _("It happened too often today: call your operator."))
    minutes = -(-settings.get("limit_restore_s", ch) // 60)
    way = _("Switch off large appliances; the power comes back by itself within %(minutes)s min.")
    return Reason(why, way % {"minutes": minutes})


def _for_others(name: str) -> Reason:
    if name == "boot":
        return Reason(_("The meter has just started."), _("The power comes by itself in seconds."))
    if name == "schedule":
        return Reason(
            _("The timetable of this supply has a pause now."),
            _("The power comes back by itself at the end of the pause."),
        )
    if name == "operator":
        return Reason(
            _("Your operator has switched it off."), _("Call your operator to learn why.")
        )
    if name == "tamper":
        return Reason(
            _("The meter has noticed that somebody worked on it."), _("Call your operator.")
        )
    if name == "fault":
        return Reason(
            _("The meter cannot measure, so it does not feed you."),
            _("Call your operator; it comes back by itself once the meter measures again."),
        )
    return Reason(_("A reason that this station does not know."), _("Call your operator."))
