"""The site.json of a new meter, put together from single answers, each judged by itself.

The rules are those of site_check: an answer is tried in a document that is good otherwise.
"""

from pathlib import Path
from typing import Any

from umeter_deploy import site_check

_GOOD = {
    "meter": "m1",
    "key": "00" * 32,
    "wifi": [{"ssid": "s"}],
    "broker": {"host": "h"},
    "plain_tcp": True,
}
_CERTIFICATES = (b"-----BEGIN CERTIFICATE", b"\x30\x82")  # PEM; DER of 256 bytes or more


def meter(name: str) -> str:
    """ValueError, a sentence without its subject's file, if no meter can be called so; so do the
    others here.
    """
    return _tried("meter", name)


def network(ssid: str, password: str) -> dict[str, str]:
    """password: "" of an open network."""
    _tried("wifi", [{"ssid": ssid, "password": password}])
    return {"ssid": ssid, "password": password}


def broker(address: str) -> dict[str, Any]:
    """address: HOST or HOST:PORT."""
    host, colon, port = address.rpartition(":")
    if not colon:
        return _tried("broker", {"host": address})
    if not port.isascii() or not port.isdigit():
        raise ValueError(f"{address} is no broker: HOST or HOST:PORT, without mqtt:// before it")
    return _tried("broker", {"host": host, "port": int(port)})


def authority(path: str) -> Path:
    """The file of the CA, by its full path."""
    file = Path(path).expanduser().absolute()
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    if not any(begin in content for begin in _CERTIFICATES):
        raise ValueError(f"There is no certificate in {path}")
    return file


def template(
    networks: list[dict[str, str]], broker: dict[str, Any], ca: Path | None, ntp: str | None
) -> dict[str, Any]:
    """A site.json without meter and key. ca: None without TLS."""
    document: dict[str, Any] = {"wifi": networks, "broker": broker}
    if ntp is not None:
        document["ntp"] = _tried("ntp", ntp)
    return document | ({"plain_tcp": True} if ca is None else {"ca": str(ca)})


def _tried(name: str, value: Any) -> Any:
    try:
        site_check.check({**_GOOD, name: value}, 0)
    except ValueError as error:
        raise ValueError(str(error).removeprefix("site.json: ")) from None
    return value
