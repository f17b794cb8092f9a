"""How a paper is written: in whose words, by which clock, and with which coins."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import accumulate, pairwise

from umeter_station.amounts import MICRO, format_u
from umeter_station.config import Config
from umeter_station.ops.jobs import zone as zone_of
from umeter_station.pay import currency as currencies


@dataclass(frozen=True)
class Writing:
    """`currency`: its ISO code. `say` has a text, or one with %(name)s places, in the language
    `lang`; `tell` a finished sentence of the station's. Without more it is English, by UTC."""

    zone: tzinfo = UTC
    currency: str = "EUR"
    lang: str = "en"
    say: Callable[[str], str] = str
    tell: Callable[[str], str] = str

    def coins(self, amount_u: int) -> str:
        """A sum of money, or a balance: what is less than the smallest coin is not there."""
        return self._fixed(amount_u // self._coin_u)

    def share(self, amount_u: int) -> str:
        """A part of a sum, to the nearest coin (half up)."""
        return self._fixed(self._nearest(amount_u))

    def shares(self, amounts_u: Iterable[int]) -> list[str]:
        """Many parts of one sum: each differs from its amount by less than a coin, and as they are
        printed they add up to the sum of all, to the nearest coin (half up)."""
        ends = [self._nearest(sum_u) for sum_u in accumulate(amounts_u, initial=0)]
        return [self._fixed(end - begun) for begun, end in pairwise(ends)]

    def named(self, amount: str) -> str:
        """A printed amount that stands out, and says what money all the others are."""
        return f"{amount} {self.currency}"

    def price(self, amount_u: int) -> str:
        """What one of something costs, with all its decimals."""
        return format_u(amount_u)

    def kwh(self, wh: int) -> str:
        return _decimal(wh // 10, 2) + " kWh"

    def time(self, at_s: int) -> str:
        """With the offset from UTC that was in force then; short enough for a narrow printer."""
        moment = datetime.fromtimestamp(at_s, UTC).astimezone(self.zone)
        return moment.isoformat(" ", "seconds").replace("+00:00", " UTC")

    def _nearest(self, amount_u: int) -> int:
        return (amount_u + self._coin_u // 2) // self._coin_u

    @property
    def _decimals(self) -> int:
        return currencies.decimals(self.currency)

    @property
    def _coin_u(self) -> int:
        return MICRO // 10**self._decimals

    def _fixed(self, coins: int) -> str:
        return _decimal(coins, self._decimals)


def of(config: Config) -> Writing:
    """A station's own, in English: for its commands, its API, and printers without other
    letters."""
    return Writing(zone_of(config.jobs.timezone), config.stripe.currency.upper())


def _decimal(value: int, places: int) -> str:
    sign, digits = "-" if value < 0 else "", str(abs(value)).rjust(places + 1, "0")
    return sign + (f"{digits[:-places]}.{digits[-places:]}" if places else digits)
