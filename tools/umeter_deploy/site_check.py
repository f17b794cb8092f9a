"""site.json: which meter this is and how it reaches its station.

Pure. {"meter": "m1", "key": 64 hex digits, "wifi": [{"ssid", "password"}, ...], "brokers":
[{"host", "port", "user", "password", "tls", "name"}, ...], "ca": "ca.pem", "client": {"cert":
"m1.pem", "key": "m1.key"}, "ntp": "pool.ntp.org", "plain_tcp": true}. The board tries up to 4
networks and up to 2 brokers in turn. May be left out: `password` of an open network; `port` (8883,
without TLS 1883), `user` with `password` of a broker that asks for none, and `name`, which its
certificate must carry (as `host`); `client`; `ntp`. One broker may be written as "broker": {...}.

TLS is the rule, and needs `ca`: one or two files, what the broker's certificate is checked by.
"plain_tcp": true allows a broker without it, and then a broker's `tls` is false if it is left out.

The file holds secrets: no sentence here repeats a value of it.
"""

from binascii import unhexlify
from typing import Any, Never

KEYS = ("meter", "key", "wifi", "broker", "brokers", "ca", "client", "ntp", "plain_tcp")
MAX_CA = 2
_NTP = "pool.ntp.org"
_MAX_METER_CHARS = 32
_MAX_WIFI = 4
_MAX_BROKERS = 2


def _refuse(path: str, right: str) -> Never:
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


def _several(path, entries, longest, what):
    if not isinstance(entries, list) or not 0 < len(entries) <= longest:
        _refuse(path, "a list of 1 to %d %s" % (longest, what))
    return [("%s[%d]" % (path, i), entry) for i, entry in enumerate(entries)]


def _network(path, entry):
    _fields(path, entry, ("ssid", "password"))
    entry = {"ssid": entry.get("ssid"), "password": entry.get("password", "")}
    _text(path + ".ssid", entry["ssid"], 32)
    if entry["password"] != "":
        _text(path + ".password", entry["password"], 64)
    return entry


def _brokers(site):
    if ("broker" in site) == ("brokers" in site):
        _refuse("brokers", "there, a list of 1 to 2 brokers (or broker: one, not both)")
    if "broker" in site:
        return [("broker", site["broker"])]
    return _several("brokers", site["brokers"], _MAX_BROKERS, "brokers")


def _broker(path, broker, plain_tcp):
    _fields(path, broker, ("host", "port", "user", "password", "tls", "name"))
    host = _text(path + ".host", broker.get("host"), 253)
    tls = broker.get("tls", not plain_tcp)
    if tls not in (True, False):
        _refuse(path + ".tls", "true or false")
    if not tls and not plain_tcp:
        raise ValueError(
            "site.json: %s has no TLS: plain TCP must be allowed explicitly, by plain_tcp: true"
            % path
        )
    port = broker.get("port", 8883 if tls else 1883)
    if type(port) is not int or not 0 < port < 65536:
        _refuse(path + ".port", "a number from 1 to 65535")
    for name in ("user", "password"):
        if broker.get(name) is not None:
            _text(path + "." + name, broker[name], 128)
    return {
        "host": host,
        "port": port,
        "user": broker.get("user"),
        "password": broker.get("password"),
        "tls": int(tls),
        "name": _text(path + ".name", broker.get("name", host), 253),
    }


def ca_names(site: dict[str, Any]) -> list[str]:
    """The files of `ca`, as site.json names them; of a checked one, as they lie beside it.
    ValueError, one sentence, if it names none that can be.
    """
    names = site.get("ca", [])
    if type(names) is int and 0 <= names <= MAX_CA:
        return ["ca%d.der" % i for i in range(names)]
    if isinstance(names, str):
        names = [names]
    if not isinstance(names, list) or len(names) > MAX_CA:
        _refuse("ca", "a file's name, or a list of at most %d" % MAX_CA)
    return [_text("ca", name, 1000) for name in names]


def client_names(site: dict[str, Any]) -> tuple[str, str] | None:
    """The files of the board's own certificate and of its key, as ca_names() gives them; None
    without.
    """
    client = site.get("client", 0)
    if type(client) is int and client in (0, 1):
        return ("client.der", "client_key.der") if client else None
    _fields("client", client, ("cert", "key"))
    return (
        _text("client.cert", client.get("cert"), 1000),
        _text("client.key", client.get("key"), 1000),
    )


def check(site: Any, made_t: int) -> dict[str, Any]:
    """What the board reads, a new document: "brokers" with every field (`tls` 0 or 1), "ca" the
    number of files, "client" 0 or 1, and "made_t", the Unix seconds of now. `key` stays hex. What
    check() returned can be checked again. ValueError, one sentence, says what is wrong.
    """
    _fields("the document", site, KEYS + ("made_t",))
    plain_tcp = site.get("plain_tcp", False)
    if not isinstance(plain_tcp, bool):
        _refuse("plain_tcp", "true or false")
    checked = {
        "meter": _meter(site.get("meter")),
        "key": _key(site.get("key")),
        "wifi": [_network(*e) for e in _several("wifi", site.get("wifi"), _MAX_WIFI, "networks")],
        "brokers": [_broker(*entry, plain_tcp) for entry in _brokers(site)],
        "ca": len(ca_names(site)),
        "client": int(client_names(site) is not None),
        "ntp": _text("ntp", site.get("ntp", _NTP), 253),
        "made_t": made_t,
        "plain_tcp": plain_tcp,
    }
    _tls_is_whole(checked)
    return checked


def _tls_is_whole(checked):
    if any(broker["tls"] for broker in checked["brokers"]):
        if not checked["ca"]:
            _refuse(
                "ca",
                "there: TLS needs the CA's file, the one that signed the broker's certificate",
            )
        return
    for name in ("ca", "client"):
        if checked[name]:
            raise ValueError(
                'site.json: %s is of no use without TLS; give the broker "tls": true, or leave it'
                " out" % name
            )
