"""Warnings of a low credit by mail, to the households that want them.

The meter judges by the household's own thresholds and tells of each crossing once, as an event;
what was told to whom stands among the acts, so that it is told once. Whoever cannot be reached is
tried again for a day.
"""

import json
import logging
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.desk import terms
from umeter_station.errors import StationError
from umeter_station.models import events
from umeter_station.models_people import acts as acts_table
from umeter_station.models_people import tenancies
from umeter_station.ops.jobs import zone
from umeter_station.people import acts, privacy, tenants
from umeter_station.people.tenants import Tenant
from umeter_station.station import Books
from umeter_station.watch import mail
from umeter_station.web import language
from umeter_station.web.language import Languages, Place
from umeter_station.web.language import gettext as _

CODES = ("credit.low", "credit.low2", "credit.out", "budget.out")
_BACK_S = 86_400
_ACT = "warning.mail"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Notice:
    """An event of a meter, and whom it is told. `is_kwh`: the balance is millionths of a kWh."""

    tenant: Tenant
    meter: str
    ch: int
    n: int
    code: str
    balance_u: int
    is_kwh: bool

    @property
    def mark(self) -> dict[str, int | str]:
        """By which it is known that it was told."""
        return {"meter": self.meter, "n": self.n}


def send_due(books: Books) -> None:
    """Raises StationError if the mail server could not be used for one of them."""
    config, now_s = books.config, books.clock.now_s()
    if not config.mail.host:
        return
    place = Place(zone(config.jobs.timezone), config.stripe.currency.upper())
    languages = Languages(config.home, place)
    with books.db.read() as conn:
        waiting = due(conn, now_s)
    failed = ""
    for notice in waiting:
        language.use(languages.choose(None, notice.tenant.language))
        result = "sent"
        try:
            mail.deliver(config.mail, compose(config.mail.sender, notice, now_s))
        except mail.Refused as error:
            _log.warning("a warning to tenant %d was refused: %s", notice.tenant.id, error)
            result = "refused"
        except mail.Failed as error:
            failed = str(error)
            continue
        with books.db.write() as conn:
            detail = notice.mark | {"code": notice.code, "result": result}
            about = tenants.about(notice.tenant.id)
            acts.note(conn, "job:warnings", _ACT, about, detail, now_s)
    if failed:
        raise StationError(f"Warnings of a low credit could not be sent: {failed}.")


def due(conn: Connection, now_s: int) -> list[Notice]:
    """What meters told in the last day, of channels whose households want to know, have not been
    told, and live there since before it."""
    e, t = events.c, tenancies.c
    lives = t.until_s.is_(None) | (t.until_s > now_s)
    query = (
        sa.select(t.tenant_id, e.meter, e.ch, e.n, e.code, e.a)
        .join(tenancies, (t.meter == e.meter) & (t.ch == e.ch))
        .where(e.code.in_(CODES), e.received_at > now_s - _BACK_S)
        .where(t.from_s <= e.received_at, lives)
        .where((e.t == 0) | (e.t > now_s - _BACK_S))
        .order_by(e.received_at, e.meter, e.n)
    )
    found = []
    for tenant_id, meter, ch, n, code, balance_u in conn.execute(query).all():
        tenant = tenants.get(conn, tenant_id)
        if tenant.email and privacy.agrees(conn, tenant_id, "alerts.email"):
            is_kwh = terms.of(conn, meter, ch, now_s).unit == "kwh"
            notice = Notice(tenant, meter, ch, n, code, balance_u, is_kwh)
            if not _is_told(conn, notice, now_s):
                found.append(notice)
    return found


def _is_told(conn: Connection, notice: Notice, now_s: int) -> bool:
    a = acts_table.c
    rows = conn.execute(
        sa.select(a.detail).where(
            a.about == tenants.about(notice.tenant.id),
            a.act == _ACT,
            a.at > now_s - 2 * _BACK_S,
        )
    )
    return any(notice.mark.items() <= json.loads(text).items() for text in rows.scalars())


def compose(sender: str, notice: Notice, now_s: int) -> EmailMessage:
    """In the language that is in use. The same message each time it is tried."""
    where = _("Meter %(meter)s, channel %(ch)s") % {"meter": notice.meter, "ch": notice.ch}
    subject, text = _words(notice)
    message = EmailMessage(policy=SMTP)
    domain = sender.rpartition("@")[2] or "localhost"
    message["From"] = sender
    message["To"] = notice.tenant.email
    message["Subject"] = subject
    message["Date"] = formatdate(now_s)
    message["Message-ID"] = f"<umeter.warning.{notice.meter}.{notice.n}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    wanted = _("You get this because you want it; you can change that in the settings.")
    message.set_content(f"{where}\n\n{text}\n\n{wanted}\n")
    return message


def _words(notice: Notice) -> tuple[str, str]:
    speak, balance_u = language.current(), notice.balance_u
    left = {"amount": speak.kwh(balance_u // 1000) if notice.is_kwh else speak.money(balance_u)}
    if notice.code == "credit.out":
        return (
            _("Your electricity credit is used up"),
            _("The credit is used up. Top up; the power comes back when the meter has it."),
        )
    if notice.code == "budget.out":
        return (
            _("Today's electricity budget is used up"),
            _("The budget of the day is used up. You can restore the power when it is safe."),
        )
    return (
        _("Your electricity credit is low"),
        _("There is %(amount)s left. Top up in good time.") % left,
    )
