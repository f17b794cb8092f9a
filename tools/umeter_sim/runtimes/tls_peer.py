"""The board's TLS on CPython: what mbedTLS does on the chip, done by OpenSSL on the same TCP
connection.

TLS 1.2, as the ESP32's firmware is built. OpenSSL verifies nothing here: dates count by the
board's clock, so certificates.py judges once the handshake is done, before any byte of the board
leaves.
"""

import socket
import ssl
import tempfile
from pathlib import Path

from umeter_sim.runtimes.certificates import (
    certificate_pem,
    flaws,
    is_certificate,
    is_key,
    key_pem,
)

# Errors of a TLS connection, beside those of TCP; VERIFY is or'ed with mbedTLS' flags.
GARBAGE, ALERT, EARLY_END, VERIFY = 5, 6, 7, 0x1000
AUTHORITY, CERTIFICATE, KEY = 0, 1, 2


class Context:
    """What an SSLContext of the board knows."""

    def __init__(self) -> None:
        self.authorities: list[bytes] = []
        self._own: dict[int, bytes] = {}

    def load(self, kind: int, der: bytes) -> int:
        """0, or -1 for what is no certificate or no key."""
        if not (is_key(der) if kind == KEY else is_certificate(der)):
            return -1
        if kind == AUTHORITY:
            self.authorities.append(der)
        else:
            self._own[kind] = der
        return 0

    def openssl(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        if self._own:
            with tempfile.TemporaryDirectory() as folder:  # OpenSSL reads them from files only
                certificate, key = Path(folder, "certificate"), Path(folder, "key")
                certificate.write_bytes(certificate_pem(self._own[CERTIFICATE]))
                key.write_bytes(key_pem(self._own[KEY]))
                context.load_cert_chain(certificate, key)
        return context


class Handshake:
    """The handshake of one connection, begun. name: "" if the server's does not matter."""

    def __init__(
        self, context: Context, sock: socket.socket, name: str, unix_s: int, verify: bool
    ):
        self._context = context
        self._name = name
        self._unix_s = unix_s
        self._verify = verify
        self.done = False
        self.sock = context.openssl().wrap_socket(
            sock, server_hostname=name or None, do_handshake_on_connect=False
        )

    def advance(self) -> int:
        """As far as it goes without waiting: the number of what is wrong with the server, 0 for
        nothing. OSError if the connection fails.
        """
        try:
            self.sock.do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        self.done = True
        if not self._verify:
            return 0
        der = self.sock.getpeercert(binary_form=True) or b""
        try:
            flags = flaws(der, self._context.authorities, self._name, self._unix_s)
        except ValueError:
            return GARBAGE
        return VERIFY | flags if flags else 0


def failure(error: OSError) -> int:
    """The number of an error of a TLS connection; 0 for one of the TCP connection below it."""
    if isinstance(error, ssl.SSLEOFError):
        return EARLY_END
    if isinstance(error, ssl.SSLError):
        return ALERT if "ALERT" in (error.reason or "") else GARBAGE
    return 0
