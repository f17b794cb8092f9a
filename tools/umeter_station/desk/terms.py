"""What a channel's meter charges by now, read from the settings that it reported.

As the meter does it: what the channel has of its own comes before what all have, and in each of
the two the next tariff from its moment on, then the tariff, then the flat price.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import meters
from umeter_station.models import intervals

_PROFILE_CHANNELS = 8  # that a load profile has


@dataclass(frozen=True)
class Terms:
    """`tariff`: the object in force; None if the meter has not reported any. Where `unit` is
    "kwh" the meter counts energy alone, and the price of a kWh is the station's matter."""

    unit: str
    tariff: dict[str, Any] | None
    weekend_days: int
    debt3_percent: int
    debt3_cap_u: int
    max_topup_u: int
    max_balance_u: int

    @property
    def standing_u_per_day(self) -> int:
        return (self.tariff or {}).get("standing_u_per_day", 0)


def of(conn: Connection, meter: str, ch: int, now_s: int) -> Terms:
    return parse(json.loads(meters.get(conn, meter).settings), ch, now_s)


def parse(reported: dict[str, Any], ch: int, now_s: int) -> Terms:
    def get(key: str, default: Any) -> Any:
        for name in (f"ch.{ch}.{key}", key):
            if reported.get(name) is not None:
                return reported[name]
        return default

    return Terms(
        unit=get("unit", "money"),
        tariff=_in_force(reported, ch, now_s),
        weekend_days=len(get("weekend", [6, 7])),
        debt3_percent=get("debt3_percent", 0),
        debt3_cap_u=get("debt3_cap_u", 0),
        max_topup_u=get("max_topup_u", 0),
        max_balance_u=get("max_balance_u", 0),
    )


def _in_force(reported: dict[str, Any], ch: int, now_s: int) -> dict[str, Any] | None:
    for prefix in (f"ch.{ch}.", ""):
        following = reported.get(f"{prefix}next_tariff")
        if following and now_s >= following["from"]:
            return following
        tariff = reported.get(f"{prefix}tariff")
        if tariff:
            return tariff
        price = reported.get(f"{prefix}price_u_per_kwh")
        if price is not None:
            return {"prices": [[price]]}
    return None


def mmdd(now_s: int) -> int:
    now = datetime.fromtimestamp(now_s, UTC)
    return now.month * 100 + now.day


def month_use_wh(conn: Connection, meter: str, ch: int, now_s: int) -> int:
    """What the load profile has of the month so far: in which block the next kWh falls."""
    if ch > _PROFILE_CHANNELS:
        return 0
    month = datetime.fromtimestamp(now_s, UTC).replace(
        day=1, hour=0, minute=0, second=0, microsecond=0
    )
    c = intervals.c
    total = sa.cast(sa.func.coalesce(sa.func.sum(c[f"wh_{ch}"]), 0), sa.BigInteger)
    return conn.execute(
        sa.select(total).where(
            c.meter == meter, c.t_end > int(month.timestamp()), c.t_end <= now_s
        )
    ).scalar_one()
