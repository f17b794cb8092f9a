"""What can stand in config.toml: one dataclass per section, one field per key.

A field's type, default, bounds, unit and words are all there is to know of a key: the reader, the
table of `umeter-station config` and the names of the environment variables are made of them.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, NamedTuple, NewType, get_args, get_type_hints

PREFIX = "UMETER_STATION_"
# Of a webhook: http:// or https://; empty for none.
Url = NewType("Url", str)


class Secret:
    """A text that no repr, log line or error shows; `reveal()` is for where it is used."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(...)"


class TimeOfDay(NamedTuple):
    """Written as "03:30", in the time zone of [jobs]."""

    hour: int
    minute: int

    def __str__(self) -> str:
        return f"{self.hour:02d}:{self.minute:02d}"


_NIGHT = TimeOfDay(2, 30)
_LATER = TimeOfDay(3, 30)


@dataclass(frozen=True)
class About:
    """What a field's type and default do not tell of a key."""

    words: str
    unit: str = ""
    least: int | None = None
    most: int | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Top:
    """The keys above the first section."""

    database: Annotated[
        str, About("an SQLite file, or postgresql://user@host:port/name for PostgreSQL")
    ] = "station.sqlite"
    database_password: Annotated[Secret | None, About("of the PostgreSQL user")] = None
    broker: Annotated[str, About("mqtt:// or mqtts:// URL, with user and password")] = (
        "mqtt://127.0.0.1:1883"
    )
    clock: Annotated[str, About('"system", or the path of a simulator\'s clock file')] = "system"
    client_id: Annotated[
        str, About("name of the station's lasting session on the broker: one per station")
    ] = "umeter-station"
    key_file: Annotated[Path, About("what the meters' keys are sealed with")] = Path("station.key")
    ca_file: Annotated[
        Path | None, About("for mqtts://, if no public CA signed the certificate")
    ] = None


@dataclass(frozen=True)
class Web:
    host: Annotated[str, About("the address that the web server listens at")] = "127.0.0.1"
    port: Annotated[int, About("its port; 0 takes a free one", least=0, most=65_535)] = 8080
    base_url: Annotated[
        str, About("how people reach it, as https://meters.example; made of the two else")
    ] = ""
    tls_cert: Annotated[
        Path | None, About("certificate in PEM, if no proxy in front does TLS")
    ] = None
    tls_key: Annotated[Path | None, About("the key of that")] = None
    proxies: Annotated[
        tuple[str, ...], About("addresses of proxies whose X-Forwarded-For is believed")
    ] = ()

    @property
    def url(self) -> str:
        """How people reach it, without a slash at the end."""
        scheme = "http" if self.tls_cert is None else "https"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.base_url.rstrip("/") or f"{scheme}://{host}:{self.port}"


@dataclass(frozen=True)
class Mail:
    host: Annotated[str, About("the SMTP server; empty: no mail is sent")] = ""
    port: Annotated[int, About("its port", least=1, most=65_535)] = 587
    tls: Annotated[str, About("how it is spoken to", choices=("starttls", "tls", "off"))] = (
        "starttls"
    )
    user: Annotated[str, About("whom the station logs in as; empty: not at all")] = ""
    password: Annotated[Secret | None, About("of that user")] = None
    sender: Annotated[str, About("the From of the station's mails")] = "umeter-station@localhost"
    timeout: Annotated[int, About("how long the server may take", "s", least=1, most=600)] = 20


@dataclass(frozen=True)
class Sms:
    url: Annotated[Url, About("webhook of the operator's SMS gateway; empty: no SMS is sent")] = (
        Url("")
    )
    secret: Annotated[Secret | None, About("what the messages to it are signed with")] = None
    timeout: Annotated[int, About("how long the gateway may take", "s", least=1, most=600)] = 10


@dataclass(frozen=True)
class Stripe:
    secret_key: Annotated[
        Secret | None, About("of the account; without it Stripe is switched off")
    ] = None
    webhook_secret: Annotated[Secret | None, About("what its webhooks are signed with")] = None
    currency: Annotated[str, About("three letters, as Stripe writes them")] = "eur"
    tolerance: Annotated[
        int, About("how old a webhook's signature may be", "s", least=1, most=86_400)
    ] = 300


@dataclass(frozen=True)
class Sandbox:
    enabled: Annotated[bool, About("offer the provider that moves no money, for trials")] = False
    webhook_secret: Annotated[Secret | None, About("what its webhooks are signed with")] = None


@dataclass(frozen=True)
class Ingest:
    workers: Annotated[
        int, About("processes that take in what meters report", least=1, most=64)
    ] = 1
    batch: Annotated[
        int, About("most messages in one transaction", "messages", least=1, most=10_000)
    ] = 500
    batch_wait: Annotated[int, About("how long a batch is filled", "ms", least=0, most=5_000)] = 20
    bucket: Annotated[int, About("a meter's burst before it is held up", "messages", least=1)] = (
        240
    )
    bucket_refill: Annotated[
        int, About("what comes back into its bucket", "messages/min", least=1)
    ] = 60


@dataclass(frozen=True)
class HomeAssistant:
    enabled: Annotated[bool, About("announce every channel to Home Assistant")] = False
    prefix: Annotated[str, About("its discovery prefix on the broker")] = "homeassistant"
    currency: Annotated[str, About("ISO code of the unit of money")] = "EUR"
    disconnect: Annotated[bool, About("let it ask for a disconnection; it can never connect")] = (
        False
    )


@dataclass(frozen=True)
class Jobs:
    timezone: Annotated[str, About("IANA name; times of day below and in reports are in it")] = (
        "UTC"
    )
    nightly_at: Annotated[TimeOfDay, About("posting of consumption, reconciliation", "HH:MM")] = (
        _NIGHT
    )


@dataclass(frozen=True)
class Backup:
    folder: Annotated[
        Path | None, About("where the nightly backup goes; without it there is none")
    ] = None
    at: Annotated[TimeOfDay, About("when", "HH:MM")] = _LATER
    keep: Annotated[
        int, About("backups kept there, the newest ones", "backups", least=1, most=10_000)
    ] = 14


@dataclass(frozen=True)
class Log:
    level: Annotated[
        str, About("from which weight on", choices=("debug", "info", "warning", "error"))
    ] = "info"
    format: Annotated[
        str, About("auto: console in a terminal, else json", choices=("auto", "json", "console"))
    ] = "auto"


SECTIONS: dict[str, type] = {
    "": Top,
    "web": Web,
    "mail": Mail,
    "sms": Sms,
    "stripe": Stripe,
    "sandbox": Sandbox,
    "ingest": Ingest,
    "homeassistant": HomeAssistant,
    "jobs": Jobs,
    "backup": Backup,
    "log": Log,
}


@dataclass(frozen=True)
class Key:
    """`name` as "web.port"; `kind` is one of text, number, switch, texts, path, secret, time,
    url."""

    section: str
    field: str
    kind: str
    default: Any
    about: About

    @property
    def name(self) -> str:
        return f"{self.section}.{self.field}" if self.section else self.field

    @property
    def variable(self) -> str:
        return PREFIX + self.name.replace(".", "_").upper()


_KINDS = {
    str: "text",
    int: "number",
    bool: "switch",
    tuple[str, ...]: "texts",
    Path: "path",
    Path | None: "path",
    Secret | None: "secret",
    TimeOfDay: "time",
    Url: "url",
}


def all_keys() -> dict[str, Key]:
    """By name, in the order of the table."""
    found = {}
    for section, of in SECTIONS.items():
        hints = get_type_hints(of, include_extras=True)
        for each in fields(of):
            hint, about = get_args(hints[each.name])
            made = Key(section, each.name, _KINDS[hint], each.default, about)
            found[made.name] = made
    return found
