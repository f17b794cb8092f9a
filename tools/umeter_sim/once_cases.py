"""One order of each kind, and what has to be so before it changes anything."""

from umeter_sim.order_board import firmware
from umeter_sim.order_samples import MICRO, UNIX

_OVERLOAD = 16
_Book = firmware.load("umeter.core.book").Book

_SETTINGS = {
    "emergency_u": 3 * MICRO,
    "debt1_weekly_u": 7 * MICRO,
    "debt3_percent": 50,
    "reclose": "armed",
    "tariff": {"prices": [[100_000], [300_000], [700_000]], "blocks_kwh": [1, 2]},
}
_CREDIT = {"op": "credit", "ch": 1, "amount_u": 50 * MICRO, "id": "sale-7"}
_ACCOUNT = {"op": "account", "ch": 1}
_CLOSED = {**_ACCOUNT, "action": "close"}
_AFTER = {**_ACCOUNT, "action": "credit"}
_SWITCHED = {"op": "user", "ch": 1, "state": "open"}
_PRICE = {"op": "set", "version": 2, "set": {"price_u_per_kwh": 5}}


def _overloaded(board):
    channel = board.channels[0]
    channel.claims |= _OVERLOAD
    book = _Book(board.meter, channel)
    book.locked, book.limit_tries = _OVERLOAD, 3
    book.save()


def _jumped(board):
    """Over both ends of the blocks."""
    board.channels[0].quarantined = 2500


# What was before (orders, or what happened), and the order. What only looks changes nothing.
CASES = {
    "credit": ([], _CREDIT),
    "credit after emergency": ([{"op": "emergency", "ch": 1}], _CREDIT),
    "debit": ([_CREDIT], {"op": "debit", "ch": 1, "amount_u": 7 * MICRO}),
    "emergency": ([], {"op": "emergency", "ch": 1}),
    "restore": ([_CREDIT, _SWITCHED], {"op": "restore", "ch": 1}),
    "user": ([_CREDIT], _SWITCHED),
    "supply": ([_CREDIT], {"op": "supply", "ch": 1, "state": "open"}),
    "release": ([_overloaded], {"op": "release", "ch": 1, "claim": "overload"}),
    "debt": ([], {"op": "debt", "ch": 1, "debt": 2, "add_u": 7}),
    "close": ([_CREDIT], _CLOSED),
    "open": ([_CLOSED], {**_ACCOUNT, "action": "open", "account": 12}),
    "reset": ([_CREDIT, _SWITCHED], {**_ACCOUNT, "action": "reset"}),
    "credit mode": ([], _AFTER),
    "prepaid": ([_AFTER], {**_ACCOUNT, "action": "prepaid", "lend_u": 4 * MICRO}),
    "quarantine": ([_CREDIT, _jumped], {"op": "quarantine", "ch": 1, "action": "accept"}),
    "refused": ([_CREDIT, _jumped], {"op": "quarantine", "ch": 1, "action": "refuse"}),
    "set": ([], _PRICE),
    "set in part": ([], {**_PRICE, "set": {**_PRICE["set"], "report_s": 1}}),
    "time": ([], {"op": "time", "t": UNIX + 86_400}),
    "key": ([], {"op": "key"}),
    "calibrate": ([_CREDIT], {"op": "calibrate", "ch": 1, "gain_ppm": -2500, "creep_dw": 9}),
    "maintenance": ([], {"op": "maintenance", "minutes": 5}),
    "status": ([_CREDIT], {"op": "status", "ch": 1}),
    "read": ([_CREDIT], {"op": "read"}),
    "link": ([], {"op": "link"}),
    "history": ([_CREDIT], {"op": "history", "what": "events", "from": 1, "count": 9}),
}
# After a boot nothing is to be seen of these.
READING = ("status", "read", "link", "history", "maintenance")


def prepare(board, order, steps):
    """Bring a new board to where a case begins. order: how to have an order carried out."""
    before = (
        {"op": "set", "version": 1, "set": _SETTINGS},
        {"op": "debt", "ch": 1, "debt": 3, "add_u": 10 * MICRO},
        *steps,
    )
    for n, step in enumerate(before, 1):
        board.tick()
        if callable(step):
            step(board)
        elif order(n=n, **step)["code"] != "applied":
            raise RuntimeError(f"{step} was not applied")
    board.tick()
    board.meter.commit()
