"""`umeter flash`: MicroPython onto a bare chip, with a place for the journal and the log."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from umeter_deploy import ports
from umeter_deploy.terminal import failure, say


def flash(
    image: Annotated[
        Path, typer.Option(help="MicroPython's .bin for this chip, 1.28 or newer.", dir_okay=False)
    ],
    port: Annotated[
        str | None, typer.Option(help="The serial port of the board, or auto (the default).")
    ] = None,
    chip: Annotated[
        str, typer.Option(help="auto, or the chip that it has to be: esp32, esp32s3, ...")
    ] = "auto",
    erase: Annotated[
        bool, typer.Option("--erase/--keep", help="Lose the journal and the files of the board.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only print the plan; without --port, that of a new chip."),
    ] = False,
    baud: Annotated[int, typer.Option(help="Of the writing.", min=9600)] = 460_800,
    by_hand: Annotated[
        bool, typer.Option("--by-hand", help="The chip is in its loader already (BOOT and RESET).")
    ] = False,
    stub: Annotated[
        bool,
        typer.Option(
            "--stub/--no-stub", help="With esptool's loader, or the slow one in the ROM."
        ),
    ] = True,
) -> None:
    """Put MicroPython on a board, with partitions for the journal and the log."""
    # Imported here: esptool costs every other command of `umeter` its time.
    from umeter_deploy import chip_link, esp_image, flash_plan

    try:
        given = esp_image.read(image)
        _is_for(given.chip, chip, f"{image} is for")
        if dry_run and port is None:
            size = max(flash_plan.LEAST_FLASH_BYTES, given.flash_bytes)
            _show(given, size, flash_plan.make(given, size, flash_plan.blank, erase), "a new chip")
            return
        found = ports.find(port or ports.AUTO)
        with chip_link.connect(found, baud, stub, by_hand) as link:
            _is_for(link.chip, given.chip, f"{image} is for another chip: on {found} is")
            plan = flash_plan.make(given, link.flash_bytes, link.read, erase)
            _show(given, link.flash_bytes, plan, found)
            if dry_run:
                return
            _write(plan, link.write)
            if not by_hand:
                link.restart()
    except ValueError as error:
        raise failure(f"{error}.") from None
    again = ", after its reset button has been pressed" if by_hand else ""
    say(
        f"MicroPython {given.version} is on the board{again}; go on with `umeter provision` and"
        " `umeter deploy`.",
    )


def _is_for(there: str, wanted: str, words: str) -> None:
    from umeter_deploy.esp_image import CHIPS, chip_name

    if wanted == "auto":
        return
    if wanted not in CHIPS:
        raise ValueError(f"--chip is {wanted!r}, it must be auto or one of {', '.join(CHIPS)}")
    if there != wanted:
        raise ValueError(
            f"{words} an {chip_name(there)}, not an {chip_name(wanted)}; take the file for the"
            " chip that is printed on the module"
        )


def _show(image, flash_bytes: int, plan, where: str) -> None:
    from umeter_deploy.esp_image import chip_name

    table = Table(
        title=f"{chip_name(image.chip)}, {flash_bytes >> 20} MB of flash, {where}",
        title_justify="left",
    )
    for heading in ("offset", "bytes"):
        table.add_column(heading, justify="right")
    for heading in ("", "what", "sha256"):
        table.add_column(heading)
    for step in plan.steps:
        table.add_row(f"0x{step.offset:x}", f"{step.size}", step.how, step.what, step.sha)
    Console().print(table)


def _write(plan, write: Callable) -> None:
    steps = [step for step in plan.steps if step.data is not None]
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console()) as bar:
        task = bar.add_task("", total=sum(step.size for step in steps))
        done = 0
        for step in steps:
            bar.update(task, description=f"{step.how} {step.what}", completed=done)

            def progress(part: float, begun: int = done, size: int = step.size) -> None:
                bar.update(task, completed=begun + round(part * size))

            write(step.offset, step.data, progress)
            done += step.size
        bar.update(task, description="written and compared", completed=done)
