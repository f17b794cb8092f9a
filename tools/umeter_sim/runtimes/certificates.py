"""How the simulated boards judge a server's certificate: as mbedTLS does, by the board's own
clock. The twin of node/certificates.mjs.
"""

import datetime
import ipaddress

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

# mbedTLS' flags of a certificate that is not good.
EXPIRED, OTHER_NAME, NOT_TRUSTED, IN_THE_FUTURE = 0x01, 0x04, 0x08, 0x200


def flaws(der: bytes, authorities: list[bytes], name: str, unix_s: int) -> int:
    """What is wrong with the certificate of the server `name` at that time: flags, 0 for nothing.

    It must be signed by one of the authorities itself; their dates count too.
    """
    leaf = x509.load_der_x509_certificate(der)
    issuer = next(filter(None, (_issuer(leaf, each) for each in authorities)), None)
    flags = 0 if issuer else NOT_TRUSTED
    now = datetime.datetime.fromtimestamp(unix_s, datetime.UTC)
    for certificate in filter(None, (leaf, issuer)):
        if now > certificate.not_valid_after_utc:
            flags |= EXPIRED
        if now < certificate.not_valid_before_utc:
            flags |= IN_THE_FUTURE
    return flags if _is_for(leaf, name) else flags | OTHER_NAME


def is_certificate(der: bytes) -> bool:
    try:
        x509.load_der_x509_certificate(der)
    except ValueError:
        return False
    return True


def is_key(der: bytes) -> bool:
    """True for a private key in DER without a password."""
    try:
        serialization.load_der_private_key(der, None)
    except (ValueError, TypeError):
        return False
    return True


def certificate_pem(der: bytes) -> bytes:
    certificate = x509.load_der_x509_certificate(der)
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(der: bytes) -> bytes:
    return serialization.load_der_private_key(der, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _issuer(leaf: x509.Certificate, der: bytes) -> x509.Certificate | None:
    """The authority, if it is one and has signed the leaf."""
    authority = x509.load_der_x509_certificate(der)
    try:
        constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints)
        leaf.verify_directly_issued_by(authority)
    except (x509.ExtensionNotFound, InvalidSignature, ValueError, TypeError):
        return None
    return authority if constraints.value.ca else None


def _is_for(leaf: x509.Certificate, name: str) -> bool:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        common = leaf.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return any(_matches(str(each.value), name) for each in common)
    try:
        return ipaddress.ip_address(name) in names.get_values_for_type(x509.IPAddress)
    except ValueError:
        return any(_matches(each, name) for each in names.get_values_for_type(x509.DNSName))


def _matches(pattern: str, name: str) -> bool:
    """A star stands for the first label only."""
    pattern, name = pattern.lower(), name.lower()
    if pattern.startswith("*."):
        return "." in name and name.partition(".")[2] == pattern[2:]
    return pattern == name
