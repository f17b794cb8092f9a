"""Payments by providers, banks and telephone."""

import sqlalchemy as sa
from alembic import op

from umeter_station.migrations.append_only import append_only
from umeter_station.migrations.columns import id_column, positive

revision = "0010"
down_revision = "0009"


def _ints(*names: str, nullable: bool = False) -> list[sa.Column]:
    return [sa.Column(name, sa.BigInteger, nullable=nullable) for name in names]


def _zeros(*names: str) -> list[sa.Column]:
    return [sa.Column(n, sa.BigInteger, nullable=False, server_default="0") for n in names]


def _texts(*names: str, nullable: bool = False, default: str | None = None) -> list[sa.Column]:
    return [sa.Column(n, sa.Text, nullable=nullable, server_default=default) for n in names]


def _of(name: str, table: str, nullable: bool = True) -> sa.Column:
    kind = sa.Text if table == "meters.meter" else sa.BigInteger
    return sa.Column(name, kind, sa.ForeignKey(table), nullable=nullable)


def _amount() -> list[sa.Column | sa.CheckConstraint]:
    return [*_ints("amount_u"), positive("amount_u")]


def _keys(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.Text, primary_key=True) for name in names]


def upgrade() -> None:
    _payments()
    _told()
    _suspense_and_refunds()
    _sandbox()
    _bank()
    _phone()


def _payments() -> None:
    op.create_table(
        "payments",
        id_column(),
        *_texts("payer", "key", "provider", "currency"),
        *_amount(),
        *_texts("purpose"),
        _of("meter", "meters.meter"),
        *_ints("ch", "account", "tenant_id", nullable=True),
        *_texts("way"),
        *_texts("quote", default="{}"),
        *_ints("created_at", "expires_at"),
        *_texts("state"),
        *_ints("since"),
        *_texts("reference", "charge", nullable=True),
        *_texts("redirect_url", default=""),
        *_zeros("checked_at"),
        *_texts("outcome", default=""),
        sa.UniqueConstraint("payer", "key"),
        sa.UniqueConstraint("provider", "reference"),
        sa.CheckConstraint("purpose IN ('sale', 'wallet')"),
        sa.CheckConstraint(
            "state IN ('created', 'pending', 'succeeded', 'failed', 'expired', 'refunded')"
        ),
    )
    op.create_index("payments_by_state", "payments", ["state", "checked_at"])
    op.create_index("payments_by_charge", "payments", ["provider", "charge"])
    _success_is_final()


def _success_is_final() -> None:
    undone = (
        "OLD.state IN ('succeeded', 'refunded') AND NEW.state NOT IN ('succeeded', 'refunded')"
    )
    sentence = "a payment that succeeded stays so"
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            "CREATE OR REPLACE FUNCTION umeter_payment_final() RETURNS trigger LANGUAGE plpgsql"
            f" AS $$ BEGIN RAISE EXCEPTION '{sentence}'"
            " USING ERRCODE = 'integrity_constraint_violation'; END $$"
        )
        op.execute(
            "CREATE TRIGGER payments_final BEFORE UPDATE ON payments FOR EACH ROW"
            f" WHEN ({undone}) EXECUTE FUNCTION umeter_payment_final()"
        )
    else:
        op.execute(
            "CREATE TRIGGER payments_final BEFORE UPDATE ON payments"
            f" WHEN {undone} BEGIN SELECT RAISE(ABORT, '{sentence}'); END"
        )


def _told() -> None:
    op.create_table(
        "payment_events",
        id_column(),
        *_texts("provider", "event_id", "type", "kind", "reference", "item"),
        _of("payment_id", "payments.id"),
        sa.Column("body", sa.LargeBinary, nullable=False),
        *_ints("happened_at", "received_at"),
        *_texts("outcome"),
        sa.UniqueConstraint("provider", "event_id"),
    )
    op.create_index("payment_events_of", "payment_events", ["payment_id"])
    op.create_index("payment_events_item", "payment_events", ["provider", "item"])
    op.create_table(
        "payment_conflicts",
        id_column(),
        *_texts("provider", "event_id"),
        _of("payment_id", "payments.id"),
        *_texts("what", "detail"),
        *_ints("at"),
        sa.UniqueConstraint("provider", "event_id"),
    )
    op.create_table(
        "provider_lines",
        *_keys("provider", "line"),
        *_texts("kind", "reference"),
        *_ints("amount_u", "at"),
    )
    op.create_table("provider_marks", *_keys("provider"), *_ints("fetched_at"))
    append_only("payment_events", "id", ("provider", "event_id"))
    append_only("payment_conflicts", "id", ("provider", "event_id"))
    append_only("provider_lines", ("provider", "line"), ignoring=True)


def _suspense_and_refunds() -> None:
    op.create_table(
        "suspense_items",
        id_column(),
        *_texts("key", "direction", "account"),
        *_amount(),
        *_texts("why", "text", "party"),
        _of("payment_id", "payments.id"),
        *_ints("opened_at"),
        *_texts("state", default="open"),
        *_ints("closed_at", nullable=True),
        *_texts("closed_by", "closing", default=""),
        sa.UniqueConstraint("key"),
        sa.CheckConstraint("direction IN ('in', 'out')"),
        sa.CheckConstraint(
            "state IN ('open', 'assigned', 'returned', 'recovered', 'written off')"
        ),
    )
    op.create_index("suspense_items_open", "suspense_items", ["state", "id"])
    op.create_table(
        "payment_refunds",
        id_column(),
        *_texts("asked_by", "key"),
        _of("payment_id", "payments.id", nullable=False),
        *_amount(),
        *_texts("source", "state"),
        *_ints("asked_at"),
        *_ints("ended_at", nullable=True),
        *_texts("provider_ref", default=""),
        sa.UniqueConstraint("asked_by", "key"),
        sa.CheckConstraint("state IN ('asked', 'done', 'failed')"),
    )
    op.create_index("payment_refunds_open", "payment_refunds", ["state"])
    op.create_index("payment_refunds_of", "payment_refunds", ["payment_id"])


def _sandbox() -> None:
    op.create_table(
        "sandbox_intents",
        *_keys("reference"),
        *_ints("payment_id", "minor"),
        *_texts("currency", "state"),
        *_ints("made_at"),
        sa.UniqueConstraint("payment_id"),
    )
    op.create_table(
        "sandbox_moves",
        id_column(),
        *_texts("key", "kind", "reference"),
        *_ints("minor", "at"),
        sa.UniqueConstraint("key"),
    )


def _bank() -> None:
    op.create_table(
        "payment_references",
        id_column(),
        *_texts("reference"),
        _of("meter", "meters.meter"),
        *_ints("ch", "tenant_id", nullable=True),
        *_ints("made_at"),
        sa.UniqueConstraint("reference"),
        sa.UniqueConstraint("meter", "ch"),
        sa.UniqueConstraint("tenant_id"),
        sa.CheckConstraint(
            "(meter IS NULL) = (ch IS NULL) AND (meter IS NULL) <> (tenant_id IS NULL)"
        ),
    )
    op.create_table(
        "bank_files",
        id_column(),
        *_texts("bank", "sha256", "format", "name", "imported_by"),
        *_ints("started_at"),
        *_ints("done_at", nullable=True),
        *_texts("counts", default="{}"),
        sa.UniqueConstraint("bank", "sha256"),
    )
    op.create_table(
        "bank_lines",
        id_column(),
        *_texts("bank", "identity"),
        _of("file_id", "bank_files.id", nullable=False),
        *_texts("booked_on", "direction"),
        *_amount(),
        *_texts("currency", "text", "party", "reference"),
        *_ints("reversal"),
        *_texts("outcome"),
        *_ints("at"),
        sa.UniqueConstraint("bank", "identity"),
        sa.CheckConstraint("direction IN ('in', 'out')"),
    )
    append_only("payment_references", "id", "reference", ("meter", "ch"), "tenant_id")
    append_only("bank_lines", "id", ("bank", "identity"))


def _phone() -> None:
    op.create_table(
        "phone_pins",
        sa.Column("tenant_id", sa.BigInteger, primary_key=True, autoincrement=False),
        *_texts("hash"),
        *_ints("set_at"),
        *_texts("set_by"),
        *_zeros("tries", "locks", "locked_until"),
    )
    op.create_table(
        "phone_calls",
        *_keys("token_hash"),
        *_texts("gateway"),
        *_ints("tenant_id"),
        *_texts("number"),
        *_ints("started_at", "ends_at"),
    )
    op.create_table(
        "phone_messages",
        *_keys("gateway", "message_id"),
        *_texts("asked", "reply"),
        *_ints("at"),
    )
