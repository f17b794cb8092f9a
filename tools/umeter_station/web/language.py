"""The language of a page: its words, and how it writes numbers, money and times.

English is what the templates say. Another language is a folder of .po files here, or one file in
the station's home: languages/de.po makes German. A language is chosen by a cookie, else it is what
the browser asks for first of those that are there.
"""

import functools
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path

from babel import Locale, UnknownLocaleError, dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from babel.support import NullTranslations, Translations

from umeter_station.amounts import MICRO
from umeter_station.errors import StationError

FOLDER = Path(__file__).parent / "lang"
COOKIE = "umeter-language"
_CODE = re.compile(r"[a-z]{2,3}(_[A-Za-z]{2,4})?")
_HOME_FOLDER = "languages"


@dataclass(frozen=True)
class Place:
    """What a page's numbers and times are written by: `currency` is its ISO code."""

    zone: tzinfo = UTC
    currency: str = "EUR"


class Language:
    """`code` as in lang="…"; `locale` is Babel's. Amounts and energies come in as integers."""

    def __init__(self, code: str, words: NullTranslations, place: Place) -> None:
        self.code = code
        self.locale = Locale.parse(code)
        self._words = words
        self._place = place

    @property
    def name(self) -> str:
        """In its own words."""
        return self.locale.get_display_name(self.locale).capitalize()

    @property
    def currency(self) -> str:
        return self._place.currency

    def gettext(self, text: str) -> str:
        return self._words.ugettext(text)

    def ngettext(self, one: str, many: str, number: int) -> str:
        return self._words.ungettext(one, many, number)

    def money(self, amount_u: int) -> str:
        """As much as is there to be spent: what is less than the smallest coin is not shown."""
        return self._coins(amount_u, ROUND_FLOOR)

    def owed(self, amount_u: int) -> str:
        """A debt: a begun smallest coin counts whole, as it does in the balance it comes from."""
        return self._coins(amount_u, ROUND_CEILING)

    def _coins(self, amount_u: int, rounding: str) -> str:
        places = numbers.get_currency_precision(self._place.currency)
        rounded = Decimal(amount_u).scaleb(-6).quantize(Decimal(1).scaleb(-places), rounding)
        return numbers.format_currency(rounded, self._place.currency, locale=self.locale)

    def price(self, amount_u: int) -> str:
        """With all its decimals, as a price of a kWh needs them."""
        exact = Decimal(amount_u) / MICRO
        places = numbers.get_currency_precision(self._place.currency)
        pattern = self.locale.currency_formats["standard"].pattern
        fine = pattern.replace("0.00", "0." + "0" * places + "#" * (6 - places))
        return numbers.format_currency(
            exact, self._place.currency, fine, locale=self.locale, currency_digits=False
        )

    def number(self, value: int) -> str:
        return numbers.format_decimal(value, locale=self.locale)

    def decimal(self, value: int, shift: int, places: int) -> str:
        """An integer in units of 10^-shift, with so many decimals."""
        exact = Decimal(value).scaleb(-shift)
        pattern = "#,##0." + "0" * places if places else "#,##0"
        return numbers.format_decimal(exact, pattern, locale=self.locale)

    def kwh(self, energy_wh: int, places: int = 1) -> str:
        return self.decimal(energy_wh, 3, places) + " kWh"

    def watts(self, power_dw: int) -> str:
        """`power_dw` in tenths of a watt."""
        if abs(power_dw) >= 100_000:
            return self.decimal(power_dw, 4, 2) + " kW"
        return self.decimal(power_dw, 1, 0) + " W"

    def when(self, at_s: int) -> str:
        """A Unix time as date and time, to the minute."""
        return self._moment(at_s, "short")

    def moment(self, at_s: int) -> str:
        """To the second, for what is looked at in order."""
        return self._moment(at_s, "medium")

    def _moment(self, at_s: int, clock: str) -> str:
        moment = datetime.fromtimestamp(at_s, UTC).astimezone(self._place.zone)
        day = dates.format_date(moment.date(), "medium", locale=self.locale)
        time = dates.format_time(moment, clock, tzinfo=self._place.zone, locale=self.locale)
        return self.locale.datetime_formats["medium"].replace("'", "").format(time, day)

    def day(self, at_s: int) -> str:
        moment = datetime.fromtimestamp(at_s, UTC).astimezone(self._place.zone)
        return dates.format_date(moment.date(), "medium", locale=self.locale)

    def month(self, at_s: int) -> str:
        moment = datetime.fromtimestamp(at_s, UTC).astimezone(self._place.zone)
        return dates.format_skeleton("yMMMM", moment, self._place.zone, locale=self.locale)

    def clock(self, at_s: int) -> str:
        moment = datetime.fromtimestamp(at_s, UTC).astimezone(self._place.zone)
        return dates.format_time(moment, "short", locale=self.locale, tzinfo=self._place.zone)

    def ago(self, at_s: int, now_s: int) -> str:
        """How long since, as "3 minutes ago"."""
        return dates.format_timedelta(
            at_s - now_s, add_direction=True, locale=self.locale, threshold=1.2
        )

    def lasting(self, seconds: int) -> str:
        """How long, as "3 days"."""
        return dates.format_timedelta(seconds, locale=self.locale, threshold=1.2)


_now: ContextVar[Language] = ContextVar("language")


def current() -> Language:
    """Of the request that is being answered; English outside of one."""
    found = _now.get(None)
    return found if found is not None else Language("en", NullTranslations(), Place())


def use(language: Language) -> None:
    _now.set(language)


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """For who is no request: afterwards it is as before."""
    before = _now.set(language)
    try:
        yield
    finally:
        _now.reset(before)


def gettext(text: str) -> str:
    return current().gettext(text)


def ngettext(one: str, many: str, number: int) -> str:
    return current().ngettext(one, many, number)


class Languages:
    """All that a station has. `home`: where files of further languages may lie."""

    def __init__(self, home: Path, place: Place) -> None:
        self._place = place
        self._words: dict[str, NullTranslations] = {"en": NullTranslations()}
        for folder in sorted(path for path in FOLDER.iterdir() if path.is_dir()):
            self._words[folder.name] = catalog(tuple(sorted(folder.glob("*.po"))))
        for path in sorted((home / _HOME_FOLDER).glob("*.po")):
            code = _code_of(path)
            self._words[code] = catalog((path,))
        self._made = {code: Language(code, words, place) for code, words in self._words.items()}

    @property
    def all(self) -> list[Language]:
        return list(self._made.values())

    def choose(self, cookie: str | None, accepted: str) -> Language:
        """`accepted`: the header Accept-Language."""
        if cookie in self._made:
            return self._made[cookie]
        for asked in accepted.split(",")[:20]:
            code = asked.partition(";")[0].strip().replace("-", "_")
            for candidate in (code, code.partition("_")[0].lower()):
                if candidate in self._made:
                    return self._made[candidate]
        return self._made["en"]


def _code_of(path: Path) -> str:
    try:
        if _CODE.fullmatch(path.stem):
            Locale.parse(path.stem)
            return path.stem
    except (UnknownLocaleError, ValueError):
        pass
    raise StationError(f"{path} is named after no language; name it as de.po or pt_BR.po.")


@functools.cache
def catalog(paths: tuple[Path, ...]) -> NullTranslations:
    """What .po files say, later ones over earlier ones. Raises StationError."""
    merged = Translations()
    for path in paths:
        code = path.parent.name if path.parent.parent == FOLDER else path.stem
        try:
            with path.open("rb") as file:
                found = read_po(file, locale=code, abort_invalid=True)
            binary = io.BytesIO()
            write_mo(binary, found)
            binary.seek(0)
            part = Translations(binary)
            merged.merge(part)
            # Which of several forms a number takes is the language's own rule.
            merged.plural = part.plural
        except (OSError, ValueError, PoFileError) as error:
            raise StationError(f"{path} cannot be read as a .po file ({error}).") from None
    return merged
