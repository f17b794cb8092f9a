"""Commands by SMS, their parts separated by *, # or blanks:

    PIN*meter*channel           what is left
    PIN*meter*channel*12.50?    what that would buy
    PIN*meter*channel*12.50     buy it, from the wallet; else a link to pay by

Each message is carried out once, and answered the same each time the gateway brings it. No PIN is
in an answer, nor in what is stored.
"""

import re
from dataclasses import dataclass

import sqlalchemy as sa

from umeter_station import vending
from umeter_station.amounts import format_u
from umeter_station.clock import Clock
from umeter_station.db import Database
from umeter_station.desk import sales
from umeter_station.errors import Conflict, StationError
from umeter_station.models_pay import phone_messages
from umeter_station.pay import payments, phone, pins, spoken, wallets
from umeter_station.pay.provider import Provider
from umeter_station.sql import insert

_MAX_CHARS = 160
_SEPARATOR = re.compile(r"[*#\s]+")
HELP = "Send PIN*meter*channel for the balance, PIN*meter*channel*amount to buy."


@dataclass(frozen=True)
class Command:
    """`amount_u` None asks for the balance; `ask`: only for what the amount would buy."""

    pin: str
    meter: str
    ch: int
    amount_u: int | None = None
    ask: bool = False

    @property
    def without_pin(self) -> str:
        return f"{self.meter}*{self.ch}*{self.amount_u}{'?' if self.ask else ''}"


def parse(text: str) -> Command:
    """Raises StationError, which says how it is written."""
    parts = _SEPARATOR.split(text.strip().strip("*#"))
    if not 3 <= len(parts) <= 5 or len(text) > _MAX_CHARS:
        raise StationError(HELP)
    pin, meter, ch, *typed = parts
    if not pin.isascii() or not pin.isdigit() or not ch.isascii() or not ch.isdigit():
        raise StationError(HELP)
    if len(ch) > 2:
        raise StationError(f"There is no such channel. {HELP}")
    if not typed:
        return Command(pin, meter, int(ch))
    ask = typed[-1].endswith("?")
    # A keypad's 12*50 comes as two parts.
    amount = "*".join(typed).rstrip("?").rstrip("*")
    return Command(pin, meter, int(ch), spoken.parse_typed_u(amount), ask)


def answer(
    db: Database,
    clock: Clock,
    provider: Provider | None,
    currency: str,
    gateway: str,
    message_id: str,
    number: str,
    text: str,
) -> str:
    """The reply, to be sent to the number. `message_id`: the gateway's own, once per message."""
    vending.check_key(phone.sale_key(gateway, message_id))
    try:
        command = parse(text)
    except StationError as error:
        return str(error)[:_MAX_CHARS]
    asked = f"{number}:{command.without_pin}"
    m = phone_messages.c
    with db.read() as conn:
        known = conn.execute(
            sa.select(m.asked, m.reply).where(m.gateway == gateway, m.message_id == message_id)
        ).first()
    if known is not None:
        if known.asked != asked:
            raise Conflict(f"Message {message_id!r} was another one before; use a new id.")
        return known.reply
    reply = _carry_out(db, clock, provider, currency, gateway, message_id, number, command)
    row = {"gateway": gateway, "message_id": message_id, "asked": asked, "reply": reply}
    with db.write() as conn:
        new = insert(conn, phone_messages).values(**row, at=clock.now_s())
        conn.execute(new.on_conflict_do_nothing())
    return reply


def _carry_out(
    db: Database,
    clock: Clock,
    provider: Provider | None,
    currency: str,
    gateway: str,
    message_id: str,
    number: str,
    command: Command,
) -> str:
    now_s = clock.now_s()
    with db.read() as conn:
        tenant_id = phone.find_caller(conn, number, command.meter, command.ch, now_s)
        meter = phone.exact_name(conn, command.meter) or command.meter
    try:
        pins.verify(db, clock, tenant_id, command.pin)
        assert tenant_id is not None
        if command.amount_u is None:
            with db.read() as conn:
                found = phone.standing(conn, tenant_id, meter, command.ch, now_s)
            return _balance(found, currency)
        if command.ask:
            with db.read() as conn:
                quoted = phone.quote(conn, tenant_id, meter, command.ch, command.amount_u, now_s)
            return f"{format_u(quoted.paid_u)} {currency} buys {_bought(quoted, currency)}."
        with db.write() as conn:
            # What this message did before it was cut off, it does again.
            key = phone.sale_key(gateway, message_id)
            sold = sales.by_key(conn, key) is not None
            linked = payments.by_key(conn, f"tenant:{tenant_id}", key) is not None
            enough = wallets.balance_u(conn, tenant_id) >= command.amount_u
            if sold or provider is None or (enough and not linked):
                sale = phone.buy(
                    conn,
                    gateway,
                    message_id,
                    tenant_id,
                    meter,
                    command.ch,
                    command.amount_u,
                    now_s,
                )
                return (
                    f"Bought for {format_u(sale.quote.paid_u)} {currency}:"
                    f" {_bought(sale.quote, currency)} for {meter} channel {command.ch}."
                    f" Receipt {sale.register} {sale.receipt_no}."
                )
        link = phone.pay_link(
            db,
            clock,
            provider,
            gateway,
            message_id,
            tenant_id,
            meter,
            command.ch,
            command.amount_u,
        )
        return f"Pay {format_u(command.amount_u)} {currency} here: {link.redirect_url}"
    except StationError as error:
        return str(error)


def _balance(found: phone.Standing, currency: str) -> str:
    wallet = f"Wallet {format_u(found.wallet_u)} {currency}."
    if found.balance_u is None:
        return f"{found.meter} channel {found.ch} has not reported yet. {wallet}"
    days = f", for about {found.days_left} days" if found.days_left is not None else ""
    left = f"{format_u(found.balance_u)} {currency}"
    return f"{found.meter} channel {found.ch}: {left} left{days}. {wallet}"


def _bought(quoted: phone.Quote, currency: str) -> str:
    if quoted.energy_wh is None:
        return f"credit of {format_u(quoted.credit_u)} {currency}"
    return f"about {quoted.energy_wh // 1000}.{quoted.energy_wh % 1000 // 100} kWh"
