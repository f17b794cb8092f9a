"""The meter's answers, applied exactly once.

A signed answer is believed, an unsigned one never. A command is settled by the first definite
answer that arrives; the update that notes it is guarded by there having been none, so a duplicate,
late or replayed answer finds nothing to do (settling.py).
"""

from typing import Any

from sqlalchemy import Connection

from umeter_station import (
    history,
    key_rotation,
    orders,
    reading_store,
    settling,
    twin,
    update,
    uplinks,
)
from umeter_station.db import count
from umeter_station.messages import integer, parse_json, reading, text


def apply_result(conn: Connection, meter: str, token: bytes, now_s: int) -> bool:
    """Book one `up/result` message inside the caller's write transaction.

    What is forged or about an order that was never placed is counted and ignored. False if it was
    forged. Raises ValueError for a malformed payload.
    """
    payload, under_newest = key_rotation.verified(conn, meter, token)
    if payload is None:
        count(conn, "result.forged")
        return False
    document = parse_json(payload)
    # Orders are signed with the same key; one thrown back at us has an op, but no code.
    code = text(document, "code")
    command = orders.find(conn, meter, integer(document, "n", low=0))
    if command is None or text(document, "op", command.op) != command.op:
        count(conn, "result.unknown")
        return True
    if under_newest:
        key_rotation.note_used(conn, meter)
    if code == "replayed":
        code = text(document, "first")
    if code == "store":
        # Its flash failed and the number is not spent: the outbox goes on asking.
        count(conn, "result.store")
        return True
    _note_totals(conn, meter, document)
    if command.op == "read" and "reading" in document:
        _note_reading(conn, meter, document["reading"], now_s)
    settling.note_answer(conn, command, code, document, now_s)
    settled = orders.get(conn, command.id)
    if command.op == "key":
        key_rotation.note_answer(conn, settled, now_s)
    if command.op == "set" and settled.code != command.code:
        twin.note_answer(conn, settled, document, now_s)
    if command.op in ("update", "chunk"):
        update.note_answer(conn, settled, document, now_s)
    if command.op == "history":
        history.note_answer(conn, settled, document, now_s)
        settling.note_log(conn, command, document, now_s)
    return True


def _note_totals(conn: Connection, meter: str, document: dict[str, Any]) -> None:
    if "credited_total_u" in document:
        totals = (
            meter,
            integer(document, "ch", low=1),
            integer(document, "credited_total_u", low=0),
            integer(document, "charged_total_u", low=0),
        )
        reading_store.keep_totals(conn, [totals])


def _note_reading(conn: Connection, meter: str, document: Any, now_s: int) -> None:
    if not isinstance(document, dict):
        raise ValueError("reading is not an object")
    found = reading(document)
    if uplinks.store_reading(conn, meter, found, now_s):
        history.note_reading(conn, meter, found, now_s)
