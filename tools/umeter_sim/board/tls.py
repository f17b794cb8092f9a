"""`tls` with the rules of MicroPython 1.29 over mbedTLS, on the host's real TLS.

The rules that matter: the handshake is part of the first reads and writes, each of which gives
None while it goes on; what is wrong with a certificate is a ValueError in mbedTLS' words, other
failures are OSErrors with negative numbers; a socket that has failed polls as 0x20, and has let
go of its TCP socket, which somebody has to close. Dates are judged by the board's RTC.
"""

import machine
import simhost
import uctypes
from micropython import const

PROTOCOL_TLS_CLIENT = const(0)
PROTOCOL_TLS_SERVER = const(1)
CERT_NONE = const(0)
CERT_OPTIONAL = const(1)
CERT_REQUIRED = const(2)
MBEDTLS_VERSION = "Mbed TLS 3.6.4"

_READABLE = const(1)
_WRITABLE = const(4)
_INVALID = const(0x20)
_NOTHING = const(-1)
_UNIX_OF_EPOCH = const(946684800)
_AUTHORITY = const(0)
_CERTIFICATE = const(1)
_KEY = const(2)
# The numbers of errors that simhost adds to those of TCP.
_TLS_ERRORS = {
    5: (-0x7200, "MBEDTLS_ERR_SSL_INVALID_RECORD"),
    6: (-0x7780, "MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE"),
    7: (-0x7280, "MBEDTLS_ERR_SSL_CONN_EOF"),
}
_VERIFY = const(0x1000)
_NOT_VERIFIED = (-0x2700, "MBEDTLS_ERR_X509_CERT_VERIFY_FAILED")
_CLOSED = (-0x7100, "MBEDTLS_ERR_SSL_BAD_INPUT_DATA")
_FLAWS = (
    (0x01, "The certificate validity has expired\n"),
    (0x04, "The certificate Common Name (CN) does not match with the expected CN\n"),
    (0x08, "The certificate is not correctly signed by the trusted CA\n"),
    (0x200, "The certificate validity starts in the future\n"),
)

_context = simhost.tls_context
_load = simhost.tls_load


class SSLContext:
    """A client's context. Certificates and keys are DER, as bytes."""

    def __init__(self, protocol):
        if protocol != PROTOCOL_TLS_CLIENT:
            raise NotImplementedError("the simulated board is a TLS client only")
        self.verify_mode = CERT_REQUIRED
        self.number = _context()

    def load_verify_locations(self, cadata):
        """One more CA to trust."""
        self._take(_AUTHORITY, cadata, "invalid cert")

    def load_cert_chain(self, certificate, key):
        self._take(_KEY, key, "invalid key")
        self._take(_CERTIFICATE, certificate, "invalid cert")

    def wrap_socket(
        self, sock, *, server_side=False, do_handshake_on_connect=True, server_hostname=None
    ):
        if server_side:
            raise NotImplementedError("the simulated board is a TLS client only")
        if server_hostname is None and self.verify_mode == CERT_REQUIRED:
            raise ValueError("CERT_REQUIRED requires server_hostname")
        wrapped = SSLSocket(self, sock, server_hostname or "")
        if do_handshake_on_connect:
            wrapped.shake_hands()
        return wrapped

    def _take(self, kind, der, complaint):
        if not isinstance(der, (bytes, str)):
            raise TypeError("can't convert '%s' object to str implicitly" % type(der).__name__)
        if isinstance(der, str):
            der = der.encode()
        if _load(self.number, kind, uctypes.addressof(der), len(der)) < 0:
            raise ValueError(complaint)


class SSLSocket:
    """TLS over a connected TCP socket."""

    def __init__(self, context, sock, name):
        self._context = context
        self._sock = sock
        self._name = name
        self._begun = False
        self._error = None  # the arguments of every OSError from now on

    def read(self, size):
        """As much as there is, up to `size`; None if nothing, b"" when the peer has closed."""
        data = bytearray(size)
        count = self.readinto(data)
        return None if count is None else bytes(memoryview(data)[:count])

    def readinto(self, buffer):
        done = 0
        while done < len(buffer):
            count = self._exchange(False, memoryview(buffer)[done:])
            if count is None:
                return done or None
            if count == 0:
                break
            done += count
        return done

    def write(self, data, size=None):
        view = memoryview(data)
        if size is not None:
            view = view[:size]
        done = 0
        while done < len(view):
            count = self._exchange(True, view[done:])
            if count is None:
                return done or None
            done += count
        return done

    def setblocking(self, on):
        self._sock.setblocking(on)

    def close(self):
        """Of one that has failed the TCP socket stays open."""
        if self._sock is not None:
            self._sock.close()
        self._release(self._error or _CLOSED)

    def state(self):
        """The flags of select; while the handshake goes on it is ready for nothing."""
        return _INVALID if self._error else self._sock.state()

    def shake_hands(self):
        """The whole handshake, as long as it takes."""
        self._begin()
        while not self.state() & (_READABLE | _WRITABLE):
            self._sock.wait_for(_READABLE | _WRITABLE)
        number = self._sock.failure()
        if number:
            self._fail(number)

    def _exchange(self, sending, buffer):
        """Bytes moved, or None if it would have to wait and may not."""
        while True:
            if self._error:
                raise OSError(*self._error)
            self._begin()
            count = self._sock.exchange(sending, buffer) if self._begun else _NOTHING
            if count >= 0:
                return count
            if count != _NOTHING:
                self._fail(-2 - count)
            if self._sock.timeout_ms == 0:
                return None
            self._sock.wait_for(_WRITABLE if sending else _READABLE)

    def _begin(self):
        if not self._begun and self._sock.state() & _WRITABLE:
            self._begun = True
            now = str(machine.rtc_seconds() + _UNIX_OF_EPOCH)
            verify = self._context.verify_mode != CERT_NONE
            self._sock.start_tls(self._context.number, self._name, now, verify)

    def _fail(self, number):
        if number & _VERIFY:
            self._release(_NOT_VERIFIED)
            raise ValueError("".join([text for flag, text in _FLAWS if number & flag]))
        if number in _TLS_ERRORS:
            self._release(_TLS_ERRORS[number])
        else:
            self._error = (-self._sock.errors[number],)
        raise OSError(*self._error)

    def _release(self, error):
        self._error = error
        self._sock = None
