"""Alerts by mail: SMTP with STARTTLS, TLS or in the clear, and a login where there is one."""

import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from umeter_station.config_keys import Mail
from umeter_station.watch import wording
from umeter_station.watch.outbox import Parcel


class Refused(Exception):
    """The server will not take this message, now or later; `str()` holds no secret."""


class Failed(Exception):
    """It may work later; `str()` holds no secret."""


def send(config: Mail, parcel: Parcel, now_s: int) -> None:
    deliver(config, compose(config, parcel, now_s))


def deliver(config: Mail, message: EmailMessage) -> None:
    """Raises Refused or Failed."""
    try:
        with _connect(config) as server:
            if config.user and config.password is not None:
                server.login(config.user, config.password.reveal())
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        codes = {code for code, _ in error.recipients.values()}
        kind = Refused if all(code >= 550 for code in codes) else Failed
        raise kind(f"the mail server refused the address ({min(codes, default=0)})") from None
    except smtplib.SMTPResponseException as error:
        # Its words may repeat what was sent to it.
        kind = (
            Refused
            if isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 550
            else Failed
        )
        raise kind(f"the mail server said {error.smtp_code}") from None
    except (smtplib.SMTPException, ssl.SSLError, OSError) as error:
        raise Failed(f"the mail server cannot be used ({type(error).__name__})") from None


def _connect(config: Mail) -> smtplib.SMTP:
    if config.tls == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(config.host, config.port, timeout=config.timeout, context=context)
    server = smtplib.SMTP(config.host, config.port, timeout=config.timeout)
    if config.tls == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except BaseException:
            server.close()
            raise
    return server


def compose(config: Mail, parcel: Parcel, now_s: int) -> EmailMessage:
    """The same message each time it is tried, by its Message-ID."""
    message = EmailMessage(policy=SMTP)
    domain = config.sender.rpartition("@")[2] or "localhost"
    first, last = parcel.items[0].id, parcel.items[-1].id
    message["From"] = _line(config.sender)
    message["To"] = _line(parcel.target.address)
    message["Subject"] = _line(wording.subject(parcel.items))
    message["Date"] = formatdate(now_s)
    message["Message-ID"] = f"<umeter.{parcel.target.id}.{first}.{last}@{_line(domain)}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(wording.text(parcel.items))
    return message


def _line(text: str) -> str:
    """Nothing in a header begins another one."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
