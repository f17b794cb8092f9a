"""Styles, scripts and pictures: read once, served by name and digest, never from anywhere else.

A name with its digest is kept by browsers for a year. Only what was found at the start is served,
so that no path can lead out of the folder.
"""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from umeter_station.api.problems import refuse
from umeter_station.errors import StationError

FOLDER = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".png": "image/png",
}
# Made from npm's packages by the set-up; without them there are no charts and no live tables.
NEEDED = ("vendor/htmx.min.js", "vendor/uPlot.iife.min.js", "vendor/uPlot.min.css")
_YEAR = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    body: bytes
    packed: bytes
    digest: str
    media_type: str


class Assets:
    """Raises StationError if what the set-up makes is not there."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._found = {
            str(path.relative_to(folder)): _read(path)
            for path in sorted(folder.rglob("*"))
            if path.suffix in _TYPES
        }
        missing = [name for name in NEEDED if name not in self._found]
        if missing:
            raise StationError(
                f"The pages lack {', '.join(missing)}; `make setup` puts them into {folder}."
            )

    def url(self, name: str) -> str:
        """Raises KeyError for what there is not."""
        return f"/static/{name}?v={self._found[name].digest}"

    def route(self) -> Route:
        return Route("/static/{name:path}", self._serve, name="static")

    async def _serve(self, request: Request) -> Response:
        asset = self._found.get(request.path_params["name"])
        if asset is None:
            raise refuse(404, "There is no such file.")
        headers = {"Vary": "Accept-Encoding"}
        is_this = request.query_params.get("v") == asset.digest
        headers["Cache-Control"] = _YEAR if is_this else "no-cache"
        packs = "gzip" in request.headers.get("Accept-Encoding", "")
        if packs and len(asset.packed) < len(asset.body):
            headers["Content-Encoding"] = "gzip"
            return Response(asset.packed, headers=headers, media_type=asset.media_type)
        return Response(asset.body, headers=headers, media_type=asset.media_type)


def _read(path: Path) -> Asset:
    body = path.read_bytes()
    digest = hashlib.sha256(body).hexdigest()[:12]
    return Asset(body, gzip.compress(body, 9, mtime=0), digest, _TYPES[path.suffix])
