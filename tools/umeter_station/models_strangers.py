"""The tables of boards that the station does not know, or knows twice."""

from sqlalchemy import BigInteger, Column, ForeignKey, Table, Text

from umeter_station.models import metadata
from umeter_station.table_columns import int_column

# Who reports under a name that no meter here has, until somebody adopts or forgets it.
strangers = Table(
    "strangers",
    metadata,
    Column("meter", Text, primary_key=True),
    int_column("first_at"),
    int_column("last_at"),
    int_column("messages"),
    Column("status", Text, nullable=False, server_default="{}"),
)

# Signs of two boards under one name: something of `boot` came, by its own time, after something
# of the same name's `newer_boot` (the same, if it is the numbers in one boot that went back).
clone_signs = Table(
    "clone_signs",
    metadata,
    Column("meter", Text, ForeignKey("meters.meter"), primary_key=True),
    *(
        Column(name, BigInteger, primary_key=True, autoincrement=False)
        for name in ("boot", "newer_boot")
    ),
    int_column("first_at"),
    int_column("last_at"),
    int_column("times"),
)
