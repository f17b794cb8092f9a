"""`umeter deploy` and `umeter monitor`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from umeter_deploy import files, parts, ports
from umeter_deploy.deploy import Deployed, deploy
from umeter_deploy.link import Link, LinkError
from umeter_deploy.monitor import listen, table
from umeter_deploy.terminal import PLAIN, failure, say, warn
from umeter_sim.build import BuildError, names_of
from umeter_sim.paths import BUILD
from umeter_sim.squeeze_names import readable

_PORT = Annotated[str, typer.Option(help="serial port, auto: the one that a board is on")]


def deploy_command(
    board: Annotated[Path, typer.Argument(help="a board.json, or the folder that holds it")],
    site: Annotated[Path, typer.Argument(help="a site.json, or the folder that holds it")],
    port: _PORT = ports.AUTO,
) -> None:
    """Bring software, board.json and site.json to a board, as far as they have changed, and start
    it.
    """
    try:
        board, site = _file(board, "board.json"), _file(site, "site.json")
        board_document, site_document = files.read(board), files.read(site)
        documents = {"board.json": files.board_text(board_document)}
        contents, warnings = files.site_files(site_document, site.parent)
        documents.update(contents)
        software = parts.software(board_document, site_document)
        for warning in warnings:
            warn(warning)
        with Link(ports.find(port)) as link, _bar() as bar:
            task = bar.add_task("copying", total=None)
            done = deploy(
                link,
                software,
                {name: _bytes(content) for name, content in documents.items()},
                lambda sent, whole: bar.update(task, completed=sent, total=whole),
            )
    except (ValueError, LinkError, BuildError) as error:
        raise failure(_sentence(error)) from None
    say(_told(done))


def monitor_command(port: _PORT = ports.AUTO) -> None:
    """Show what a running board prints, and its channels, until Ctrl-C. It is not stopped."""
    console = Console()
    names = names_of(BUILD / "mpy")
    try:
        with Live(console=console, auto_refresh=False) as live:
            for heard in listen(ports.find(port)):
                if isinstance(heard, dict):
                    live.update(table(heard), refresh=True)
                elif heard:
                    live.console.print(readable(heard, names), **PLAIN)
    except KeyboardInterrupt:
        return
    except (ValueError, LinkError) as error:
        raise failure(_sentence(error)) from None


def _told(done: Deployed) -> str:
    if not done.files and not done.copied:
        what = "Nothing had changed, nothing was copied"
    else:
        what = f"{done.files} files copied, {done.sent} bytes"
        if done.copied:
            what += f"; {done.copied} more the board copied by itself"
    said = f": {done.said}" if done.said else ""
    return f"{what}. The board runs slot {done.slot}{said}."


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), transient=True
    )


def _file(path: Path, name: str) -> Path:
    return path / name if path.is_dir() else path


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def _sentence(error: Exception) -> str:
    text = str(error)
    return text if text.endswith(("?", ".")) else text + "."
