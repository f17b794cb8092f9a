"""site.json: which meter this is and how it reaches its station.

Pure. {"meter": "m1", "key": 64 hex digits, "wifi": [{"ssid", "password"}], "broker": {"host",
"port", "user", "password"}, "plain_tcp": true}. `password` of an open network, `port` (1883), and
`user` with `password` of a broker that asks for none may be left out: the board, which has none of
this code, reads what check() returns. The file holds secrets: no sentence here repeats a value of
it.
"""

from binascii import unhexlify
from typing import Any

KEYS = ("meter", "key", "wifi", "broker", "plain_tcp")
_MAX_METER_CHARS = 32


def _refuse(path, right):
    raise ValueError("site.json: %s must be %s" % (path, right))


def _fields(path, table, known):
    if not isinstance(table, dict):
        _refuse(path, "an object with " + ", ".join(known))
    for key in table:
        if key not in known:
            raise ValueError(
                "site.json: %s has no key %s, its keys are %s" % (path, key, ", ".join(known))
            )


def _text(path, value, longest):
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        _refuse(path, "a text of 1 to %d characters" % longest)
    return value


def _meter(name):
    _text("meter", name, _MAX_METER_CHARS)
    for c in name:
        if not ("a" <= c <= "z" or "A" <= c <= "Z" or "0" <= c <= "9" or c in "-_."):
            _refuse("meter", "letters, digits and - _ . only: it is part of the topic names")
    return name


def _key(text):
    try:
        right = len(unhexlify(text)) == 32
    except (ValueError, TypeError):
        right = False
    if not right:
        _refuse("key", "64 hex digits, this meter's own secret")
    return text


def _wifi(networks):
    if not isinstance(networks, list) or not networks:
        _refuse("wifi", "a list of at least one network")
    return [_network("wifi[%d]" % i, entry) for i, entry in enumerate(networks)]


def _network(path, entry):
    _fields(path, entry, ("ssid", "password"))
    entry = {"ssid": entry.get("ssid"), "password": entry.get("password", "")}
    _text(path + ".ssid", entry["ssid"], 32)
    if entry["password"] != "":
        _text(path + ".password", entry["password"], 64)
    return entry


def _broker(broker):
    _fields("broker", broker, ("host", "port", "user", "password"))
    _text("broker.host", broker.get("host"), 253)
    port = broker.get("port", 1883)
    if type(port) is not int or not 0 < port < 65536:
        _refuse("broker.port", "a number from 1 to 65535")
    for name in ("user", "password"):
        if broker.get(name) is not None:
            _text("broker." + name, broker[name], 128)
    return {"user": None, "password": None, **broker, "port": port}


def check(site: Any) -> dict[str, Any]:
    """The document with its defaults, a new one; `key` stays hex. ValueError, one sentence, says
    what is wrong.
    """
    _fields("the document", site, KEYS)
    if site.get("plain_tcp") is not True:
        _refuse("plain_tcp", "true: this firmware speaks MQTT without TLS, which you have to want")
    return {
        "meter": _meter(site.get("meter")),
        "key": _key(site.get("key")),
        "wifi": _wifi(site.get("wifi")),
        "broker": _broker(site.get("broker")),
        "plain_tcp": True,
    }
