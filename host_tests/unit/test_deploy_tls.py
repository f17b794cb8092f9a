"""What a site file names: certificates and keys, as the board takes them, or one sentence."""

import datetime
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from typer.testing import CliRunner

from tls_kit import Authority
from umeter_deploy import files, site_check
from umeter_deploy.cli import app

NOW_T = 1_790_000_000
CA, OTHER_CA = Authority("one"), Authority("two")
CLIENT = CA.issue("m1", client=True)
OLD = Authority("old", not_after=datetime.datetime(2021, 5, 1, tzinfo=datetime.UTC))
LOCKED = CLIENT.key.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.BestAvailableEncryption(b"secret"),
)
ED25519 = ed25519.Ed25519PrivateKey.generate().private_bytes(
    serialization.Encoding.DER,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
)
# Older tools write an EC key like this.
SEC1 = CLIENT.key.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.TraditionalOpenSSL,
    serialization.NoEncryption(),
)


@pytest.fixture
def folder(tmp_path):
    contents = {
        "ca.pem": CA.pem,
        "ca.der": CA.der,
        "other.pem": OTHER_CA.pem,
        "both.pem": CA.pem + OTHER_CA.pem,
        "old.pem": OLD.pem,
        "client.pem": CLIENT.pem,
        "client.der": CLIENT.der,
        "client.key": CLIENT.key_pem,
        "key.der": CLIENT.key_der,
        "sec1.key": SEC1,
        "locked.key": LOCKED,
        "ed25519.key": ED25519,
        "other.key": OTHER_CA.key_pem,
        "text": b"hello",
        "broken.pem": CA.pem[:60] + CA.pem[70:],
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def a_site(ca, cert=None, key=None):
    client = {} if cert is None else {"client": {"cert": cert, "key": key}}
    return {
        "meter": "m1",
        "key": "ab" * 32,
        "wifi": [{"ssid": "home"}],
        "broker": {"host": "broker.lan"},
        "ca": ca,
        **client,
    }


@pytest.mark.parametrize("ca", ["ca.pem", ["ca.der"]])
@pytest.mark.parametrize(
    "client", [("client.pem", "client.key"), ("client.der", "key.der"), ("client.pem", "sec1.key")]
)
def test_pem_or_der_the_board_gets_der(folder, ca, client):
    contents, warnings = files.site_files(a_site(ca, *client), folder, NOW_T)
    assert warnings == []
    assert contents["ca0.der"] == CA.der
    assert contents["client.der"] == CLIENT.der
    assert contents["client_key.der"] == CLIENT.key_der
    assert set(contents) == {"site.json", "ca0.der", "client.der", "client_key.der"}
    assert contents["site.json"] == files.site_text(a_site(ca, *client), NOW_T)


def test_two_authorities(folder):
    contents, _ = files.site_files(a_site(["other.pem", "ca.pem"]), folder, NOW_T)
    assert (contents["ca0.der"], contents["ca1.der"]) == (OTHER_CA.der, CA.der)


def test_without_tls_there_is_but_the_site(folder):
    site = a_site(None) | {"plain_tcp": True}
    del site["ca"]
    assert list(files.site_files(site, folder, NOW_T)[0]) == ["site.json"]


@pytest.mark.parametrize(
    "site, sentence",
    [
        (a_site("text"), "There is no certificate in {}/text"),
        (a_site("client.key"), "There is no certificate in {}/client.key"),
        (a_site("broken.pem"), "There is no certificate in {}/broken.pem"),
        (a_site("absent"), "{}/absent cannot be read: No such file or directory"),
        (a_site("both.pem"), "{}/both.pem holds 2 certificates: give each a file of its own"),
        (a_site("client.pem"), "{}/client.pem is the certificate of no CA: name the one that"),
        (a_site("ca.pem", "client.pem", "text"), "There is no private key in {}/text"),
        (a_site("ca.pem", "client.pem", "ca.pem"), "There is no private key in {}/ca.pem"),
        (
            a_site("ca.pem", "client.pem", "other.key"),
            "{0}/other.key is not the key of the certificate in {0}/client.pem",
        ),
        (a_site("ca.pem", "client.pem", "locked.key"), "locked.key is locked by a password"),
        (a_site("ca.pem", "client.pem", "ed25519.key"), "ed25519.key is of a kind that the board"),
    ],
)
def test_refused(folder, site, sentence):
    with pytest.raises(ValueError) as refusal:
        files.site_files(site, folder, NOW_T)
    text = str(refusal.value)
    assert sentence.format(folder) in text and "\n" not in text


def test_a_file_too_large_for_the_board(folder):
    long = CA.issue("m1", names=["x" * 60 + str(i) for i in range(70)], client=True)
    paths = long.write(folder, "long")
    site = a_site("ca.pem", paths[0].name, paths[1].name)
    with pytest.raises(ValueError, match=r"client.der would have \d+ bytes: 4096 are the most"):
        files.site_files(site, folder, NOW_T)


def test_an_expired_certificate_is_a_warning(folder):
    contents, warnings = files.site_files(a_site("old.pem"), folder, NOW_T)
    assert contents["ca0.der"] == OLD.der
    assert warnings == [f"The certificate in {folder}/old.pem has expired on 2021-05-01."]
    _, warnings = files.site_files(a_site("ca.pem"), folder, 1)
    assert warnings == [f"The certificate in {folder}/ca.pem is not valid before 2020-01-01."]


def test_umeter_check_writes_them_and_reads_its_own_writing(folder):
    (folder / "m1.json").write_text(json.dumps(a_site("old.pem", "client.pem", "client.key")))
    for source, to in (folder / "m1.json", folder / "a"), (folder / "a", folder / "b"):
        if source.is_dir():
            source = source / "site.json"
        done = CliRunner().invoke(app, ["check", str(source), "--to", str(to)])
        assert done.exit_code == 0 and "has expired" in done.stderr
        assert f"{to / 'client_key.der'} is for the board." in done.stdout
        assert {path.stat().st_mode & 0o777 for path in to.iterdir()} == {0o600}
    for name in "ca0.der", "client.der", "client_key.der":
        assert (folder / "a" / name).read_bytes() == (folder / "b" / name).read_bytes()
    assert site_check.ca_names(files.read(folder / "b" / "site.json")) == ["ca0.der"]
