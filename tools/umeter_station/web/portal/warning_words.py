"""What a household reads of its credit, in the language that is in use."""

from umeter_station.web import language
from umeter_station.web.language import gettext as _
from umeter_station.web.portal.warning_notices import Notice


def mail(notice: Notice) -> tuple[str, str]:
    """(subject, text)."""
    where = _("Meter %(meter)s, channel %(ch)s") % {"meter": notice.meter, "ch": notice.ch}
    subject, text = _mail(notice)
    wanted = _("You get this because you want it; you can change that in the settings.")
    return subject, f"{where}\n\n{text}\n\n{wanted}\n"


def _mail(notice: Notice) -> tuple[str, str]:
    if notice.code == "credit.out":
        return (
            _("Your electricity credit is used up"),
            _("The credit is used up. Top up; the power comes back when the meter has it."),
        )
    if notice.code == "budget.out":
        return (
            _("Today's electricity budget is used up"),
            _("The budget of the day is used up. You can restore the power when it is safe."),
        )
    return (
        _("Your electricity credit is low"),
        _("There is %(amount)s left. Top up in good time.") % {"amount": _amount(notice)},
    )


def sms(notice: Notice) -> str:
    """One sentence. In English it fits into one SMS of 160 characters whatever the meter is called
    and the amount is, so that no figure is ever cut."""
    if notice.code == "credit.out":
        text = _(
            "Electricity credit used up (balance %(amount)s) on channel %(ch)s of meter %(meter)s:"
            " top up, then the power comes back."
        )
    elif notice.code == "budget.out":
        text = _(
            "Today's electricity budget of %(amount)s is used up on channel %(ch)s of meter"
            " %(meter)s: restore the power when it is safe."
        )
    else:
        text = _(
            "Electricity credit low: %(amount)s left on channel %(ch)s of meter %(meter)s, top up"
            " in good time."
        )
    said = text % {"amount": _amount(notice), "ch": notice.ch, "meter": notice.meter}
    # A blank that does not break is not in the alphabet of an SMS: one of them, and only 70
    # characters fit.
    return said.replace("\u00a0", " ").replace("\u202f", " ")


def _amount(notice: Notice) -> str:
    speak = language.current()
    if notice.is_kwh:
        return speak.kwh(notice.amount_u // 1000, 2)
    return speak.money(notice.amount_u)
