"""site.json: what is accepted, and for all else one sentence, which never repeats a secret."""

import copy

import pytest

from umeter_deploy import site_check

KEY = "00112233445566778899aabbccddeeff" * 2
NOW_T = 1_790_000_000
PLAIN = {"host": "broker.lan", "port": 1884, "user": "m1", "password": "mqtt-secret"}
TLS = {"host": "10.0.0.2", "name": "broker.lan"}


def check(site):
    return site_check.check(site, NOW_T)


def a_site(**changes):
    site = {
        "meter": "m1",
        "key": KEY,
        "wifi": [{"ssid": "home", "password": "wifi-secret"}],
        "broker": PLAIN,
        "plain_tcp": True,
    }
    if "brokers" in changes:
        del site["broker"]
    site.update(changes)
    return site


def a_tls_site(**changes):
    site = a_site(broker=TLS, ca="ca.pem")
    del site["plain_tcp"]
    return site | changes


def test_a_whole_site():
    site = a_tls_site(ca=["a.pem", "b.pem"], client={"cert": "c", "key": "k"}, ntp="10.0.0.1")
    assert check(site) == {
        "meter": "m1",
        "key": KEY,
        "wifi": [{"ssid": "home", "password": "wifi-secret"}],
        "brokers": [
            {"host": "10.0.0.2", "port": 8883, "user": None, "password": None, "tls": 1,
             "name": "broker.lan"},
        ],
        "ca": 2,
        "client": 1,
        "ntp": "10.0.0.1",
        "made_t": NOW_T,
        "plain_tcp": False,
    }  # fmt: skip


def test_what_is_left_out():
    given = a_site(wifi=[{"ssid": "open"}], broker={"host": "10.0.0.2"})
    before = copy.deepcopy(given)
    site = check(given)
    assert site["wifi"][0]["password"] == ""
    assert site["brokers"] == [
        {"host": "10.0.0.2", "port": 1883, "user": None, "password": None, "tls": 0,
         "name": "10.0.0.2"},
    ]  # fmt: skip
    assert (site["ca"], site["client"], site["ntp"]) == (0, 0, "pool.ntp.org")
    assert site["plain_tcp"] is True
    assert given == before


def test_two_brokers_one_of_them_plain():
    site = a_site(brokers=[TLS | {"tls": True}, PLAIN | {"tls": False}], ca="ca.pem")
    tls, plain = check(site)["brokers"]
    assert (tls["tls"], tls["port"], tls["name"]) == (1, 8883, "broker.lan")
    assert (plain["tls"], plain["port"], plain["name"]) == (0, 1884, "broker.lan")


@pytest.mark.parametrize("site", [a_site(), a_tls_site(client={"cert": "c", "key": "k"})])
def test_what_was_checked_can_be_checked_again(site):
    checked = check(site)
    again = site_check.check(checked, NOW_T + 5)
    assert again == checked | {"made_t": NOW_T + 5}
    assert site_check.ca_names(again) == ["ca0.der"][: again["ca"]]
    if again["client"]:
        assert site_check.client_names(again) == ("client.der", "client_key.der")


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
    (a_site(wifi=[]), "wifi must be a list of 1 to 4 networks"),
    (a_site(wifi={}), "wifi must be a list"),
    (a_site(wifi=["home"]), "wifi[0] must be an object with ssid, password"),
    (a_site(wifi=[{"ssid": "a"}, {"ssid": "b" * 33}]), "wifi[1].ssid must be a text of 1 to 32"),
    (a_site(wifi=[{"password": "b"}]), "wifi[0].ssid must be"),
    (a_site(wifi=[{"ssid": "a", "password": 5}]), "wifi[0].password must be"),
    (a_site(wifi=[{"ssid": "a", "pasword": "b"}]), "wifi[0] has no key pasword"),
    (a_site(wifi=[{"ssid": "a"}] * 5), "wifi must be a list of 1 to 4 networks"),
    (a_site(broker=None), "broker must be an object with host, port"),
    (a_site(broker={}), "broker.host must be"),
    (a_site(broker={"host": "h", "port": 0}), "broker.port must be a number from 1 to 65535"),
    (a_site(broker={"host": "h", "port": True}), "broker.port must be"),
    (a_site(broker={"host": "h", "port": "1883"}), "broker.port must be"),
    (a_site(broker={"host": "h", "user": 7}), "broker.user must be"),
    (a_site(broker={"host": "h", "tls": 2}), "broker.tls must be true or false"),
    (a_site(broker={"host": "h", "name": ""}), "broker.name must be a text"),
    (a_site(brokers=[]), "brokers must be a list of 1 to 2 brokers"),
    (a_site(brokers=[PLAIN] * 3), "brokers must be a list of 1 to 2 brokers"),
    (a_site(brokers=[PLAIN], broker=PLAIN), "(or broker: one, not both)"),
    (a_site(brokers=[PLAIN, {}]), "brokers[1].host must be"),
    (a_site(plain_tcp=1), "plain_tcp must be true or false"),
    (a_tls_site(plain_tcp=False) | {"broker": PLAIN | {"tls": False}},
     "broker has no TLS: plain TCP must be allowed explicitly, by plain_tcp: true"),
    (a_site(plain_tcp=False), "ca must be there: TLS needs"),
    (a_site(ca="ca.pem"), 'ca is of no use without TLS; give the broker "tls": true'),
    (a_site(client={"cert": "c", "key": "k"}), "client is of no use without TLS"),
    (a_tls_site(ca=[]), "ca must be there: TLS needs the CA's file"),
    (a_tls_site(ca=["a", "b", "c"]), "ca must be a file's name, or a list of at most 2"),
    (a_tls_site(ca=3), "ca must be a file's name"),
    (a_tls_site(ca=[""]), "ca must be a text of 1 to 1000"),
    (a_tls_site(client={"cert": "c"}), "client.key must be a text"),
    (a_tls_site(client="c"), "client must be an object with cert, key"),
    (a_tls_site(ntp=""), "ntp must be a text of 1 to 253"),
]  # fmt: skip


@pytest.mark.parametrize("site, sentence", REFUSED, ids=[s for _, s in REFUSED])
def test_refused(site, sentence):
    with pytest.raises(ValueError) as refusal:
        check(site)
    text = str(refusal.value)
    assert sentence in text
    assert text.startswith("site.json: ") and "\n" not in text
    for secret in ("wifi-secret", "mqtt-secret", KEY[:30]):
        assert secret not in text
