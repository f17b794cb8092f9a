"""Warnings of a low credit by mail, to the households that want them so."""

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from umeter_station.station import Books
from umeter_station.watch import mail
from umeter_station.web.portal import warning_notices, warning_words
from umeter_station.web.portal.warning_notices import Notice, Way

WAY = Way("warning.mail", "alerts.email", lambda tenant: tenant.email)


def send_due(books: Books) -> None:
    """Raises StationError if the mail server could not be used for one of them."""
    config = books.config.mail
    if config.host:
        warning_notices.tell(
            books,
            WAY,
            lambda notice, now_s: mail.deliver(config, compose(config.sender, notice, now_s)),
        )


def compose(sender: str, notice: Notice, now_s: int) -> EmailMessage:
    """In the language that is in use. The same message each time it is tried, by its
    Message-ID."""
    subject, text = warning_words.mail(notice)
    message = EmailMessage(policy=SMTP)
    domain = sender.rpartition("@")[2] or "localhost"
    message["From"] = sender
    message["To"] = notice.tenant.email
    message["Subject"] = subject
    message["Date"] = formatdate(now_s)
    message["Message-ID"] = f"<umeter.{notice.key}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    return message
