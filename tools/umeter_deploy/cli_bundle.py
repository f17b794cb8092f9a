"""`umeter bundle`: the firmware as one file, for `umeter-station update`."""

from pathlib import Path
from typing import Annotated

import typer

from umeter_deploy import bundle as bundles
from umeter_deploy import files
from umeter_deploy.terminal import failure, say

_FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"


def bundle(
    board: Annotated[Path, typer.Argument(help="a board.json, or the folder that holds it")],
    to: Annotated[
        Path | None, typer.Option(help="the bundle file [NAME-RELEASE.zip, here]")
    ] = None,
) -> None:
    """Compile the firmware for a board, as one file that its meters can be updated with."""
    from umeter_deploy import bundle_build

    try:
        document = files.read(board / "board.json" if board.is_dir() else board)
        made = bundle_build.build(document, _FIRMWARE)
        target = to or Path(f"{made.board}-{made.release}.zip")
        target.write_bytes(bundles.packed(made))
    except OSError as error:
        raise failure(f"{error.filename} cannot be written: {error.strerror}.") from None
    except ValueError as error:
        raise failure(f"{error}.") from None
    size = sum(len(content) for _, content in made.files)
    say(
        f"{target}: release {made.release} for {made.board}, {len(made.files)} files,"
        f" {size} bytes on the board.",
    )
