"""Power cuts in an update over the air: at every program and every erase of the filesystem's
flash, before it and in the middle of it, and once more while the board recovers.

What a cut leaves is made from the log of a life without one. Judged by the next boot: it must find
a whole release, and the update must then come to its end. Else it is a brick.
"""

import random

from umeter_sim.ota_board import Board, Release, Restarted
from umeter_sim.ota_flash import repeat

_SENT = 10_000  # beyond the orders of any life
_BOOTS = 4  # that a recovery may take


def releases(seed=1):
    """Three releases, of which each adds, changes, keeps and drops files of the one before."""
    rng = random.Random(seed)
    same = {"umeter/__init__.mpy": rng.randbytes(70), "umeter/core/same.mpy": rng.randbytes(1300)}
    made = []
    for number in (1, 2, 3):
        changed = {
            "umeter/app.mpy": rng.randbytes(900 + 50 * number),
            "umeter/net/large.mpy": rng.randbytes(4200 - 700 * number),
            f"umeter/only/in{number}.mpy": rng.randbytes(200 * number),
        }
        made.append(Release(number, {**same, **changed}))
    return made


def _kept(board, one, two, three):
    board.update(two)
    board.update(three)  # and back into the first slot, over what lies there


def _failed(board, one, two, three):
    board.fetch(two)
    board.switch(two)
    for _ in range(3):  # the trial, which crashes; back; and back in peace
        board.boot()


def _given_up(board, one, two, three):
    board.order(op="update", do="offer", **two.offer)
    board.chunk(two, 0, 0)
    board.chunk(two, 1, 0)
    board.fetch(three)
    board.order(op="update", do="abort")
    board.update(three)


LIVES = {"kept": _kept, "failed": _failed, "given up": _given_up}


def life(name, made):
    """(cells before, log) of a board that lives through one of LIVES."""
    board = Board(made)
    board.install(made[0])
    before = bytes(board.flash.cells)
    board.flash.log.clear()
    board.boot()
    LIVES[name](board, *made)
    return before, board.flash.log


def cuts(before, log):
    """Each (cells, journal) that a cut can leave."""
    cells = bytearray(before)
    for step in log:
        yield bytes(cells), step[2]
        torn = bytearray(cells)
        repeat(torn, step, 0.5)
        yield bytes(torn), step[2]
        repeat(cells, step)


def recover(made, cells, journal, again=False):
    """What is wrong with what a cut left, "" if nothing, and the log of the recovery. again: the
    cut fell into a recovery.
    """
    board = Board(made, cells, journal, _SENT * (1 + again))
    newest = made[-1]
    if board.boot() is None:
        return f"no whole release in {board.slot}", board.flash.log
    for _ in range(_BOOTS):
        try:
            board.update(newest)
        except Restarted:
            board.boot()
        if board.is_good(newest):
            return "", board.flash.log
    return f"the update does not come to its end: {board.events[-6:]}", board.flash.log


def run(progress=None, every=3, seed=1):
    """{"ota_cuts_tried", "ota_bricks"} of all lives, with a cut at every `every`th step and a
    second one somewhere in each recovery. progress: called with the number of cuts so far.
    """
    rng = random.Random(seed)
    made = releases(seed)
    figures = {"ota_cuts_tried": 0, "ota_bricks": 0}

    def tried(name, cells, journal, again=False):
        fault, log = recover(made, cells, journal, again)
        figures["ota_cuts_tried"] += 1
        if fault:
            figures["ota_bricks"] += 1
            print(f"{name}, cut {figures['ota_cuts_tried']} of seed {seed}: {fault}")
        return log

    for name in LIVES:
        for number, (cells, journal) in enumerate(cuts(*life(name, made))):
            if number % every:
                continue
            log = tried(name, cells, journal)
            if log:
                end = rng.randrange(len(log))
                *_, left = cuts(cells, log[: end + 1])
                tried(name + ", twice", *left, again=True)
            if progress is not None:
                progress(figures["ota_cuts_tried"])
    return figures
