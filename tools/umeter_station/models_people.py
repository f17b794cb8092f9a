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
    LargeBinary,
    Table,
    Text,
    text,
)

from umeter_station.models import metadata
from umeter_station.table_columns import id_column, id_of, int_column, text_column

sites = Table(
    "sites",
    metadata,
    id_column(),
    text_column("name", unique=True),
    text_column("address", default=""),
    int_column("created_at"),
)

# A meter without a row belongs to no site.
site_meters = Table(
    "site_meters",
    metadata,
    Column("meter", Text, ForeignKey("meters.meter"), primary_key=True),
    id_of("site_id", "sites.id"),
)
Index("site_meters_site", site_meters.c.site_id)

# `forgotten_at`: since then name, email and phone are empty; the tenancies and books stay.
tenants = Table(
    "tenants",
    metadata,
    id_column(),
    text_column("name"),
    text_column("email", default=""),
    text_column("phone", default=""),
    text_column("language", default="en"),
    int_column("created_at"),
    int_column("forgotten_at", nullable=True),
)
Index("tenants_phone", tenants.c.phone)

# Who has a channel, and from when until when (`until_s` is the first second without it).
tenancies = Table(
    "tenancies",
    metadata,
    id_column(),
    id_of("tenant_id", "tenants.id"),
    Column("meter", Text, ForeignKey("meters.meter"), nullable=False),
    int_column("ch"),
    int_column("from_s"),
    int_column("until_s", nullable=True),
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
    id_column(),
    id_of("tenant_id", "tenants.id"),
    text_column("purpose"),
    int_column("given_at"),
    int_column("withdrawn_at", nullable=True),
)
Index("consents_tenant", consents.c.tenant_id, consents.c.purpose)

# Who may sign in. `name` is what they type, in lower case; only tenants have a `tenant_id`.
# `totp_secret` counts once `totp_at` is set; no code of `totp_step` or before is taken again.
people = Table(
    "people",
    metadata,
    id_column(),
    text_column("name", unique=True),
    text_column("role"),
    id_of("tenant_id", "tenants.id", nullable=True),
    text_column("password_hash", nullable=True),
    int_column("password_at", default=0),
    Column("totp_secret", LargeBinary),
    int_column("totp_at", nullable=True),
    int_column("totp_step", default=0),
    int_column("created_at"),
    int_column("disabled_at", nullable=True),
    CheckConstraint("role IN ('owner', 'operator', 'cashier', 'auditor', 'tenant')"),
    CheckConstraint("(role = 'tenant') = (tenant_id IS NOT NULL)"),
)
Index("people_tenant", people.c.tenant_id)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    id_column(),
    id_of("person_id", "people.id"),
    text_column("code_hash"),
    int_column("used_at", nullable=True),
)
Index("recovery_codes_person", recovery_codes.c.person_id)

# `expires_at` is the latest end; one that was not used for a while ends before.
web_sessions = Table(
    "web_sessions",
    metadata,
    Column("token_hash", Text, primary_key=True),
    id_of("person_id", "people.id"),
    int_column("created_at"),
    int_column("seen_at"),
    int_column("expires_at"),
    text_column("address", default=""),
    text_column("agent", default=""),
)
Index("web_sessions_person", web_sessions.c.person_id)

# Failed sign-ins in a row, by "name:..." and "address:...": nobody gets in before `until_s`.
sign_in_tries = Table(
    "sign_in_tries",
    metadata,
    Column("subject", Text, primary_key=True),
    int_column("failures"),
    int_column("last_at"),
    int_column("until_s"),
)

# `public_id` is the part of a key that may be shown; `scopes` are separated by spaces.
api_keys = Table(
    "api_keys",
    metadata,
    id_column(),
    text_column("name", unique=True),
    text_column("public_id", unique=True),
    text_column("secret_hash"),
    text_column("scopes"),
    text_column("created_by"),
    int_column("created_at"),
    int_column("expires_at", nullable=True),
    int_column("last_used_at", nullable=True),
    int_column("revoked_at", nullable=True),
)

# What needs a second person. `args` and `outcome` are JSON.
approvals = Table(
    "approvals",
    metadata,
    id_column(),
    text_column("kind"),
    text_column("args"),
    text_column("asked_by"),
    int_column("asked_at"),
    int_column("expires_at"),
    text_column("state"),
    text_column("decided_by", nullable=True),
    int_column("decided_at", nullable=True),
    text_column("outcome", default="{}"),
    CheckConstraint("state IN ('asked', 'executed', 'declined', 'expired')"),
)
Index("approvals_state", approvals.c.state, approvals.c.id)

switches = Table(
    "switches",
    metadata,
    Column("name", Text, primary_key=True),
    int_column("value"),
    int_column("set_at"),
    text_column("set_by"),
)

# Append-only. `hash` is over the row and the hash of the one before; `n` has no gaps.
acts = Table(
    "acts",
    metadata,
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    int_column("at"),
    text_column("by"),
    text_column("act"),
    text_column("about"),
    text_column("detail"),
    Column("hash", LargeBinary, nullable=False),
    CheckConstraint("length(hash) = 32"),
)
Index("acts_about", acts.c.about, acts.c.n)
Index("acts_by", acts.c.by, acts.c.n)
