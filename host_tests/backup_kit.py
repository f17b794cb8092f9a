"""Journals for the tests of backup and restore, made by the real core."""

from fakes_board import Board
from umeter_deploy import journal_books

SECTORS = 8
KEY = bytes(range(32))


def values(credits=(5_000_000, 0, 7_000_000), first_n=1):
    """The set of a meter that has sold so much to each channel; orders from first_n on."""
    board = Board(channels=len(credits))
    for ch, amount_u in enumerate(credits, 1):
        if amount_u:
            sale = {"n": first_n + ch, "op": "credit", "ch": ch, "amount_u": amount_u}
            assert board.order(**sale)["code"] == "applied"
    return board.journal.load()


def cells(*sets, sectors=SECTORS, first=10):
    """A journal's flash with these sets in its sectors, the newest last."""
    flash = b"".join(journal_books.written(each, first + i) for i, each in enumerate(sets))
    return flash.ljust(sectors * journal_books.SECTOR, b"\xff")
