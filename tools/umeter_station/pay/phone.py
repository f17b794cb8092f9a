"""Buying by telephone: what an IVR or an SMS gateway asks for its caller.

Who calls is found by the channel he names, or by his number; neither proves anything, the PIN
does (pins.py). Then a token stands for the call, for some minutes. What is bought is paid from the
tenant's prepaid wallet, which is filled by bank transfer (references.py) or by a provider; if it
holds too little, a link to pay by is made.
"""

import hashlib
import secrets
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import queries
from umeter_station.clock import Clock
from umeter_station.db import Database
from umeter_station.desk import quotes, sales
from umeter_station.desk.quotes import Quote
from umeter_station.desk.sales import Sale
from umeter_station.errors import NotFound, StationError
from umeter_station.models import meters as meters_table
from umeter_station.models_pay import phone_calls
from umeter_station.models_people import tenants as tenants_table
from umeter_station.pay import payments, pins, wallets
from umeter_station.pay.payments import Payment, Wish
from umeter_station.pay.provider import Provider
from umeter_station.people import acts, tenants, texts

CALL_S = 10 * 60
WAY = "phone"


@dataclass(frozen=True)
class Call:
    tenant_id: int
    gateway: str
    number: str
    ends_at: int


@dataclass(frozen=True)
class Standing:
    """What the meter said last, None if it has not; and the tenant's wallet."""

    meter: str
    ch: int
    balance_u: int | None
    days_left: int | None
    read_at: int | None
    wallet_u: int


def find_caller(
    conn: Connection, number: str, meter: str | None, ch: int | None, now_s: int
) -> int | None:
    """The tenant: of the channel if one is named, else the only one with this number."""
    if meter is not None and ch is not None:
        name = exact_name(conn, meter)
        return None if name is None else tenants.tenant_of(conn, name, ch, now_s)
    try:
        number = texts.phone(number)
    except StationError:
        return None
    t = tenants_table.c
    found = conn.execute(sa.select(t.id).where(t.phone == number, t.phone != "")).scalars().all()
    return found[0] if len(found) == 1 else None


def exact_name(conn: Connection, typed: str) -> str | None:
    """A meter's name, whatever case it was typed in."""
    m = meters_table.c
    if conn.execute(sa.select(m.meter).where(m.meter == typed)).first() is not None:
        return typed
    found = conn.execute(sa.select(m.meter).where(sa.func.lower(m.meter) == typed.lower()))
    names = found.scalars().all()
    return names[0] if len(names) == 1 else None


def begin_call(
    db: Database,
    clock: Clock,
    gateway: str,
    number: str,
    pin: str,
    meter: str | None = None,
    ch: int | None = None,
) -> tuple[str, Call]:
    """(the call's token, the call). Raises pins.Refused."""
    with db.read() as conn:
        tenant_id = find_caller(conn, number, meter, ch, clock.now_s())
    pins.verify(db, clock, tenant_id, pin)
    assert tenant_id is not None
    now_s, token = clock.now_s(), secrets.token_urlsafe(24)
    call = Call(tenant_id, gateway, number[:32], now_s + CALL_S)
    with db.write() as conn:
        conn.execute(sa.delete(phone_calls).where(phone_calls.c.ends_at <= now_s))
        conn.execute(
            phone_calls.insert().values(
                token_hash=_hash(token),
                gateway=gateway,
                tenant_id=tenant_id,
                number=call.number,
                started_at=now_s,
                ends_at=call.ends_at,
            )
        )
        acts.note(conn, gateway, "phone.call", f"tenant:{tenant_id}", {}, now_s)
    return token, call


def find_call(conn: Connection, gateway: str, token: str, now_s: int) -> Call:
    """Raises StationError for a token that is not of this gateway, or no longer good."""
    c = phone_calls.c
    row = conn.execute(
        sa.select(c.tenant_id, c.gateway, c.number, c.ends_at).where(
            c.token_hash == _hash(token), c.gateway == gateway, c.ends_at > now_s
        )
    ).first()
    if row is None:
        raise StationError("The call has ended; ask for the PIN again.")
    return Call(*row)


def end_call(conn: Connection, gateway: str, token: str) -> None:
    c = phone_calls.c
    conn.execute(sa.delete(phone_calls).where(c.token_hash == _hash(token), c.gateway == gateway))


def channels(conn: Connection, tenant_id: int, now_s: int) -> list[tuple[str, int]]:
    """In the order in which they are read out."""
    return sorted(tenants.channels_of(conn, tenant_id, now_s))


def standing(conn: Connection, tenant_id: int, meter: str, ch: int, now_s: int) -> Standing:
    _check_his(conn, tenant_id, meter, ch, now_s)
    reading = queries.latest_reading(conn, meter)
    wallet_u = wallets.balance_u(conn, tenant_id)
    for channel in reading.channels if reading is not None else []:
        if channel["ch"] == ch:
            days, read_at = channel.get("days_left"), reading.received_at
            return Standing(meter, ch, channel["balance_u"], days, read_at, wallet_u)
    return Standing(meter, ch, None, None, None, wallet_u)


def quote(conn: Connection, tenant_id: int, meter: str, ch: int, paid_u: int, now_s: int) -> Quote:
    _check_his(conn, tenant_id, meter, ch, now_s)
    return quotes.quote(conn, meter, ch, paid_u, WAY, now_s)


def buy(
    conn: Connection,
    gateway: str,
    message_id: str,
    tenant_id: int,
    meter: str,
    ch: int,
    paid_u: int,
    now_s: int,
) -> Sale:
    """From the wallet, once per gateway and message; StationError if it holds too little."""
    key = sale_key(gateway, message_id)
    if sales.by_key(conn, key) is None:
        _check_his(conn, tenant_id, meter, ch, now_s)
    return wallets.buy(
        conn,
        tenant_id=tenant_id,
        meter=meter,
        ch=ch,
        paid_u=paid_u,
        key=key,
        way=WAY,
        by=f"tenant:{tenant_id}",
        now_s=now_s,
    )


def pay_link(
    db: Database,
    clock: Clock,
    provider: Provider,
    gateway: str,
    message_id: str,
    tenant_id: int,
    meter: str,
    ch: int,
    paid_u: int,
) -> Payment:
    """A payment through the provider, whose address is sent to the tenant; once per message."""
    with db.read() as conn:
        _check_his(conn, tenant_id, meter, ch, clock.now_s())
    wish = Wish(paid_u, meter, ch, way=WAY)
    key = sale_key(gateway, message_id)
    return payments.start(db, clock, provider, wish, f"tenant:{tenant_id}", key)


def sale_key(gateway: str, message_id: str) -> str:
    return f"phone:{gateway}:{message_id}"


def _check_his(conn: Connection, tenant_id: int, meter: str, ch: int, now_s: int) -> None:
    if (meter, ch) not in tenants.channels_of(conn, tenant_id, now_s):
        raise NotFound(f"There is no channel {ch} of {meter} here.")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
