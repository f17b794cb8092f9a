"""How the commands of `umeter-station fleet` are told which meters they are about."""

from typing import Annotated

import typer

from umeter_station.fleet.select import Selection

MeterNames = Annotated[
    list[str] | None, typer.Argument(help="The meters' names.", metavar="[METER]...")
]
MeterOption = Annotated[
    list[str] | None, typer.Option("--meter", "-m", help="A meter's name; can come again.")
]
Where = Annotated[
    str, typer.Option(help="As 'site=north and presence=online'; see `fleet names`.")
]
AllMeters = Annotated[bool, typer.Option("--all", help="All meters in service.")]


def selection(meters: list[str] | None, where: str, all_: bool) -> Selection:
    return Selection(tuple(meters or ()), where, all_)
