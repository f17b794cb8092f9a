"""Where visitors of the demo begin so that links lead them over all its pages, and what has to be
there for pages that a quiet station has no link to.
"""

from umeter_deploy import bundle as bundles
from umeter_sim.demo_houses import (
    BY_CASHIER,
    BY_OPERATOR,
    CASHIER,
    CUT_CH,
    CUT_METER,
    HOUSES,
    OPERATOR,
    OWNER,
    TENANT,
)
from umeter_sim.past_desk import BANK, GIVEN_BACK
from umeter_station import ledger, update
from umeter_station.desk import shifts
from umeter_station.fleet import reads, rollout_plan, templates
from umeter_station.fleet.select import Selection
from umeter_station.fleet.waves import Pace
from umeter_station.pay import back_pages, box_numbers, payments, providers, suspense, webhooks
from umeter_station.pay.payments import Wish
from umeter_station.people import accounts
from umeter_station.station import Books

_SETTINGS = {"low_credit_u": 2_500_000}
_AMOUNT_U = 20_000_000
_RELEASE = 900_000


def walks(books: Books) -> dict[str, list[str]]:
    """{who looks ("": nobody that is known): the paths to begin with}. Makes what is missing."""
    now_s = books.clock.now_s()
    with books.db.write() as conn:
        templates.add(conn, "standard", _SETTINGS, "for flats", BY_OPERATOR, now_s)
        one = Selection(names=(CUT_METER,))
        rollout_id = rollout_plan.start_set(conn, one, _SETTINGS, Pace(), BY_OPERATOR, now_s)
        everywhere = Selection(names=tuple(house.meter for house in HOUSES))
        read_id = reads.order(conn, everywhere, BY_OPERATOR, now_s)
        if shifts.open_of(conn, BY_CASHIER) is None:
            shifts.open_(conn, "desk", BY_CASHIER, 50_000_000, BY_CASHIER, now_s)
        key = f"demo-{now_s}"
        suspense.open_(
            conn,
            key=key,
            direction="in",
            account=ledger.bank(BANK),
            amount_u=_AMOUNT_U,
            why="no reference",
            text="electricity november",
            party="J. Weber",
            now_s=now_s,
        )
        item_id = suspense.by_key(conn, key).id
        number = box_numbers.of_channel(conn, CUT_METER, CUT_CH, now_s)
        tess = accounts.named(conn, TENANT).by
        closed = next(each.id for each in shifts.page(conn, 50) if not each.is_open)
        paid = payments.page(conn, 1, state="succeeded", payer=tess)[0]
        release = update.add_bundle(conn, _bundle(), now_s)
    anybody = _anybodys_payment(books, key)
    outcome = _outcome(books, anybody)
    receipt = _anybodys_receipt(books, f"{key}-paid")
    channel = f"channel={CUT_METER}.{CUT_CH}"
    return {
        "": ["/sign-in", f"/pay/{number}", "/pay", outcome, receipt],
        TENANT: [
            *("/home", f"/home/top-up?{channel}&quick=20", f"/home/usage?{channel}&span=day"),
            f"/home/supply/restore?meter={CUT_METER}&ch={CUT_CH}",
            f"/home/payments/{paid.id}",
            f"/pay/sandbox/{anybody.reference}",
        ],
        CASHIER: [
            *("/console/desk", f"/console/desk/at/{CUT_METER}/1?paid=20", "/console/shifts"),
            f"/console/shifts/{closed}/z",
            f"/console/desk/payouts/{GIVEN_BACK}",
        ],
        OPERATOR: [
            *("/console", "/console/meters", f"/console/meters/{CUT_METER}"),
            f"/console/meters/{CUT_METER}/usage?ch=1",
            f"/console/meters/{CUT_METER}/1/label",
            f"/console/reads/{read_id}",
            f"/console/fleet/rollouts/{rollout_id}",
            f"/console/reconciliation/suspense/{item_id}",
            f"/console/fleet/releases/{release}",
            "/console/strangers",
        ],
        OWNER: ["/console/people"],
    }


def _anybodys_payment(books: Books, key: str) -> payments.Payment:
    """Begun at the number on a box, and not paid yet."""
    provider = providers.get(books.config, books.db, books.clock)
    wish = Wish(_AMOUNT_U, meter=CUT_METER, ch=1)
    return payments.start(books.db, books.clock, provider, wish, back_pages.ANYBODY, key)


def _anybodys_receipt(books: Books, key: str) -> str:
    """The receipt's page of another payment at that box, which was made."""
    paid = _anybodys_payment(books, key)
    provider = providers.get(books.config, books.db, books.clock)
    hook = provider.finish(paid.reference, "succeeded")
    webhooks.receive(books.db, books.clock, provider, hook.body, hook.headers)
    return _outcome(books, paid) + "/receipt"


def _outcome(books: Books, payment: payments.Payment) -> str:
    """The page that tells what became of it."""
    with books.db.read() as conn:
        return back_pages.path(conn, payment.id, payment.payer, payment.way)


def _bundle() -> bundles.Bundle:
    """Of a later release for the boards here; what is in it will not be run."""
    return bundles.make(_RELEASE, "0.9.0", "sim8", 1, {"umeter/app.mpy": b"\0" * 1000})
