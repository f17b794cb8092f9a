"""Who lives in the demo: houses with their boards, tenants and tariffs, and who may sign in."""

from dataclasses import dataclass
from typing import Any

DAYS = 60  # of history
PASSWORD = "green meadow 42"
OPERATOR, CASHIER, TENANT = "olivia", "carl", "tess"
OWNER = "anna"
BY_OPERATOR, BY_CASHIER = f"operator:{OPERATOR}", f"operator:{CASHIER}"  # as the acts say it
LOGINS = ((OPERATOR, "operator"), (CASHIER, "cashier"), (TENANT, "tenant"))
STAFF = ((OWNER, "owner"), (OPERATOR, "operator"), (CASHIER, "cashier"))
TIMEZONE = "Europe/Berlin"


@dataclass(frozen=True)
class House:
    """A board. `tenants`: by channel; one with two channels stands there twice, None is nobody.
    `seed`: of what they use. `inlet`: channel 8 measures what goes in; from day `tap` on somebody
    takes energy past the others. `ends_s`: so long before now it falls silent, 0: it lives on."""

    meter: str
    site: str
    tariff: str
    seed: int
    tenants: tuple[str | None, ...]
    inlet: bool = False
    tap: int | None = None
    ends_s: int = 0

    def people(self) -> list[int]:
        """The channels that somebody pays for."""
        return [ch for ch, name in enumerate(self.tenants, 1) if name]


SITES = {"Mill Lane 12": "Mill Lane 12, 20095 Hamburg", "Harbour 5": "Am Hafen 5, 20457 Hamburg"}
CUT_METER, CUT_CH = "mill-1", 3  # whose credit has run out when the demo begins
HOUSES = (
    House(
        *("mill-1", "Mill Lane 12", "Home", 11),
        ("Jonas Weber", "Amara Okafor", "Tess Lindqvist", "Pavel Novak")
        + ("Mei Chen", "Ines Duarte", "Tess Lindqvist", "Omar Haddad"),
    ),
    House(
        *("mill-2", "Mill Lane 12", "Home", 12),
        ("Lena Fischer", "Tom Baker", "Yuki Tanaka", "Priya Nair")
        + ("Karl Brandt", "Sofia Rossi", "Ahmed Yilmaz", None),
        inlet=True,
        tap=51,
    ),
    House(
        *("harbour-1", "Harbour 5", "Shop", 13),
        ("Nordlicht Café", "Bike Works", "Salon Vera", "Print & Copy")
        + ("Fisch Petersen", "Tailor Kaya", "Kiosk 24", "Flower Corner"),
        ends_s=9 * 3600 + 1260,
    ),
)
OFFLINE_METER = "harbour-1"
TAPPED_METER = "mill-2"

_DAY_AND_NIGHT = [[[0, 2], [600, 1], [2200, 2]]]
TARIFFS: dict[str, dict[str, Any]] = {
    "Home": {
        "tariff": {
            "prices": [[310_000, 210_000]],
            "tables": [_DAY_AND_NIGHT],
            "standing_u_per_day": 150_000,
        },
    },
    "Shop": {"price_u_per_kwh": 285_000},
}
LATER_HOME = {
    "tariff": {
        "prices": [[330_000, 220_000]],
        "tables": [_DAY_AND_NIGHT],
        "standing_u_per_day": 150_000,
    },
}
LATER_DAY = 30

_NIGHTS = [["1234567", 2200, 2400], ["1234567", 0, 600]]


def settings(house: House) -> list[dict[str, Any]]:
    """What the operator sets at the beginning, order by order."""
    first: dict[str, Any] = {
        "tz": "CET-1CEST,M3.5.0,M10.5.0/3",
        "report_s": 900,
        "low_credit_u": 3_000_000,
        "emergency_u": 3_000_000,
        "emergency_at_u": 1_000_000,
        "limit_w": 7_000,
        "max_topup_u": 500_000_000,
    }
    if house.tariff == "Home":
        first["friendly"] = _NIGHTS
    second: dict[str, Any] = {}
    if house.inlet:
        second = {
            "inlet_ch": 8,
            "unmetered_w": 200,
            "unmetered_percent": 10,
            "ch.8.price_u_per_kwh": 0,
            "ch.8.protected": 1,
            "ch.8.limit_w": 0,
        }
    return [each for each in (first, second) if each]


def last_settings(house: House) -> list[dict[str, Any]]:
    """What is set before people look on."""
    if house.ends_s:
        return []
    last: dict[str, Any] = {"report_s": 5}
    if house.meter == CUT_METER:
        # Without these the lights come back at night, and without anybody's doing.
        last |= {f"ch.{CUT_CH}.friendly": [], f"ch.{CUT_CH}.reclose": "armed"}
    return [last]


# Nobody's cable bears that; the meter refuses it and says so.
REFUSED = {"ch.5.limit_w": 30_000}
