"""The commands of the demo. What they do is imported when it is done: it is much."""

from typing import Annotated

import typer

from umeter_sim.demo_houses import DAYS

Days = Annotated[int, typer.Option(help="of history", min=3, max=DAYS)]


def register(app: typer.Typer) -> None:
    """Add the commands `demo` and `screenshots`."""

    @app.command()
    def demo(days: Days = DAYS) -> None:
        """The pages, with history and live boards behind them, and the boards in the terminal."""
        from umeter_sim.demo_view import show

        show(days=days)

    @app.command()
    def screenshots(
        days: Days = DAYS,
        readme: Annotated[bool, typer.Option("--readme", help="those in pictures/ alone")] = False,
    ) -> None:
        """Pictures of every page into build/screenshots, light and dark, phone and desk."""
        from umeter_sim.pictures import take_all

        take_all(days, readme)
