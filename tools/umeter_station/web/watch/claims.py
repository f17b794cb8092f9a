"""Why a contact is held open, in words: the cause of each claim, and the way that it ends."""

from dataclasses import dataclass

from umeter_station.web.language import gettext as _
from umeter_station.words import claim_names


def _n(text: str) -> str:
    """Marks a text that is translated when it is shown."""
    return text


# By claim: (a word for a tile, what it is, how it ends).
_WORDS: dict[str, tuple[str, str, str]] = {
    "boot": (
        _n("starting"),
        _n("The meter has just started and checks its accounts."),
        _n("Ends by itself within seconds."),
    ),
    "credit": (
        _n("no credit"),
        _n("The credit is used up."),
        _n("Ends when credit arrives: sell some, or let the tenant take the emergency credit."),
    ),
    "operator": (
        _n("cut by hand"),
        _n("An operator holds it open."),
        _n("Ends when an operator lets the supply be."),
    ),
    "user": (
        _n("tenant's switch"),
        _n("The tenant switched it off, or has used up a budget for the day."),
        _n("Ends by the tenant's switch, or with the next day's budget."),
    ),
    "overload": (
        _n("overload"),
        _n("More was drawn than is allowed."),
        _n("Ends by itself after a while; after too many tries, when an operator releases it."),
    ),
    "schedule": (
        _n("timetable"),
        _n("The timetable does not feed it at this hour."),
        _n("Ends by itself with the timetable's slot."),
    ),
    "tamper": (
        _n("tampering"),
        _n("Somebody has tampered with it."),
        _n("Ends when an operator releases it, after a look at the box."),
    ),
    "fault": (
        _n("front end silent"),
        _n("What measures it does not answer; unmetered it is not fed."),
        _n("Ends by itself when the front end answers again."),
    ),
}
_ARMED = _n(
    "The cause is over, but the supply waits for the consumer's own hand: its button, or"
    " “restore power” in the portal."
)


@dataclass(frozen=True)
class Claim:
    """`is_armed`: its cause is gone, and it waits for the consumer's hand."""

    name: str
    word: str
    cause: str
    release: str
    is_armed: bool


def words(claims: int | None, armed: int | None) -> list[str]:
    """A word for each, for a tile."""
    return [_word(name) for name in claim_names((claims or 0) | (armed or 0))]


def _word(name: str) -> str:
    return _(_WORDS[name][0]) if name in _WORDS else name


def explained(claims: int | None, armed: int | None) -> list[Claim]:
    waiting = claim_names(armed or 0)
    found = []
    for name in claim_names((claims or 0) | (armed or 0)):
        word, cause, release = _WORDS.get(name, (name, _n("A newer meter's reason."), ""))
        is_armed = name in waiting
        found.append(
            Claim(
                name=name,
                word=_(word),
                cause=_(cause),
                release=_(_ARMED) if is_armed else (_(release) if release else ""),
                is_armed=is_armed,
            )
        )
    return found
