"""Readings, load profiles, the ledger and purchases as files, streamed as they are read."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from umeter_station import meters
from umeter_station.api.deps import LARGEST, BooksDep, Caller, need
from umeter_station.api.export_formats import FORMATS
from umeter_station.api.export_tables import TABLES, Wanted
from umeter_station.api.problems import refuse
from umeter_station.people import acts

router = APIRouter(prefix="/v1/exports", tags=["exports"])

_DAY_S = 86_400
_DEFAULT_S = 31 * _DAY_S
_MOST_S = 366 * _DAY_S

TableName = Literal[tuple(TABLES)]
Format = Literal[tuple(FORMATS)]
_FILE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_FILES = {200: {"content": {kind.partition(";")[0]: _FILE for kind, _ in FORMATS.values()}}}


@router.get("/{table}", response_class=StreamingResponse, responses=_FILES)
def export(
    table: TableName,
    books: BooksDep,
    who: Annotated[Caller, need("exports:read")],
    format: Format = "csv",
    since_s: Annotated[int | None, Query(ge=0, le=LARGEST)] = None,
    until_s: Annotated[int | None, Query(ge=0, le=LARGEST)] = None,
    meter: Annotated[str | None, Query(pattern=r"^[A-Za-z0-9_-]{1,32}$")] = None,
) -> StreamingResponse:
    """From `since_s` on, before `until_s` (Unix seconds); without them the last 31 days. In CSV a
    text that a spreadsheet would take for a formula has an apostrophe before it."""
    until_s = who.now_s + 1 if until_s is None else until_s
    since_s = max(0, until_s - _DEFAULT_S) if since_s is None else since_s
    if not since_s <= until_s <= since_s + _MOST_S:
        raise refuse(400, "An export covers at most 366 days; ask for less at a time.")
    detail = {"format": format, "since_s": since_s, "until_s": until_s, "meter": meter}
    with books.db.write() as conn:
        if meter is not None:
            meters.get(conn, meter)
        acts.note(conn, who.by, "export", f"table:{table}", detail, who.now_s)
    kind, written = FORMATS[format]
    wanted = Wanted(since_s, until_s, meter)
    return StreamingResponse(
        written(TABLES[table], TABLES[table].batches(books.db, wanted)),
        media_type=kind,
        headers={"Content-Disposition": f'attachment; filename="{table}.{format}"'},
    )
