"""The command line `umeter`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from umeter_deploy import (
    cli_backup,
    cli_board,
    cli_bundle,
    cli_calibrate,
    cli_deploy,
    cli_doctor,
    cli_flash,
    cli_provision,
    files,
)
from umeter_deploy.terminal import failure, say, warn

app = typer.Typer(help="Tools for umeter boards.", no_args_is_help=True, add_completion=False)
app.add_typer(cli_board.app, name="board")
app.command()(cli_bundle.bundle)
app.command()(cli_flash.flash)
app.command()(cli_provision.provision)
app.command("deploy")(cli_deploy.deploy_command)
app.command("monitor")(cli_deploy.monitor_command)
app.add_typer(cli_doctor.app, name="doctor")
app.command()(cli_calibrate.calibrate)
app.command("backup")(cli_backup.backup_command)
app.command("restore")(cli_backup.restore_command)

_BOARD, _SITE = "board.json", "site.json"


@app.command()
def check(
    board: Annotated[
        Path | None, typer.Argument(help="a board.json, or the folder that holds it")
    ] = None,
    site: Annotated[
        Path | None, typer.Argument(help="a site.json; it may also be the only file")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="folder for the stamped files, to be copied to the board")
    ] = None,
) -> None:
    """Check board.json and site.json, and write what a board takes: the files with a stamp."""
    if board is None:
        raise failure("Nothing to check: name a board.json, a site.json, or both.")
    try:
        given = {_BOARD: _in_folder(board, _BOARD)}
        if site is not None:
            given[_SITE] = _in_folder(site, _SITE)
        elif files.is_site(files.read(given[_BOARD])):
            given = {_SITE: given[_BOARD]}
        contents = {}
        for name, path in given.items():
            contents.update(_judged(name, path))
        if to is not None:
            _write(to, contents, given)
    except ValueError as error:
        raise failure(f"{error}.") from None


def _in_folder(path: Path, name: str) -> Path:
    return path / name if path.is_dir() else path


def _judged(name: str, path: Path) -> dict[str, str | bytes]:
    """The files for the board, {name: content}. ValueError, one sentence, if one is not good."""
    document = files.read(path)
    try:
        if name == _BOARD:
            contents, warnings = {name: files.board_text(document)}, []
        else:
            contents, warnings = files.site_files(document, path.parent)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    say(f"{path} is good: {_summary(name, document)}.")
    for warning in warnings:
        warn(warning)
    return contents


def _summary(name: str, document: dict[str, Any]) -> str:
    if name == _BOARD:
        return f"{document['name']}, {len(document['channels'])} channels"
    hosts = [broker["host"] for broker in document.get("brokers") or [document["broker"]]]
    return f"meter {document['meter']}, broker {' or '.join(hosts)}"


def _write(folder: Path, contents: dict[str, str | bytes], given: dict[str, Path]) -> None:
    for name, path in given.items():
        if (folder / name).resolve() == path.resolve():
            raise ValueError(f"{path} would be overwritten by its stamped form: name another --to")
    try:
        files.write(folder, contents)
    except OSError as error:
        raise ValueError(f"{folder} cannot be written: {error.strerror}") from None
    for name in contents:
        say(f"{folder / name} is for the board.")
