"""What must hold of the books at any moment, whoever died meanwhile. One finding is one sentence.

Each rule is one statement on the whole ledger, and says nothing of a station whose books are
right. Most of it cannot be broken by the station's code, as the database itself refuses it: then
the rule is there for a database that was altered by other means, or restored in parts.
"""

from collections.abc import Callable, Iterator

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection, Subquery

from umeter_station.ledger import SETTLEMENT, is_ended
from umeter_station.models import commands, order_keys, purchases, transfers
from umeter_station.models_desk import payouts, registers, sales

# Of one rule; a ledger that is wrong throughout need not be told row by row.
MOST = 50
_c, _k, _p, _s, _t = commands.c, order_keys.c, purchases.c, sales.c, transfers.c


def check(conn: Connection) -> list[str]:
    """Every sentence says what is wrong with which sale or account; none if all is right."""
    return [sentence for rule in RULES for sentence in rule(conn)]


def imbalance_u(conn: Connection) -> int:
    """All debits less all credits, plus what is in transit less what open sales make of it; each
    difference counts as it is, so that two cannot hide each other."""
    total = sum(abs(row.held_u - row.open_u) for row in _transit_rows(conn))
    return total + abs(sum(balances(conn).values()))


def _keyed(prefix: str, number: ColumnElement) -> ColumnElement:
    return sa.literal(prefix) + sa.cast(number, sa.Text)


def _transfer_rows(conn: Connection) -> Iterator[str]:
    wrong = (_t.amount_u <= 0) | (_t.debit == _t.credit) | (_t.debit == "") | (_t.credit == "")
    for row in conn.execute(sa.select(transfers).where(wrong).limit(MOST)):
        yield f"Transfer {row.key} moves {row.amount_u} from {row.debit!r} to {row.credit!r}."


def _unique_keys(conn: Connection) -> Iterator[str]:
    for table in (transfers, purchases):
        key = table.c.key
        more = sa.select(key).group_by(key).having(sa.func.count() > 1).limit(MOST)
        for twice in conn.execute(more).scalars():
            yield f"Key {twice} is in {table.name} more than once."


def balances(conn: Connection) -> dict[str, int]:
    """Of every account: what has been credited to it less what has been debited from it."""
    found: dict[str, int] = {}
    for column, sign in ((_t.credit, 1), (_t.debit, -1)):
        for account, amount_u in conn.execute(
            sa.select(column, sa.func.sum(_t.amount_u)).group_by(column)
        ):
            found[account] = found.get(account, 0) + sign * int(amount_u)
    return found


def _zero_sum(conn: Connection) -> Iterator[str]:
    total_u = sum(balances(conn).values())
    if total_u:
        yield f"All accounts together hold {total_u}, not 0."


def _sold(conn: Connection) -> Iterator[str]:
    """A sale is a purchase, a transfer into transit and an order, all of the same amount."""
    transit = sa.literal("transit:") + _p.meter + "/" + sa.cast(_p.ch, sa.Text)
    as_sold = (
        (_t.amount_u == _p.amount_u) & (_t.credit == transit) & (_t.command_id == _p.command_id)
    )
    rows = conn.execute(
        sa.select(_p.key, _t.id.label("transfer"), _c.id.label("order"))
        .outerjoin(transfers, (_t.key == _keyed("sale:", _p.command_id)) & as_sold)
        .outerjoin(
            commands,
            (_c.id == _p.command_id) & (_c.op == "credit") & (_c.meter == _p.meter),
        )
        .where(_t.id.is_(None) | _c.id.is_(None))
        .limit(MOST)
    )
    for row in rows:
        what = "order to its meter" if row.order is None else "transfer of its amount into transit"
        yield f"Purchase {row.key} has no {what}."


def _no_other_credit(conn: Connection) -> Iterator[str]:
    """Nothing is credited on a meter, and nothing put into transit, that nobody bought."""
    orders_of_sales = sa.union(
        sa.select(_p.command_id), sa.select(_k.command_id).where(_k.purchase_id.is_not(None))
    )
    for row in conn.execute(
        sa.select(_c.meter, _c.n)
        .where(_c.op == "credit", _c.id.not_in(orders_of_sales))
        .limit(MOST)
    ):
        yield f"Order {row.n} to {row.meter} credits what nobody bought."
    sold = sa.select(_keyed("sale:", _p.command_id))
    for key in conn.execute(
        sa.select(_t.key).where(_t.credit.like("transit:%"), _t.key.not_in(sold)).limit(MOST)
    ).scalars():
        yield f"Transfer {key} puts into transit what nobody bought."


def _fates() -> Subquery:
    """Of each purchase: by how many orders the meter applied it, and its settlement."""
    of_sale = sa.union_all(
        sa.select(_p.id.label("purchase_id"), _p.command_id),
        sa.select(_k.purchase_id, _k.command_id).where(_k.purchase_id.is_not(None)),
    ).subquery()
    applied = sa.case((_c.state == "applied", 1), else_=0)
    return (
        sa.select(of_sale.c.purchase_id, sa.func.sum(applied).label("applied"))
        .join(commands, _c.id == of_sale.c.command_id)
        .group_by(of_sale.c.purchase_id)
        .subquery()
    )


def _settled(conn: Connection) -> Iterator[str]:
    """What the meter applied is the customer's, once; what is the customer's was applied."""
    fates = _fates()
    place = _p.meter + "/" + sa.cast(_p.ch, sa.Text)
    late = transfers.alias()
    rows = conn.execute(
        sa.select(_p.key, _p.amount_u, fates.c.applied)
        .add_columns(_t.debit, _t.credit, _t.amount_u.label("settled_u"))
        .add_columns((sa.literal("customer:") + place).label("customer"))
        .add_columns((sa.literal("transit:") + place).label("transit"))
        .add_columns(late.c.amount_u.label("late_u"))
        .join(fates, fates.c.purchase_id == _p.id)
        .outerjoin(transfers, _t.key == _keyed(SETTLEMENT, _p.command_id))
        .outerjoin(late, late.c.key == _keyed("late:", _p.command_id))
        .where((fates.c.applied > 0) | _t.id.is_not(None))
    )
    told = 0
    for row in rows:
        sentence = _fate(row)
        if sentence and told < MOST:
            told += 1
            yield sentence


def _fate(row: sa.Row) -> str | None:
    if row.applied > 1:
        return f"Purchase {row.key} was applied by {row.applied} orders."
    if row.settled_u is None:
        return f"Purchase {row.key} was applied, but its money is still in transit."
    if (row.debit, row.settled_u) != (row.transit, row.amount_u):
        return f"Purchase {row.key} of {row.amount_u} is settled by {row.settled_u}."
    if not row.applied and row.credit == row.customer:
        return f"Purchase {row.key} is settled to the customer, but no meter has applied it."
    if row.applied and row.credit != row.customer and row.late_u != row.amount_u:
        return f"Purchase {row.key} was applied, but its money is due back."
    return None


def _transit_rows(conn: Connection) -> list[sa.Row]:
    """Per channel: what is in transit, and what its open sales come to, where these differ."""
    into = sa.select(_t.credit.label("account"), _t.amount_u.label("held_u"), sa.literal(0))
    out = sa.select(_t.debit, -_t.amount_u, sa.literal(0))
    account = sa.literal("transit:") + _p.meter + "/" + sa.cast(_p.ch, sa.Text)
    still = sa.select(account, sa.literal(0), _p.amount_u).where(~is_ended(_p.command_id))
    rows = sa.union_all(
        into.where(_t.credit.like("transit:%")), out.where(_t.debit.like("transit:%")), still
    ).subquery()
    account, held_u, open_u = rows.c
    held_u, open_u = sa.func.sum(held_u), sa.func.sum(open_u)
    return list(
        conn.execute(
            sa.select(account.label("account"), held_u.label("held_u"), open_u.label("open_u"))
            .group_by(account)
            .having(held_u != open_u)
        )
    )


def _transit(conn: Connection) -> Iterator[str]:
    for row in _transit_rows(conn)[:MOST]:
        yield f"{row.account} holds {row.held_u}; its open sales come to {row.open_u}."


def _paid(conn: Connection) -> Iterator[str]:
    """What was paid for a sale is all in transfers: credit, fee and tax."""
    keys = [_keyed(f"{what}:", _p.command_id) for what in ("sale", "fee", "tax", "prepaid")]
    moved = sa.func.coalesce(sa.func.sum(_t.amount_u), 0)
    rows = conn.execute(
        sa.select(_p.key, _s.paid_u, moved.label("moved_u"))
        .join(sales, _s.purchase_id == _p.id)
        .outerjoin(transfers, _t.key.in_(keys) & (_t.debit == _s.paid_from))
        .group_by(_p.key, _s.paid_u)
        .having(moved != _s.paid_u)
        .limit(MOST)
    )
    for row in rows:
        yield f"{row.paid_u} was paid for purchase {row.key}, but {row.moved_u} is booked."


def _receipts(conn: Connection) -> Iterator[str]:
    numbers = sa.union_all(
        sa.select(_s.register, _s.receipt_no),
        sa.select(payouts.c.register, payouts.c.receipt_no),
    ).subquery()
    number = numbers.c.receipt_no
    given = sa.func.count(number)
    rows = conn.execute(
        sa.select(registers.c.name, registers.c.next_receipt, given.label("given"))
        .add_columns(sa.func.count(number.distinct()).label("apart"))
        .outerjoin(numbers, numbers.c.register == registers.c.name)
        .group_by(registers.c.name, registers.c.next_receipt)
        .having(
            (given != registers.c.next_receipt - 1)
            | (sa.func.count(number.distinct()) != given)
            | (sa.func.coalesce(sa.func.max(number), 0) != given)
        )
        .limit(MOST)
    )
    for row in rows:
        yield (
            f"Register {row.name} has {row.apart} receipts, {row.given} papers, and says that the"
            f" next is {row.next_receipt}."
        )


RULES: tuple[Callable[[Connection], Iterator[str]], ...] = (
    _transfer_rows,
    _unique_keys,
    _zero_sum,
    _sold,
    _no_other_credit,
    _settled,
    _transit,
    _paid,
    _receipts,
)
