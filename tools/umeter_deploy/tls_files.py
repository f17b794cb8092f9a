"""The certificates and the key that a site file names: read as PEM or DER, written as DER.

The board has mbedTLS, which takes one certificate at a time. What a broker would refuse, or the
board would only find out at its first handshake, is said here.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from umeter_deploy.site_check import ca_names, client_names

_MAX_BYTES = 4096  # of one file: the board holds it in its heap for a moment
_DER, _SPKI = Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo


def read(site: dict[str, Any], folder: Path, now_t: int) -> tuple[dict[str, bytes], list[str]]:
    """The board's files of a site, {name: DER}, and sentences about what is odd but allowed.

    site: a document that site_check.check() takes. folder: where its files lie. now_t: the Unix
    seconds that certificates are judged by. ValueError, one sentence, if a file is not good.
    """
    files, warnings = {}, []
    for i, name in enumerate(ca_names(site)):
        path = folder / name
        certificate = _certificate(path)
        if not _is_ca(certificate):
            raise ValueError(
                f"{path} is the certificate of no CA: name the one that signed the broker's"
            )
        warnings += _out_of_date(path, certificate, now_t)
        files[f"ca{i}.der"] = certificate.public_bytes(_DER)
    client = client_names(site)
    if client is not None:
        paths = folder / client[0], folder / client[1]
        certificate, key = _certificate(paths[0]), _private_key(paths[1])
        if certificate.public_key().public_bytes(_DER, _SPKI) != key.public_key().public_bytes(
            _DER, _SPKI
        ):
            raise ValueError(f"{paths[1]} is not the key of the certificate in {paths[0]}")
        warnings += _out_of_date(paths[0], certificate, now_t)
        files["client.der"] = certificate.public_bytes(_DER)
        # PKCS #8: the one form that every TLS library reads, whatever the kind of key.
        files["client_key.der"] = key.private_bytes(_DER, PrivateFormat.PKCS8, NoEncryption())
    for name, content in files.items():
        if len(content) > _MAX_BYTES:
            raise ValueError(f"{name} would have {len(content)} bytes: {_MAX_BYTES} are the most")
    return files, warnings


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None


def _certificate(path: Path) -> x509.Certificate:
    content = _content(path)
    try:
        if b"-----BEGIN" in content:
            found = x509.load_pem_x509_certificates(content)
        else:
            found = [x509.load_der_x509_certificate(content)]
    except ValueError:
        raise ValueError(f"There is no certificate in {path}") from None
    if len(found) != 1:
        raise ValueError(f"{path} holds {len(found)} certificates: give each a file of its own")
    return found[0]


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _private_key(path: Path) -> RSAPrivateKey | EllipticCurvePrivateKey:
    content = _content(path)
    pem = b"-----BEGIN" in content
    load = serialization.load_pem_private_key if pem else serialization.load_der_private_key
    try:
        key = load(content, None)
    except TypeError:
        raise ValueError(
            f"The key in {path} is locked by a password: the board has nobody to ask for it"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(f"There is no private key in {path}") from None
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey):
        raise ValueError(f"The key in {path} is of a kind that the board does not know: RSA or EC")
    return key


def _out_of_date(path: Path, certificate: x509.Certificate, now_t: int) -> list[str]:
    now = datetime.fromtimestamp(now_t, UTC)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        return [f"The certificate in {path} has expired on {end:%Y-%m-%d}."]
    if now < begin:
        return [f"The certificate in {path} is not valid before {begin:%Y-%m-%d}."]
    return []
