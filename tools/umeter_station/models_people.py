"""The tables of operators, tenants and what they did, beside those of models.py.

Nothing that a person can sign in with is stored as it is: passwords as argon2id, the secrets of
one-time codes sealed with the station's key, and tokens, being random, as their SHA-256.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)

from umeter_station.models import metadata


def _id() -> Column:
    return Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True)


def _int(name: str, nullable: bool = False, default: int | None = None) -> Column:
    shown = None if default is None else str(default)
    return Column(name, BigInteger, nullable=nullable, server_default=shown)


def _text(name: str, nullable: bool = False, **more: object) -> Column:
    return Column(name, Text, nullable=nullable, **more)


def _of(name: str, target: str, nullable: bool = False, **more: object) -> Column:
    return Column(name, BigInteger, ForeignKey(target), nullable=nullable, **more)


sites = Table(
    "sites",
    metadata,
    _id(),
    _text("name", unique=True),
    _text("address", server_default=""),
    _int("created_at"),
)

# A meter without a row belongs to no site.
site_meters = Table(
    "site_meters",
    metadata,
    Column("meter", Text, ForeignKey("meters.meter"), primary_key=True),
    _of("site_id", "sites.id"),
)
Index("site_meters_site", site_meters.c.site_id)

# `forgotten_at`: since then name, email and phone are empty; the tenancies and books stay.
tenants = Table(
    "tenants",
    metadata,
    _id(),
    _text("name"),
    _text("email", server_default=""),
    _text("phone", server_default=""),
    _text("language", server_default="en"),
    _int("created_at"),
    _int("forgotten_at", nullable=True),
)
Index("tenants_phone", tenants.c.phone)

# Who has a channel, and from when until when (`until_s` is the first second without it).
tenancies = Table(
    "tenancies",
    metadata,
    _id(),
    _of("tenant_id", "tenants.id"),
    Column("meter", Text, ForeignKey("meters.meter"), nullable=False),
    _int("ch"),
    _int("from_s"),
    _int("until_s", nullable=True),
    CheckConstraint("until_s IS NULL OR until_s > from_s"),
)
Index("tenancies_channel", tenancies.c.meter, tenancies.c.ch, tenancies.c.from_s)
Index("tenancies_tenant", tenancies.c.tenant_id)
# Whatever the code does: nobody moves in where somebody lives.
Index(
    "tenancies_open",
    tenancies.c.meter,
    tenancies.c.ch,
    unique=True,
    sqlite_where=text("until_s IS NULL"),
    postgresql_where=text("until_s IS NULL"),
)

# What a tenant has agreed to, one row per time it was given.
consents = Table(
    "consents",
    metadata,
    _id(),
    _of("tenant_id", "tenants.id"),
    _text("purpose"),
    _int("given_at"),
    _int("withdrawn_at", nullable=True),
)
Index("consents_tenant", consents.c.tenant_id, consents.c.purpose)

# Who may sign in. `name` is what they type, in lower case; only tenants have a `tenant_id`.
# `totp_secret` counts once `totp_at` is set; no code of `totp_step` or before is taken again.
people = Table(
    "people",
    metadata,
    _id(),
    _text("name", unique=True),
    _text("role"),
    _of("tenant_id", "tenants.id", nullable=True),
    _text("password_hash", nullable=True),
    _int("password_at", default=0),
    Column("totp_secret", LargeBinary),
    _int("totp_at", nullable=True),
    _int("totp_step", default=0),
    _int("created_at"),
    _int("disabled_at", nullable=True),
    CheckConstraint("role IN ('owner', 'operator', 'cashier', 'auditor', 'tenant')"),
    CheckConstraint("(role = 'tenant') = (tenant_id IS NOT NULL)"),
)
Index("people_tenant", people.c.tenant_id)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    _id(),
    _of("person_id", "people.id"),
    _text("code_hash"),
    _int("used_at", nullable=True),
)
Index("recovery_codes_person", recovery_codes.c.person_id)

# `expires_at` is the latest end; one that was not used for a while ends before.
web_sessions = Table(
    "web_sessions",
    metadata,
    Column("token_hash", Text, primary_key=True),
    _of("person_id", "people.id"),
    _int("created_at"),
    _int("seen_at"),
    _int("expires_at"),
    _text("address", server_default=""),
    _text("agent", server_default=""),
)
Index("web_sessions_person", web_sessions.c.person_id)

# Failed sign-ins in a row, by "name:..." and "address:...": nobody gets in before `until_s`.
sign_in_tries = Table(
    "sign_in_tries",
    metadata,
    Column("subject", Text, primary_key=True),
    _int("failures"),
    _int("last_at"),
    _int("until_s"),
)

# `public_id` is the part of a key that may be shown; `scopes` are separated by spaces.
api_keys = Table(
    "api_keys",
    metadata,
    _id(),
    _text("name", unique=True),
    _text("public_id", unique=True),
    _text("secret_hash"),
    _text("scopes"),
    _text("created_by"),
    _int("created_at"),
    _int("expires_at", nullable=True),
    _int("last_used_at", nullable=True),
    _int("revoked_at", nullable=True),
)

# What needs a second person. `args` and `outcome` are JSON.
approvals = Table(
    "approvals",
    metadata,
    _id(),
    _text("kind"),
    _text("args"),
    _text("asked_by"),
    _int("asked_at"),
    _int("expires_at"),
    _text("state"),
    _text("decided_by", nullable=True),
    _int("decided_at", nullable=True),
    _text("outcome", server_default="{}"),
    CheckConstraint("state IN ('asked', 'executed', 'declined', 'expired')"),
)
Index("approvals_state", approvals.c.state, approvals.c.id)

switches = Table(
    "switches",
    metadata,
    Column("name", Text, primary_key=True),
    _int("value"),
    _int("set_at"),
    _text("set_by"),
)

# Append-only. `hash` is over the row and the hash of the one before; `n` has no gaps.
acts = Table(
    "acts",
    metadata,
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    _int("at"),
    _text("by"),
    _text("act"),
    _text("about"),
    _text("detail"),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("length(hash) = 32"),
)
Index("acts_about", acts.c.about, acts.c.n)
Index("acts_by", acts.c.by, acts.c.n)
