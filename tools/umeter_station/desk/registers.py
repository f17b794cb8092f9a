"""Numbers without gaps: of receipts and Z-reports, per register."""

import re

import sqlalchemy as sa
from sqlalchemy import Connection

from umeter_station.errors import StationError
from umeter_station.models_desk import registers
from umeter_station.sql import insert

_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,32}", re.ASCII)


def check_name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise StationError(f"{name!r} names no desk; use 1 to 32 letters, digits, - . : and _.")
    return name


def next_receipt(conn: Connection, register: str) -> int:
    """Taken in the transaction of what it numbers: if that is not, the number is not, either."""
    return _next(conn, register, "next_receipt")


def next_z(conn: Connection, register: str) -> int:
    return _next(conn, register, "next_z")


def make(conn: Connection, register: str) -> None:
    values = {"name": check_name(register), "next_receipt": 1, "next_z": 1}
    insert_ = insert(conn, registers).values(values)
    conn.execute(insert_.on_conflict_do_nothing(index_elements=["name"]))


def _next(conn: Connection, register: str, name: str) -> int:
    make(conn, register)
    column = registers.c[name]
    after = conn.execute(
        sa.update(registers)
        .where(registers.c.name == register)
        .values({name: column + 1})
        .returning(column)
    ).scalar_one()
    return after - 1
