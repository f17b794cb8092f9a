"""A new meter: its key and its broker's password are made, and put where they are needed."""

import json
import secrets
from pathlib import Path
from typing import Any

from umeter_deploy import files
from umeter_station import broker_config, meters
from umeter_station.errors import StationError
from umeter_station.secrets import KEY_BYTES
from umeter_station.station import Books

_FILLED_IN = ("meter", "key")


def new_meter(books: Books, meter: str, template: Path, folder: Path) -> list[str]:
    """Write the site's files for a new meter into `folder`, ready for its board, and register it.

    template: a site.json without `meter` and `key`; the brokers' `user` and `password` are filled
    in, too. Nobody is shown the secrets. Returns sentences about what is odd but allowed. Raises
    StationError, and then nothing has changed.
    """
    key, password = secrets.token_bytes(KEY_BYTES), broker_config.new_password()
    document = _filled_in(template, meter, key, password)
    now_s = books.clock.now_s()
    try:
        contents, warnings = files.site_files(document, template.parent, now_s)
    except ValueError as error:
        raise StationError(f"{template}: {error}.") from None
    if (folder / "site.json").exists():
        raise StationError(
            f"{folder / 'site.json'} is there already, and its key may be in use; name another"
            " folder."
        )
    with books.db.write() as conn:
        if meters.find(conn, meter) is not None:
            raise StationError(f"Meter {meter} is known already; name the new one otherwise.")
        meters.add(conn, meter, key, now_s, broker_config.hashed(password))
        try:
            # Last: if it fails, the meter is not registered either.
            files.write(folder, contents)
        except OSError as error:
            raise StationError(f"{folder} cannot be written ({error.strerror}).") from None
    return warnings


def _filled_in(template: Path, meter: str, key: bytes, password: str) -> dict[str, Any]:
    try:
        document = json.loads(template.read_text(encoding="utf-8"))
    except OSError as error:
        raise StationError(f"{template} cannot be read ({error.strerror}).") from None
    except ValueError as error:
        raise StationError(f"{template} is not JSON ({error}); correct it.") from None
    if not isinstance(document, dict):
        raise StationError(f"{template} must be an object, a site.json without a meter's secrets.")
    for name in _FILLED_IN:
        if name in document:
            raise StationError(f"{template} has a {name}; leave it out, each meter gets its own.")
    brokers = document.get("brokers", [document.get("broker")])
    for broker in brokers if isinstance(brokers, list) else ():
        if isinstance(broker, dict):
            broker.update(user=meter, password=password)
    return {"meter": meter, "key": key.hex(), **document}
