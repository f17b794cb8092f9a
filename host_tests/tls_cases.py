"""What a board's `tls` has to do, as one list of cases for every runtime."""

import socket
import struct

from tls_caller import CA, OLD_CA, OTHER_CA, SERVER, YEAR
from tls_kit import FROM, UNTIL, GarbageServer, Server, TlsServer

EXPIRED = "The certificate validity has expired\n"
FUTURE = "The certificate validity starts in the future\n"
NAME = "The certificate Common Name (CN) does not match with the expected CN\n"
TRUST = "The certificate is not correctly signed by the trusted CA\n"


class Tearing(Server):
    """Closes a connection when the first bytes have come, or resets it."""

    def __init__(self, reset):
        self._reset = reset
        super().__init__()

    def serve(self, peer):
        peer.recv(4096)
        if self._reset:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Mute(Server):
    """Hears everything and answers nothing."""

    def serve(self, peer):
        while peer.recv(4096):
            pass


def a_good_server_is_spoken_to(ask):
    with TlsServer(SERVER) as server:
        assert ask.call(server.port) == "echo"
        assert ask.call(server.port, data=bytes(20_000)) == "echo"


def a_server_may_be_named_by_address_or_pattern(ask):
    with TlsServer(SERVER) as server:
        assert ask.call(server.port, "127.0.0.1") == "echo"
        assert ask.call(server.port, "north.meters.example") == "echo"
        assert ask.call(server.port, "LOCALHOST") == "echo"
        assert ask.call(server.port, "127.0.0.2") == ["ValueError", NAME]
        assert ask.call(server.port, "a.north.meters.example") == ["ValueError", NAME]
    with TlsServer(CA.issue("localhost", names=[])) as server:
        assert ask.call(server.port) == "echo"
        assert ask.call(server.port, "meters.example") == ["ValueError", NAME]


def one_ca_of_several_is_enough(ask):
    with TlsServer(SERVER) as server:
        assert ask.call(server.port, cas=["ca1.der", "ca0.der"]) == "echo"
        assert ask.call(server.port, cas=["ca1.der"]) == ["ValueError", TRUST]
        assert ask.call(server.port, cas=[]) == ["ValueError", TRUST]
        assert ask.call(server.port, cas=[], verify=False) == "echo"


def what_is_wrong_is_told_together(ask):
    with TlsServer(OTHER_CA.issue("elsewhere")) as server:
        assert ask.call(server.port) == ["ValueError", NAME + TRUST]


def dates_count_by_the_boards_clock(ask):
    with TlsServer(SERVER) as server:
        for year, answer in (
            (FROM.year - 1, ["ValueError", FUTURE]),
            (UNTIL.year, ["ValueError", EXPIRED]),
            (YEAR, "echo"),
        ):
            ask(f"app.set_year({year})")
            assert ask.call(server.port) == answer
    with TlsServer(OLD_CA.issue("localhost")) as server:
        assert ask.call(server.port, cas=["ca2.der"]) == ["ValueError", EXPIRED]


def a_server_that_speaks_no_tls_is_an_oserror(ask):
    for answer in (b"HTTP/1.0 400 Bad Request\r\n\r\n", b"\x20\x02\x00\x00", bytes(300)):
        with GarbageServer(answer) as server:
            name, number = ask.call(server.port)[:2]
            assert name == "OSError" and int(number) < -256
    for reset in (False, True):
        with Tearing(reset) as server:
            name, number = ask.call(server.port)[:2]
            assert name == "OSError" and int(number) < 0


def a_failed_socket_is_invalid_and_has_let_go(ask):
    with TlsServer(SERVER) as server:
        assert ask.call(server.port, "elsewhere") == ["ValueError", NAME]
        ask(f"app.connect({server.port})")
        ask("app.wrap('elsewhere', ['ca0.der'])")
        assert ask("app.tried(lambda: app.echo(b'x'))") == ["ValueError", NAME]
        assert ask("app.wait(app.s, 1)") == 0x20
        assert ask("app.tried(lambda: app.s.write(b'x'))")[0] == "OSError"
        ask("app.s.close()")
        assert ask("app.raw.state()") & 4, "the TCP socket is its owner's to close"
        ask("app.raw.close()")
        assert ask("app.raw.state()") & 8


def a_silent_server_is_waited_for_without_standing_still(ask):
    with Mute() as server:
        _never_answered(ask, server.port)


def a_black_hole_never_ends_the_handshake(ask):
    ask.board.ask("net", blackhole=True)
    _never_answered(ask, 1)
    ask.board.ask("net", blackhole=False)


def _never_answered(ask, port):
    ask(f"app.connect({port})")
    ask("app.wrap('localhost', ['ca0.der'])")
    assert ask("app.s.write(b'hello')") is None
    assert ask("app.wait(app.s, 1 | 4, 1000)") == 0
    assert ask("app.s.read(1)") is None
    ask("app.end()")


def a_portal_speaks_no_tls(ask):
    ask.board.ask("net", captive=True)
    assert ask.call(1)[0] == "OSError"
    ask.board.ask("net", captive=False)


def a_server_may_want_a_certificate(ask):
    with TlsServer(SERVER, client_ca=CA) as server:
        assert ask.call(server.port, client=True) == "echo"
        assert server.clients == ["m1"]
        assert ask.call(server.port)[0] == "OSError"


def an_orderly_end_is_the_end_of_the_stream(ask):
    with TlsServer(SERVER) as server:
        assert ask.call(server.port, data=b"bye") == "closed"


def what_is_no_certificate_is_refused(ask):
    with Mute() as server:
        assert ask.call(server.port, cas=["rubbish.der"]) == ["ValueError", "invalid cert"]
        assert ask.call(server.port, name=None)[0] == "ValueError"
    assert ask("app.tried(app.swapped)") == ["ValueError", "invalid key"]
    assert ask("app.tried(app.not_bytes)")[0] == "TypeError"


def a_tls_socket_has_no_timeout(ask):
    with TlsServer(SERVER) as server:
        ask(f"app.connect({server.port})")
        ask("app.wrap('localhost', ['ca0.der'])")
        assert ask("hasattr(app.s, 'settimeout')") is False
        assert ask("app.echo(b'still here')") == "echo"
        ask("app.end()")


CASES = [
    a_good_server_is_spoken_to,
    a_server_may_be_named_by_address_or_pattern,
    one_ca_of_several_is_enough,
    what_is_wrong_is_told_together,
    dates_count_by_the_boards_clock,
    a_server_that_speaks_no_tls_is_an_oserror,
    a_failed_socket_is_invalid_and_has_let_go,
    a_silent_server_is_waited_for_without_standing_still,
    a_black_hole_never_ends_the_handshake,
    a_portal_speaks_no_tls,
    a_server_may_want_a_certificate,
    an_orderly_end_is_the_end_of_the_stream,
    what_is_no_certificate_is_refused,
    a_tls_socket_has_no_timeout,
]
