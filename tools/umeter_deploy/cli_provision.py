"""`umeter provision`: a new meter, known to its station, with the two files for its board."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import typer
from rich.console import Console

from umeter_deploy import files, site_form
from umeter_deploy.terminal import failure, refuse, say, warn

_NAMES = ("board.json", "site.json")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

Answer = TypeVar("Answer")


def provision(
    meter: Annotated[str | None, typer.Option(help="The new meter's name.")] = None,
    board: Annotated[
        Path | None, typer.Option(help="A board.json, or the folder that holds it.")
    ] = None,
    wifi: Annotated[
        list[str] | None, typer.Option(help="A network's name; up to four, in turn.")
    ] = None,
    wifi_password: Annotated[
        str | None,
        typer.Option(
            envvar="UMETER_WIFI_PASSWORD",
            help="Of these networks, else it is asked for; the variable keeps it out of lists.",
        ),
    ] = None,
    broker: Annotated[
        str | None, typer.Option(help="HOST or HOST:PORT, as the board reaches it.")
    ] = None,
    ca: Annotated[
        str | None, typer.Option(help="The file that the broker's certificate is checked by.")
    ] = None,
    plain_tcp: Annotated[
        bool, typer.Option("--plain-tcp", help="No TLS: all can be read on the way.")
    ] = False,
    ntp: Annotated[str | None, typer.Option(help="A time server, else pool.ntp.org.")] = None,
    to: Annotated[
        Path | None, typer.Option(help="The folder for the board's files, else build/METER.")
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option(
            envvar="UMETER_STATION_HOME", help="The station's directory, else ./station."
        ),
    ] = None,
) -> None:
    """Make a meter: its key, its place at the station, and the files for its board.

    What is not given is asked for. Its secrets are shown to nobody.
    """
    # Imported here: the station costs every other command of `umeter` its time.
    from umeter_station import config
    from umeter_station.errors import StationError
    from umeter_station.station import Books

    try:
        if ca is not None and plain_tcp:
            raise ValueError("A CA is of no use without TLS: leave out --ca or --plain-tcp")
        books = Books(home or config.default_home())
        try:
            name = _answer("Name of the meter", "--meter", meter, lambda text: _new(books, text))
            folder = _free(to or Path("build") / name)
            text = _answer("Board file", "--board", board and str(board), _board_text)
            networks = _networks(wifi, wifi_password)
            address = _answer(
                "Broker, as the board reaches it",
                "--broker",
                broker,
                site_form.broker,
                _hint(books.config.broker),
            )
            authority = None if plain_tcp else _authority(ca, books.config.ca_file)
            document = site_form.template(networks, address, authority, ntp)
            _make(books, name, document, folder, text)
        finally:
            books.close()
    except (ValueError, StationError) as error:
        raise failure(f"{str(error).rstrip('.')}.") from None
    say(
        f"Meter {name} is registered. {' and '.join(_NAMES)} for its board are in {folder}, with"
        " its key: bring them there by `umeter deploy`, then delete them. Its broker learns of it"
        " by `umeter-station broker-config`.",
    )


def _make(books: Any, meter: str, document: dict[str, Any], folder: Path, board: str) -> None:
    from umeter_station import provision

    # The template holds the password of the Wi-Fi: in a folder that only its owner can enter.
    with tempfile.TemporaryDirectory() as private:
        template = Path(private) / "template.json"
        template.write_text(json.dumps(document), encoding="utf-8")
        warnings = provision.new_meter(books, meter, template, folder)
    for warning in warnings:
        warn(warning)
    files.write(folder, {"board.json": board})


def _answer(
    question: str,
    option: str,
    given: str | None,
    judged: Callable[[str], Answer],
    hint: str | None = None,
    hide: bool = False,
) -> Answer:
    """What was given, else what somebody says, asked again until it is good. ValueError if what
    was given is not, or nobody answers.
    """
    if given is not None:
        return judged(given)
    while True:
        try:
            said = typer.prompt(question, hint, hide, show_default=bool(hint), err=True)
        except typer.Abort:
            Console(stderr=True).print()  # ends the line of the question
            raise ValueError(f"There is no answer to: {question}; give {option}") from None
        try:
            return judged(said.strip() if not hide else said)
        except ValueError as error:
            refuse(f"{error}.")


def _new(books: Any, name: str) -> str:
    from umeter_station import meters

    site_form.meter(name)
    with books.db.read() as conn:
        if meters.find(conn, name) is not None:
            raise ValueError(f"Meter {name} is known already; name the new one otherwise")
    return name


def _free(folder: Path) -> Path:
    for name in _NAMES:
        if (folder / name).exists():
            raise ValueError(
                f"{folder / name} is there already, and may be a meter's in use; name another"
                " folder with --to"
            )
    return folder


def _board_text(path: str) -> str:
    file = Path(path).expanduser()
    if file.is_dir():
        file = file / "board.json"
    document = files.read(file)
    try:
        return files.board_text(document)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def _networks(names: list[str] | None, password: str | None) -> list[dict[str, str]]:
    networks = []
    for given in names or [None]:
        ssid = _answer("Wi-Fi, its name", "--wifi", given, _ssid)

        def judged(text: str, ssid: str = ssid) -> dict[str, str]:
            return site_form.network(ssid, text)

        question = f"Password of {ssid} (empty: an open network)"
        networks.append(_answer(question, "--wifi-password", password, judged, "", True))
    return networks


def _ssid(name: str) -> str:
    return site_form.network(name, "")["ssid"]


def _authority(given: str | None, of_station: Path | None) -> Path | None:
    def judged(path: str) -> Path | None:
        return site_form.authority(path) if path else None

    hint = str(of_station) if of_station else ""
    question = "File of the broker's CA (empty: no TLS, all can be read on the way)"
    return _answer(question, "--ca or --plain-tcp", given, judged, hint)


def _hint(url: str) -> str | None:
    """The station's own broker, if another computer can reach it by that name."""
    host = urlsplit(url).hostname
    return None if host in (None, *_LOOPBACK) else host
