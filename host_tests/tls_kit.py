"""Certificates made on the spot, and servers that speak TLS, or something else instead.

ca = Authority("test CA")
with TlsServer(ca.issue("localhost")) as server:
    ...  # ca.der is what the board is given, server.port where it finds the echo
"""

import contextlib
import datetime
import ipaddress
import socket
import ssl
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Good on the host's clock and on the boards' (which begin in 2026), whatever the host's says.
FROM = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
UNTIL = datetime.datetime(2046, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Issued:
    """A certificate and its key. DER is what the board reads, PEM what servers read."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_der(self) -> bytes:
        return self._key_as(serialization.Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        return self._key_as(serialization.Encoding.PEM)

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """NAME.crt and NAME.key (PEM) in the folder: both paths."""
        folder.mkdir(parents=True, exist_ok=True)
        paths = folder / f"{name}.crt", folder / f"{name}.key"
        paths[0].write_bytes(self.pem)
        paths[1].write_bytes(self.key_pem)
        return paths

    def _key_as(self, encoding: serialization.Encoding) -> bytes:
        return self.key.private_bytes(
            encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


class Authority(Issued):
    """A certificate authority with a key of its own, signed by itself."""

    def __init__(
        self,
        name: str = "test CA",
        not_before: datetime.datetime = FROM,
        not_after: datetime.datetime = UNTIL,
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _named(name)
        builder = _builder(subject, subject, key, not_before, not_after)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        builder = builder.add_extension(_signs_certificates(), True)
        own = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(own, False)
        super().__init__(builder.sign(key, hashes.SHA256()), key)

    def issue(
        self,
        name: str = "localhost",
        *,
        names: list[str] | None = None,
        not_before: datetime.datetime = FROM,
        not_after: datetime.datetime = UNTIL,
        client: bool = False,
    ) -> Issued:
        """A certificate for a server, or a client. names: DNS names and addresses it is good for,
        by default the name itself; [] leaves only the common name.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_named(name), self.certificate.subject, key, not_before, not_after)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        builder = builder.add_extension(issuer, False)
        alternatives = [_alternative(each) for each in ([name] if names is None else names)]
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), False)
        return Issued(builder.sign(self.key, hashes.SHA256()), key)


class Server:
    """Accepts on 127.0.0.1 and serves each connection in a thread; `accepted` counts them."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        # Only shutdown() wakes a thread that waits in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def serve(self, peer: socket.socket) -> None:
        raise NotImplementedError

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._guarded, args=(peer,), daemon=True).start()

    def _guarded(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):
            self.serve(peer)


class TlsServer(Server):
    """Echoes over TLS. client_ca: whoever has no certificate of that authority is turned away.

    `clients` are the common names of those who had one; b"bye" ends a connection orderly.
    """

    def __init__(self, issued: Issued, client_ca: Issued | None = None):
        self._context = server_context(issued, client_ca)
        self.clients: list[str] = []
        super().__init__()

    def serve(self, peer: socket.socket) -> None:
        with self._context.wrap_socket(peer, server_side=True) as secure:
            certificate = secure.getpeercert()
            if certificate:
                self.clients.append(dict(pair[0] for pair in certificate["subject"])["commonName"])
            while (data := secure.recv(4096)) != b"bye" and data:
                secure.sendall(data)
            if data:
                secure.unwrap()


class GarbageServer(Server):
    """Answers the first bytes with something that is no TLS, then closes."""

    def __init__(self, answer: bytes = b"HTTP/1.0 400 Bad Request\r\n\r\n"):
        self._answer = answer
        super().__init__()

    def serve(self, peer: socket.socket) -> None:
        peer.recv(4096)
        peer.sendall(self._answer)


def server_context(issued: Issued, client_ca: Issued | None = None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        context.load_cert_chain(*issued.write(Path(folder), "server"))
    if client_ca:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=client_ca.der)
    return context


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _signs_certificates() -> x509.KeyUsage:
    return x509.KeyUsage(False, False, False, False, False, True, True, False, False)


def _builder(subject, issuer, key, not_before, not_after) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )
