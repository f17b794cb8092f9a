"""Tell people of findings: whatever is due, each message after its findings were committed."""

import logging
from dataclasses import dataclass

from umeter_station.config_keys import Mail
from umeter_station.station import Books
from umeter_station.watch import hook, mail, outbox
from umeter_station.watch.outbox import Parcel

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sent:
    sent: int
    failed: int


def send_due(books: Books) -> Sent:
    """No transaction is open while a server is spoken to."""
    now_s = books.clock.now_s()
    with books.db.write() as conn:
        outbox.collect(conn, now_s)
        parcels = outbox.claim(conn, now_s)
    sent = 0
    for parcel in parcels:
        error = _send(books.config.mail, parcel, now_s)
        with books.db.write() as conn:
            if error is None:
                outbox.note_sent(conn, parcel, books.clock.now_s())
                sent += 1
            else:
                for_good = isinstance(error, mail.Refused)
                outbox.note_failed(conn, parcel, str(error), books.clock.now_s(), for_good)
                _log.warning("alert to %s not sent: %s", parcel.target.name, error)
    return Sent(sent, len(parcels) - sent)


def _send(config: Mail, parcel: Parcel, now_s: int) -> Exception | None:
    try:
        if parcel.target.kind == "webhook":
            hook.send(parcel, now_s)
        elif not config.host:
            raise mail.Failed("no mail server is named in config.toml; set mail.host")
        else:
            mail.send(config, parcel, now_s)
    except (mail.Refused, mail.Failed) as error:
        return error
    return None
