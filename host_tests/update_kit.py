"""A board with two slots for the tests of updates, on a real littlefs."""

from umeter_sim.ota_board import Board


def running(made):
    """A board that runs the first of these releases; what runs is the same at the end."""
    board = Board(made)
    board.install(made[0])
    assert board.boot() is made[0]
    yield board
    if board.slot == "a":
        assert everything(board, "a") == {f"a/{p}": data for p, data in made[0].files.items()}


def offered(board, release, /, **other):
    return board.order(op="update", do="offer", **{**release.offer, **other})


def everything(board, folder):
    """{path: content} of what lies below a folder."""
    found = {}
    for name in board.files.listdir(folder):
        path = f"{folder}/{name}"
        if board.files.stat(path)[0] & 0x4000:
            found.update(everything(board, path))
        else:
            found[path] = board.files.read(path)
    return found


def whole(release, slot="b"):
    """The paths that a release takes in a slot."""
    return {f"{slot}/manifest", f"{slot}/offer"} | {f"{slot}/{path}" for path in release.files}
