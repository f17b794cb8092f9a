"""Sites, tenants, operators, their keys and sessions, and what they did."""

import sqlalchemy as sa
from alembic import op

from umeter_station.migrations.append_only import append_only
from umeter_station.migrations.columns import id_column

revision = "0008"
down_revision = "0007"


def _ints(*names: str, nullable: bool = False) -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger, nullable=nullable) for name in names]


def _texts(*names: str, nullable: bool = False) -> list[sa.Column]:
    return [sa.Column(name, sa.Text, nullable=nullable) for name in names]


def _unique(name: str) -> sa.Column:
    return sa.Column(name, sa.Text, nullable=False, unique=True)


def _text_or(name: str, default: str) -> sa.Column:
    return sa.Column(name, sa.Text, nullable=False, server_default=default)


def _zero(name: str) -> sa.Column:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def _of(name: str, target: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.BigInteger, sa.ForeignKey(target), nullable=nullable)


def _meter(primary_key: bool = False) -> sa.Column:
    reference = sa.ForeignKey("meters.meter")
    return sa.Column("meter", sa.Text, reference, primary_key=primary_key, nullable=False)


def upgrade() -> None:
    _sites()
    _tenants()
    _people()
    _keys()
    _decisions()


def _sites() -> None:
    op.create_table(
        "sites", id_column(), _unique("name"), _text_or("address", ""), *_ints("created_at")
    )
    op.create_table("site_meters", _meter(primary_key=True), _of("site_id", "sites.id"))
    op.create_index("site_meters_site", "site_meters", ["site_id"])


def _tenants() -> None:
    op.create_table(
        "tenants",
        id_column(),
        *_texts("name"),
        _text_or("email", ""),
        _text_or("phone", ""),
        _text_or("language", "en"),
        *_ints("created_at"),
        *_ints("forgotten_at", nullable=True),
    )
    op.create_index("tenants_phone", "tenants", ["phone"])
    op.create_table(
        "tenancies",
        id_column(),
        _of("tenant_id", "tenants.id"),
        _meter(),
        *_ints("ch", "from_s"),
        *_ints("until_s", nullable=True),
        sa.CheckConstraint("until_s IS NULL OR until_s > from_s"),
    )
    op.create_index("tenancies_channel", "tenancies", ["meter", "ch", "from_s"])
    op.create_index("tenancies_tenant", "tenancies", ["tenant_id"])
    still = sa.text("until_s IS NULL")
    op.create_index(
        "tenancies_open",
        "tenancies",
        ["meter", "ch"],
        unique=True,
        sqlite_where=still,
        postgresql_where=still,
    )
    op.create_table(
        "consents",
        id_column(),
        _of("tenant_id", "tenants.id"),
        *_texts("purpose"),
        *_ints("given_at"),
        *_ints("withdrawn_at", nullable=True),
    )
    op.create_index("consents_tenant", "consents", ["tenant_id", "purpose"])


def _people() -> None:
    op.create_table(
        "people",
        id_column(),
        _unique("name"),
        *_texts("role"),
        _of("tenant_id", "tenants.id", nullable=True),
        *_texts("password_hash", nullable=True),
        _zero("password_at"),
        sa.Column("totp_secret", sa.LargeBinary),
        *_ints("totp_at", nullable=True),
        _zero("totp_step"),
        *_ints("created_at"),
        *_ints("disabled_at", nullable=True),
        sa.CheckConstraint("role IN ('owner', 'operator', 'cashier', 'auditor', 'tenant')"),
        sa.CheckConstraint("(role = 'tenant') = (tenant_id IS NOT NULL)"),
    )
    op.create_index("people_tenant", "people", ["tenant_id"])
    op.create_table(
        "recovery_codes",
        id_column(),
        _of("person_id", "people.id"),
        *_texts("code_hash"),
        *_ints("used_at", nullable=True),
    )
    op.create_index("recovery_codes_person", "recovery_codes", ["person_id"])
    op.create_table(
        "web_sessions",
        sa.Column("token_hash", sa.Text, primary_key=True),
        _of("person_id", "people.id"),
        *_ints("created_at", "seen_at", "expires_at"),
        _text_or("address", ""),
        _text_or("agent", ""),
    )
    op.create_index("web_sessions_person", "web_sessions", ["person_id"])
    op.create_table(
        "sign_in_tries",
        sa.Column("subject", sa.Text, primary_key=True),
        *_ints("failures", "last_at", "until_s"),
    )


def _keys() -> None:
    op.create_table(
        "api_keys",
        id_column(),
        _unique("name"),
        _unique("public_id"),
        *_texts("secret_hash", "scopes", "created_by"),
        *_ints("created_at"),
        *_ints("expires_at", "last_used_at", "revoked_at", nullable=True),
    )


def _decisions() -> None:
    op.create_table(
        "approvals",
        id_column(),
        *_texts("kind", "args", "asked_by"),
        *_ints("asked_at", "expires_at"),
        *_texts("state"),
        *_texts("decided_by", nullable=True),
        *_ints("decided_at", nullable=True),
        _text_or("outcome", "{}"),
        sa.CheckConstraint("state IN ('asked', 'executed', 'declined', 'expired')"),
    )
    op.create_index("approvals_state", "approvals", ["state", "id"])
    op.create_table(
        "switches",
        sa.Column("name", sa.Text, primary_key=True),
        *_ints("value", "set_at"),
        *_texts("set_by"),
    )
    op.create_table(
        "acts",
        sa.Column("n", sa.BigInteger, primary_key=True, autoincrement=False),
        *_ints("at"),
        *_texts("by", "act", "about", "detail"),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.CheckConstraint("length(hash) = 32"),
    )
    op.create_index("acts_about", "acts", ["about", "n"])
    op.create_index("acts_by", "acts", ["by", "n"])
    append_only("acts", "n")
