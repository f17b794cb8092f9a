"""What a board's flash rings hold, pulled by orders as a station pulls it, and checked."""

import base64
from itertools import pairwise

from umeter_station import records

MINUTES_OF_A_DAY = 1440


def ring_figures(board):
    """{"audit_records", "profile_days"} of a SoakBoard; what it does not have is left out.

    Days are those that the held intervals cover. RuntimeError if a record is missing, does not
    check, or breaks the audit log's chain.
    """
    figures = {}
    events = _pull(board, "events", 16, records.AUDIT_BYTES)
    if events:
        _check_numbers("event", [records.audit_record(raw).n for raw in events])
        for before, raw in pairwise(events):
            record = records.audit_record(raw)
            if record.previous != records.chain_hash(before):
                raise RuntimeError(f"the audit log's chain is broken at {record.n}")
        figures["audit_records"] = len(events)
    intervals = _pull(board, "profile", 32, records.INTERVAL_BYTES)
    if intervals:
        intervals = [records.interval(raw) for raw in intervals]
        _check_numbers("interval", [interval.n for interval in intervals])
        minutes = sum(interval.minutes for interval in intervals)
        figures["profile_days"] = minutes // MINUTES_OF_A_DAY
    return figures


def _pull(board, what, count, size):
    """All the raw records of a kind that the board holds, oldest first."""
    found = []
    n = 1
    while True:
        answer = board.answer(op="history", what=what, count=count, **{"from": n})
        if answer["code"] != "applied":
            return found
        raw = base64.b64decode(answer["records"])
        found += [raw[at : at + size] for at in range(0, len(raw), size)]
        if answer["next"] <= n or answer["next"] > answer["newest"]:
            return found
        n = answer["next"]


def _check_numbers(kind, numbers):
    for before, n in pairwise(numbers):
        if n != before + 1:
            raise RuntimeError(f"{kind} {before} is followed by {n}")
