"""`--port auto`: the one likely port, or one sentence."""

from types import SimpleNamespace

import pytest

from umeter_deploy import ports

UART_BRIDGE, OTHER_BRIDGE, MOUSE = (0x10C4, 0xEA60), (0x1A86, 0x7523), (0x046D, 0xC52B)


@pytest.fixture
def plugged(monkeypatch):
    there = []

    def plug(device, vid_pid=(None, None), product=None):
        vid, pid = vid_pid
        there.append(SimpleNamespace(device=device, vid=vid, pid=pid, product=product))

    monkeypatch.setattr("serial.tools.list_ports.comports", lambda: there)
    return plug


def test_a_named_port_is_taken_as_it_is(plugged):
    plugged("/dev/ttyUSB0", UART_BRIDGE)
    assert ports.find("/dev/ttyS7") == "/dev/ttyS7"


@pytest.mark.parametrize("vid", [0x10C4, 0x1A86, 0x0403, 0x303A])
def test_the_one_likely_port(plugged, vid):
    plugged("/dev/ttyS0")
    plugged("/dev/ttyUSB4", (vid, 1))
    plugged("/dev/ttyACM0", MOUSE)
    assert ports.find("auto") == "/dev/ttyUSB4"


def test_two_likely_ports_are_listed_in_order(plugged):
    plugged("/dev/ttyUSB1", OTHER_BRIDGE)
    plugged("/dev/ttyUSB0", UART_BRIDGE)
    with pytest.raises(ValueError) as refused:
        ports.find("auto")
    assert str(refused.value) == (
        "There are 2 ports that a board may be on: /dev/ttyUSB0 (CP210x), /dev/ttyUSB1 (CH34x);"
        " name one with --port"
    )


@pytest.mark.parametrize(
    ("product", "name"), [(None, "USB 046d:c52b"), ("Wireless Receiver", "Wireless Receiver")]
)
def test_what_is_there_instead_is_said(plugged, product, name):
    plugged("/dev/ttyS0")
    plugged("/dev/ttyACM0", MOUSE, product)
    with pytest.raises(ValueError, match=f"no port with a board on it, only /dev/ttyACM0 .{name}"):
        ports.find("auto")


def test_nothing_at_all(plugged):
    plugged("/dev/ttyS0")
    with pytest.raises(ValueError, match="no port with a board on it; plug the board in"):
        ports.find("auto")


def test_a_port_that_is_others(tmp_path, monkeypatch):
    port = tmp_path / "ttyUSB0"
    port.touch()
    assert ports.find(str(port)) == str(port)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(ValueError, match=f"You may not open {port}: become a member of the group"):
        ports.find(str(port))
    assert ports.find(str(tmp_path / "absent")) == str(tmp_path / "absent")
