"""Rows as a file, a piece at a time: CSV that is safe to open in a spreadsheet, and Parquet."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from umeter_station.api.export_tables import Row, Table

# What a spreadsheet would take for a formula, or for the end of a cell.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def to_csv(table: Table, batches: Iterable[list[Row]]) -> Iterator[bytes]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([name for name, _ in table.columns])
    yield _taken(text)
    for batch in batches:
        writer.writerows([safe(value) for value in row] for row in batch)
        yield _taken(text)


def safe(value: int | str | None) -> int | str | None:
    """A text as such; a number below 0 stays a number."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _taken(text: io.StringIO) -> bytes:
    content = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return content


class _Pieces(io.RawIOBase):
    """A file that is written on, and taken away in pieces."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def write(self, content: Any) -> int:
        piece = bytes(content)
        self._pieces.append(piece)
        self._at += len(piece)
        return len(piece)

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def to_parquet(table: Table, batches: Iterable[list[Row]]) -> Iterator[bytes]:
    # Imported only here: it takes half a second, and 50 MB.
    import pyarrow as pa
    from pyarrow import parquet

    fields = [(name, pa.int64() if number else pa.string()) for name, number in table.columns]
    schema = pa.schema(fields)
    file = _Pieces()
    with parquet.ParquetWriter(file, schema) as writer:
        for batch in batches:
            columns = list(zip(*batch, strict=True)) or [()] * len(fields)
            writer.write_table(pa.table([list(column) for column in columns], schema=schema))
            yield file.taken()
    yield file.taken()


FORMATS = {
    "csv": ("text/csv; charset=utf-8", to_csv),
    "parquet": ("application/vnd.apache.parquet", to_parquet),
}
