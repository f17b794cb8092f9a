"""site.json: what is accepted, and for all else one sentence, which never repeats a secret."""

import copy

import pytest

from umeter_deploy.site_check import check

KEY = "00112233445566778899aabbccddeeff" * 2


def a_site(**changes):
    site = {
        "meter": "m1",
        "key": KEY,
        "wifi": [{"ssid": "home", "password": "wifi-secret"}],
        "broker": {"host": "broker.lan", "port": 1884, "user": "m1", "password": "mqtt-secret"},
        "plain_tcp": True,
    }
    site.update(changes)
    return site


def test_a_whole_site():
    site = check(a_site())
    assert site["meter"] == "m1"
    assert site["key"] == KEY
    assert site["wifi"] == [{"ssid": "home", "password": "wifi-secret"}]
    assert site["broker"] == {
        "host": "broker.lan", "port": 1884, "user": "m1", "password": "mqtt-secret",
    }  # fmt: skip
    assert site["plain_tcp"] is True


def test_defaults():
    given = a_site(wifi=[{"ssid": "open"}], broker={"host": "10.0.0.2"})
    before = copy.deepcopy(given)
    site = check(given)
    assert site["wifi"][0]["password"] == ""
    assert site["broker"] == {"host": "10.0.0.2", "port": 1883, "user": None, "password": None}
    assert check(site) == site
    assert given == before


REFUSED = [
    ([], "site.json: the document must be an object with meter, key"),
    (a_site(brocker={}), "site.json: the document has no key brocker, its keys are meter, key"),
    (a_site(meter=None), "site.json: meter must be a text of 1 to 32 characters"),
    (a_site(meter=""), "meter must be a text"),
    (a_site(meter="m" * 33), "meter must be a text"),
    (a_site(meter="a/b"), "meter must be letters, digits and - _ . only"),
    (a_site(meter="a+"), "meter must be letters"),
    (a_site(meter="#"), "meter must be letters"),
    (a_site(key=None), "key must be 64 hex digits"),
    (a_site(key=KEY[:-2]), "key must be 64 hex digits"),
    (a_site(key=KEY[:-1]), "key must be 64 hex digits"),
    (a_site(key=KEY[:-1] + "x"), "key must be 64 hex digits"),
    (a_site(key=KEY[:-1] + "é"), "key must be 64 hex digits"),
    (a_site(key=KEY[:32] + " " + KEY[32:]), "key must be 64 hex digits"),
    (a_site(wifi=[]), "wifi must be a list of at least one network"),
    (a_site(wifi={}), "wifi must be a list"),
    (a_site(wifi=["home"]), "wifi[0] must be an object with ssid, password"),
    (a_site(wifi=[{"ssid": "a"}, {"ssid": "b" * 33}]), "wifi[1].ssid must be a text of 1 to 32"),
    (a_site(wifi=[{"password": "b"}]), "wifi[0].ssid must be"),
    (a_site(wifi=[{"ssid": "a", "password": 5}]), "wifi[0].password must be"),
    (a_site(wifi=[{"ssid": "a", "pasword": "b"}]), "wifi[0] has no key pasword"),
    (a_site(broker=None), "broker must be an object with host, port"),
    (a_site(broker={}), "broker.host must be"),
    (a_site(broker={"host": "h", "port": 0}), "broker.port must be a number from 1 to 65535"),
    (a_site(broker={"host": "h", "port": True}), "broker.port must be"),
    (a_site(broker={"host": "h", "port": "1883"}), "broker.port must be"),
    (a_site(broker={"host": "h", "user": 7}), "broker.user must be"),
    (a_site(broker={"host": "h", "tls": True}), "broker has no key tls"),
    (a_site(plain_tcp=False), "plain_tcp must be true: this firmware speaks MQTT without TLS"),
    (a_site(plain_tcp=1), "plain_tcp must be true"),
]


@pytest.mark.parametrize("site, sentence", REFUSED, ids=[s for _, s in REFUSED])
def test_refused(site, sentence):
    with pytest.raises(ValueError) as refusal:
        check(site)
    text = str(refusal.value)
    assert sentence in text
    assert text.startswith("site.json: ") and "\n" not in text
    for secret in ("wifi-secret", "mqtt-secret", KEY[:30]):
        assert secret not in text
