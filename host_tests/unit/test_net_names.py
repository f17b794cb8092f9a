"""Name resolution in the patient socket: asked seldom, and never in the meter's way."""

import errno

import pytest

from fakes_net import SocketRig


@pytest.fixture
def rig():
    return SocketRig()


def test_name_is_asked_once_and_again_after_a_failed_connect(rig):
    rig.connected()
    rig.connected()
    assert rig.network.names_asked == 1
    rig.network.refusing = True
    for _ in range(2):
        with pytest.raises(OSError):
            rig.connected()
    assert rig.network.names_asked == 2
    rig.network.refusing = False
    rig.network.names_fail = True
    rig.connected()
    assert rig.network.names_asked == 3, "asked, no answer: the old address is good enough"


def test_name_never_resolved_is_an_error(rig):
    rig.network.names_fail = True
    with pytest.raises(OSError):
        rig.connected()


class LateThread:
    """start_new_thread of which the body runs when the test says so."""

    def __init__(self):
        self.waiting = []

    def start(self, body, args):
        self.waiting.append((body, args))

    def finish(self):
        body, args = self.waiting.pop()
        body(*args)


def test_hanging_name_server_hangs_only_its_thread():
    thread = LateThread()
    rig = SocketRig(start_thread=thread.start)
    for _ in range(3):
        assert 10_000 <= rig.times_out(rig.connected) <= 10_040
    assert len(thread.waiting) == 1, "one thread, not one for each try"
    thread.finish()
    rig.connected()
    assert rig.network.names_asked == 1


def test_name_resolved_in_its_thread_while_the_meter_works():
    thread = LateThread()
    rig = SocketRig(start_thread=thread.start)
    begun_ms = rig.clock.now_ms
    rig.sockets._work = lambda: (
        rig.clock.now_ms - begun_ms == 200 and thread.finish(),
        rig.turn(),
    )
    rig.connected()
    assert rig.clock.now_ms - begun_ms <= 200 + 40
    assert rig.longest_gap_ms(begun_ms) <= 20


def test_failure_in_the_name_thread_is_an_error_here():
    rig = SocketRig(start_thread=lambda body, args: body(*args))
    rig.network.names_fail = True
    with pytest.raises(OSError) as caught:
        rig.connected()
    assert caught.value.args[0] == errno.EHOSTUNREACH


def test_thread_that_cannot_be_started_is_tried_again():
    fails = [OSError("can't create thread")]

    def start(body, args):
        if fails:
            raise fails.pop()
        body(*args)

    rig = SocketRig(start_thread=start)
    with pytest.raises(OSError):
        rig.connected()
    rig.connected()
    assert rig.network.names_asked == 1


def test_numeric_address_needs_no_thread():
    rig = SocketRig(start_thread=LateThread().start)
    rig.sockets.begin()
    assert rig.sockets.getaddrinfo("192.0.2.7", 1883)[0][-1] == ("192.0.2.7", 1883)
