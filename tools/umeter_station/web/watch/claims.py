"""Why a contact is held open, in words: the cause of each claim, and the way that it ends."""

from dataclasses import dataclass

from umeter_station.web.language import gettext as _
from umeter_station.words import claim_names


def say(text: str) -> str:
    """Marks a text that is translated when it is shown."""
    return text


# By claim: (a word for a tile, what it is, how it ends).
_WORDS: dict[str, tuple[str, str, str]] = {
    "boot": (
        say("starting"),
        say("The meter has just started and checks its accounts."),
        say("Ends by itself within seconds."),
    ),
    "credit": (
        say("no credit"),
        say("The credit is used up."),
        say("Ends when credit arrives: sell some, or let the tenant take the emergency credit."),
    ),
    "operator": (
        say("cut by hand"),
        say("An operator holds it open."),
        say("Ends when an operator lets the supply be."),
    ),
    "user": (
        say("tenant's switch"),
        say("The tenant switched it off, or has used up a budget for the day."),
        say("Ends by the tenant's switch, or with the next day's budget."),
    ),
    "overload": (
        say("overload"),
        say("More was drawn than is allowed."),
        say("Ends by itself after a while; after too many tries, when an operator releases it."),
    ),
    "schedule": (
        say("timetable"),
        say("The timetable does not feed it at this hour."),
        say("Ends by itself with the timetable's slot."),
    ),
    "tamper": (
        say("tampering"),
        say("Somebody has tampered with it."),
        say("Ends when an operator releases it, after a look at the box."),
    ),
    "fault": (
        say("front end silent"),
        say("What measures it does not answer; unmetered it is not fed."),
        say("Ends by itself when the front end answers again."),
    ),
}
_ARMED = say(
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
    return [word(name) for name in claim_names((claims or 0) | (armed or 0))]


def word(name: str) -> str:
    """Of one claim; its name if it has none."""
    return _(_WORDS[name][0]) if name in _WORDS else name


def explained(claims: int | None, armed: int | None) -> list[Claim]:
    waiting = claim_names(armed or 0)
    found = []
    for name in claim_names((claims or 0) | (armed or 0)):
        word, cause, release = _WORDS.get(name, (name, say("A newer meter's reason."), ""))
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
