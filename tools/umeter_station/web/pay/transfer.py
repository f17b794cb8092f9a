"""What a household writes on a bank transfer, where the station takes them in."""

from collections.abc import Sequence
from dataclasses import dataclass

from umeter_station.errors import StationError
from umeter_station.pay import bank_profile, references
from umeter_station.station import Books


@dataclass(frozen=True)
class Transfer:
    """`reference` as it is printed; `ibans` of the accounts that it may go to, those known."""

    meter: str
    ch: int
    reference: str
    ibans: tuple[str, ...]


def to(books: Books, channels: Sequence[tuple[str, int]], now_s: int) -> list[Transfer]:
    """For each channel; none where no bank has a profile."""
    banks = bank_profile.names(books.config.home)
    if not banks:
        return []
    ibans = tuple(dict.fromkeys(filter(None, (_iban(books, bank) for bank in banks))))
    with books.db.read() as conn:
        found = {place: references.known(conn, *place) for place in channels}
    if None in found.values():
        with books.db.write() as conn:
            found = {place: references.of_channel(conn, *place, now_s) for place in channels}
    return [
        Transfer(*place, references.spaced(reference or ""), ibans)
        for place, reference in found.items()
    ]


def _iban(books: Books, bank: str) -> str:
    """A profile that cannot be read is told of where files are imported."""
    try:
        return references.spaced(bank_profile.load(books.config.home, bank).iban)
    except StationError:
        return ""
