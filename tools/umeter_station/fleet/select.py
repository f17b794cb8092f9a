"""Choosing meters: by name, all of them, or by an expression; never by accident all."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station import meters as known_meters
from umeter_station.errors import StationError
from umeter_station.fleet import where
from umeter_station.fleet.facts import Facts
from umeter_station.meters import Meter
from umeter_station.models_fleet import meter_labels
from umeter_station.sql import insert

_LONGEST_LABEL = 64


@dataclass(frozen=True)
class Selection:
    """Exactly one of these; `str()` is how it is kept, and `parse` reads it again."""

    names: tuple[str, ...] = ()
    where: str = ""
    all: bool = False

    def __post_init__(self) -> None:
        if bool(self.names) + bool(self.where.strip()) + self.all != 1:
            raise StationError(
                "Choose meters by their names, by --where 'site=north and presence=online', or"
                " --all of them; by one of these."
            )
        if self.where:
            where.parse(self.where)

    def __str__(self) -> str:
        if self.all:
            return "all"
        return f"where {self.where}" if self.where else "meters " + " ".join(self.names)


def parse(text: str) -> Selection:
    kind, _, rest = text.partition(" ")
    if kind == "all":
        return Selection(all=True)
    return Selection(where=rest) if kind == "where" else Selection(names=tuple(rest.split()))


def choose(conn: Connection, selection: Selection, now_s: int) -> list[Meter]:
    """The meters in service that are meant, by name; a name that is unknown is refused."""
    if selection.names:
        return [_in_service(conn, name) for name in sorted(set(selection.names))]
    chosen = [known for known in known_meters.all_meters(conn) if known.retired_at is None]
    if selection.all:
        return chosen
    tree = where.parse(selection.where)
    facts = Facts(conn, chosen, now_s, tree.names())
    return [known for known in chosen if tree.matches(facts.of(known))]


def _in_service(conn: Connection, name: str) -> Meter:
    known = known_meters.get(conn, name)
    if known.retired_at is not None:
        raise StationError(f"Meter {name} is retired; leave it out.")
    return known


def label(conn: Connection, meters: Sequence[str], name: str, value: str) -> None:
    """Give meters a label, by which they can be selected; an empty value takes it away."""
    if not name.isidentifier() or len(name) > _LONGEST_LABEL:
        raise StationError("A label is named by a word of letters, digits and _, as floor.")
    if len(value) > _LONGEST_LABEL or not (value == "" or value.isprintable()):
        raise StationError(f"A label's value has at most {_LONGEST_LABEL} printable letters.")
    labels = meter_labels.c
    for meter in meters:
        known_meters.get(conn, meter)
        if value == "":
            conn.execute(sa.delete(meter_labels).where(labels.meter == meter, labels.name == name))
            continue
        conn.execute(
            insert(conn, meter_labels)
            .values(meter=meter, name=name, value=value)
            .on_conflict_do_update(index_elements=["meter", "name"], set_={"value": value})
        )


def labels_of(conn: Connection, meter: str) -> dict[str, str]:
    labels = meter_labels.c
    rows = conn.execute(
        sa.select(labels.name, labels.value).where(labels.meter == meter).order_by(labels.name)
    )
    return {name: value for name, value in rows}
