"""A meter's events in the reader's words: what each code is called, and what its numbers mean."""

from dataclasses import dataclass

import sqlalchemy as sa

from umeter_station import change
from umeter_station.web import language
from umeter_station.web.language import gettext as _
from umeter_station.web.watch import claims
from umeter_station.words import Voice, event_detail


def say(text: str) -> str:
    """Marks a text that is translated when it is shown."""
    return text


# All that the firmware's table of codes has, in its order.
_TITLES = {
    "other": say("Something that is not told here"),
    "boot": say("The meter started"),
    "power.cut": say("The meter had no power"),
    "power.fail": say("The power is about to fail"),
    "safe.mode": say("Safe mode: no network for a while"),
    "command": say("Order answered"),
    "settings": say("New settings in force"),
    "clock.set": say("Clock set"),
    "contact.open": say("Contact opened"),
    "contact.close": say("Contact closed"),
    "credit.low": say("Credit low"),
    "credit.out": say("Credit used up"),
    "credit.back": say("In credit again"),
    "register.reset": say("Register went back"),
    "register.jump": say("Register went too far ahead"),
    "register.frozen": say("Register stands still under load"),
    "frontend.silent": say("Front end silent"),
    "frontend.back": say("Front end answers again"),
    "energy.open": say("Energy behind an open contact"),
    "quarantine.accepted": say("Held-back energy accepted"),
    "quarantine.refused": say("Held-back energy refused"),
    "journal.failed": say("The store of money and energy cannot be written"),
    "journal.damaged": say("The store of money and energy was damaged"),
    "journal.back": say("The store of money and energy works again"),
    "log.failed": say("A log cannot be written"),
    "credit.low2": say("Credit very low"),
    "credit.pretrip": say("Cut once to warn: the credit ends soon"),
    "emergency.offered": say("Emergency credit offered"),
    "emergency.taken": say("Emergency credit taken"),
    "emergency.cleared": say("Emergency credit paid back"),
    "allowance.given": say("Free allowance given"),
    "allowance.expired": say("Free allowance expired"),
    "budget.out": say("The day's budget is used up"),
    "tariff.fallback": say("Clock not set: fallback rate"),
    "tariff.next": say("Next tariff in force"),
    "limit.over": say("More drawn than allowed"),
    "limit.trip": say("Cut, for more was drawn than allowed"),
    "limit.locked": say("Locked after overloads"),
    "limit.back": say("Fed again after an overload"),
    "load.banned": say("A load that is not allowed"),
    "load.locked": say("Locked after loads that are not allowed"),
    "contact.welded": say("Power behind an open contact"),
    "contact.stuck": say("No voltage behind a closed contact"),
    "energy.reverse": say("Energy flows back"),
    "energy.unmetered": say("Energy that no channel meters"),
    "cover.open": say("Cover opened"),
    "cover.closed": say("Cover closed"),
    "account.opened": say("Account opened"),
    "account.closed": say("Account closed"),
    "account.reset": say("Account set to zero"),
    "account.mode": say("Way of paying changed"),
    "debit": say("Credit taken back"),
    "debt": say("Debt changed"),
    "hand": say("Power restored by the consumer"),
    "user.open": say("Switched off by the tenant"),
    "user.close": say("Switched on by the tenant"),
    "claim.released": say("Lock released by an operator"),
    "turn.failed": say("The account could not be worked out"),
    "account.forgiven": say("What was owed is forgiven"),
    "link.forged": say("Orders that are not from this station"),
    "frontend.reset": say("Front end set up anew"),
    "calibrated": say("Calibrated"),
    "relay.silent": say("Relays do not answer"),
    "relay.back": say("Relays answer again"),
    "maintenance": say("Maintenance begun"),
    "update.begun": say("Update begun"),
    "update.switched": say("Update switched on"),
    "update.kept": say("Update kept"),
    "update.back": say("Update taken back"),
}
_OF_CLAIMS = ("contact.open", "hand", "claim.released")
_SETTING = "set."


@dataclass(frozen=True, slots=True)
class Told:
    """An event. `t`: Unix time, 0 if its clock was not set; `ch` 0: of the whole meter; `title` is
    the code itself if this station has no words for it."""

    n: int
    t: int
    ch: int
    code: str
    title: str
    detail: str


def told(event: sa.Row) -> Told:
    """`event`: of the events' table."""
    row = event._mapping  # A row has a `t` of its own.
    return Told(
        n=row["n"],
        t=row["t"],
        ch=row["ch"],
        code=row["code"],
        title=title(row["code"]),
        detail=detail(row["code"], row["a"], row["b"]),
    )


def title(code: str) -> str:
    if code.startswith(_SETTING):
        return _("Setting %(name)s") % {"name": code.removeprefix(_SETTING)}
    return _(_TITLES[code]) if code in _TITLES else code


def detail(code: str, a: int, b: int) -> str:
    """Its numbers, as language.money and the like write them."""
    lang = language.current()
    if code in _OF_CLAIMS:
        return ", ".join(claims.words(a, 0))
    if code == "tariff.fallback":
        return _("rate %(number)s") % {"number": a}
    if code == "safe.mode":
        return _("after %(number)s starts that failed") % {"number": a} if a else ""
    if code == "log.failed":
        return _("the load profile") if b else _("from record %(n)s on") % {"n": a}
    if code == "journal.damaged":
        return _("nothing of it could be read") if a else _("some of it could not be read")
    return event_detail(code, a, b, Voice(_, lang.money, _setting, lang.moment, lang.lasting))


def _setting(name: str, value: int) -> str:
    return language.current().price(value) if change.is_money(name) else str(value)
