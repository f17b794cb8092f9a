"""A bundle from the firmware's source, for one board."""

import re
from pathlib import Path
from typing import Any

from umeter_deploy import bundle, parts
from umeter_deploy.bundle import Bundle

# Where the numbers of a release stand. The journal's: what the order that takes it compares.
_RELEASE = ("__init__.py", r"^RELEASE = (\d+)")
_VERSION = ("__init__.py", r'^__version__ = "([^"]+)"')
_FORMAT = r"^FORMAT = const\((\d+)\)"
_FORMATS = (("core/journal.py", _FORMAT), ("core/channel_record.py", _FORMAT))
# Which way a board's broker is reached its site decides: a bundle has both.
_EITHER_WAY = ("umeter/net/ntp.mpy", "umeter/net/tls.mpy")
_PLAIN_SITE = {
    "meter": "any",
    "key": "00" * 32,
    "wifi": [{"ssid": "any", "password": "anything"}],
    "broker": {"host": "any", "port": 1883},
    "plain_tcp": True,
}


def build(board: dict[str, Any], firmware: Path, built: Path | None = None) -> Bundle:
    """board: the document of a board.json. firmware: the source tree. built: its .mpy files if
    they are there already. ValueError, one sentence, if something is not good.
    """
    from umeter_sim.build import BuildError, build_firmware

    paths = sorted({*parts.needed(board, _PLAIN_SITE, firmware), *_EITHER_WAY})
    if built is None:
        try:
            built = build_firmware(firmware).folder
        except BuildError as error:
            raise ValueError(f"the firmware does not compile: {error}") from None
    large, small = (int(_told(firmware, *where)) for where in _FORMATS)
    return bundle.make(
        int(_told(firmware, *_RELEASE)),
        _told(firmware, *_VERSION),
        board["name"],
        large * 100 + small,
        {path: (built / path).read_bytes() for path in paths},
    )


def _told(firmware: Path, name: str, pattern: str) -> str:
    found = re.search(pattern, (firmware / "umeter" / name).read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{firmware / 'umeter' / name} lacks a line like {pattern}")
    return found[1]
