"""The networks around the simulated board: access points, a portal, names, the time server."""

import errno
import struct

import pytest

from simulated_chip import START_UNIX, Chip

CONNECTING, GOT_IP, NO_AP, WRONG_PASSWORD = 1001, 1010, 201, 202
NTP_OF_UNIX = 2_208_988_800
APS = {
    "north": {"password": "n"},
    "south": {"password": "s", "up": False},
    "hotel": {"password": "h", "internet": "captive"},
    "island": {"internet": False},
}


@pytest.fixture
def chip():
    return Chip()


@pytest.fixture
def wlan(chip):
    wlan = chip.network.WLAN(chip.network.STA_IF)
    wlan.active(True)
    return wlan


def joined(chip, wlan, ssid, key):
    wlan.connect(ssid, key)
    chip.pass_ms(2000)
    return wlan.status()


def asked(chip, address=None):
    """A client's question to the time server."""
    sock = chip.socket.socket(chip.socket.AF_INET, chip.socket.SOCK_DGRAM)
    sock.setblocking(False)
    where = chip.socket.getaddrinfo("pool.ntp.org", 123)[0][-1]
    sock.sendto(b"\x23" + bytes(39) + b"mycookie", address or where)
    return sock


def told(chip, sock):
    """The server's Unix time, 0 without an answer within a second."""
    poller = chip.modules.load("select").poll()
    poller.register(sock, 1)
    if not poller.poll(1000):
        return 0
    answer = sock.recv(48)
    assert len(answer) == 48 and answer[0] == 0x24 and answer[1] == 2
    assert answer[24:32] == b"mycookie"
    return struct.unpack(">I", answer[40:44])[0] - NTP_OF_UNIX


def test_one_access_point_is_there_whatever_it_is_called(chip, wlan):
    wlan.connect("anything", "any key")
    assert wlan.status() == CONNECTING
    chip.pass_ms(2000)
    assert wlan.isconnected()
    chip.ask("net", wifi_down=True)
    assert wlan.status() == NO_AP
    chip.ask("net", wifi_down=False)
    assert wlan.status() == CONNECTING
    chip.pass_ms(1500)
    assert wlan.isconnected()


def test_of_named_ones_each_has_its_password(chip, wlan):
    chip.ask("net", aps=APS)
    assert joined(chip, wlan, "north", "wrong") == WRONG_PASSWORD
    wlan.disconnect()
    assert joined(chip, wlan, "nowhere", "n") == NO_AP
    wlan.disconnect()
    assert joined(chip, wlan, "south", "s") == NO_AP
    chip.ask("net", aps={**APS, "south": {"password": "s"}})
    assert wlan.status() == CONNECTING
    chip.pass_ms(1500)
    assert wlan.status() == GOT_IP
    wlan.disconnect()
    assert joined(chip, wlan, "north", "n") == GOT_IP


def test_a_radio_that_is_connecting_is_not_to_be_asked_again(chip, wlan):
    wlan.connect("a", "b")
    with pytest.raises(OSError, match="Wifi Internal State Error"):
        wlan.connect("a", "b")
    wlan.active(False)
    with pytest.raises(OSError, match="Wifi Not Started"):
        wlan.connect("a", "b")
    wlan.active(True)
    assert joined(chip, wlan, "a", "b") == GOT_IP


def test_a_link_lasts_longer_than_the_ticks_wrap(chip, wlan):
    assert joined(chip, wlan, "a", "b") == GOT_IP
    chip.world.world.ticks = 0  # as it was at the connect: 12 days later
    assert wlan.isconnected()


def test_a_change_of_channel_takes_the_link_away_for_three_seconds(chip, wlan):
    joined(chip, wlan, "a", "b")
    chip.ask("net", changing_channel=True)
    assert not wlan.isconnected() and chip.network.lost()
    chip.pass_ms(2999)
    assert not wlan.isconnected()
    chip.pass_ms(1)
    assert wlan.isconnected() and not chip.network.lost()
    assert chip.ask("net")["changing_channel"] is False


def test_nothing_gets_through_without_a_link(chip, wlan):
    joined(chip, wlan, "a", "b")
    sock = asked(chip)
    wlan.active(False)
    with pytest.raises(OSError, match="-2"):
        chip.socket.getaddrinfo("pool.ntp.org", 123)
    with pytest.raises(OSError) as caught:
        sock.sendto(bytes(48), ("192.0.2.123", 123))
    assert caught.value.args[0] == errno.EHOSTUNREACH
    assert told(chip, sock) == 0


def test_the_time_server_tells_the_virtual_time(chip):
    chip.pass_ms(5000)
    sock = asked(chip)
    with pytest.raises(OSError) as caught:
        sock.recv(48)
    assert caught.value.args[0] == errno.EAGAIN
    assert told(chip, sock) == START_UNIX + 5


def test_the_time_server_may_be_wrong_or_silent_or_asked_badly(chip):
    chip.ask("net", ntp_offset_s=-86_400)
    assert told(chip, asked(chip)) == START_UNIX - 86_400
    chip.ask("net", ntp_offset_s=0, ntp_down=True)
    assert told(chip, asked(chip)) == 0
    chip.ask("net", ntp_down=False)
    assert told(chip, asked(chip, ("192.0.2.124", 123))) == 0
    sock = asked(chip)
    told(chip, sock)
    sock.sendto(bytes(48), ("192.0.2.123", 123))
    assert told(chip, sock) == 0


def test_it_counts_anew_in_2036(chip):
    chip.ask("net", ntp_offset_s=2_085_978_496 - START_UNIX)
    assert told(chip, asked(chip)) == -NTP_OF_UNIX


def test_behind_a_portal_everybody_is_the_portal(chip, wlan):
    chip.ask("net", aps=APS)
    joined(chip, wlan, "hotel", "h")
    assert chip.socket.getaddrinfo("broker.example", 8883)[0][-1][0] == "192.0.2.1"
    sock = chip.socket.socket()
    sock.connect(("203.0.113.7", 1883))
    assert sock.state() == 4 and chip.socket.getaddrinfo("pool.ntp.org", 123)
    sock.write(b"\x10\x00")
    assert sock.read(1000).startswith(b"HTTP/1.1 302 Found\r\n")
    assert sock.read(1) == b""
    assert told(chip, asked(chip)) == 0


def test_another_network_is_another_address(chip, wlan):
    chip.ask("net", captive=True)
    joined(chip, wlan, "a", "b")
    sock = chip.socket.socket()
    sock.connect(("203.0.113.7", 1883))
    assert sock.write(b"\x10\x00") == 2
    wlan.disconnect()
    joined(chip, wlan, "a", "b")
    assert sock.state() & 4, "the same network: the connection goes on"
    joined(chip, wlan, "c", "d")
    assert sock.state() == 8 | 16
    with pytest.raises(OSError) as caught:
        sock.write(b"\xc0\x00")
    assert caught.value.args[0] == errno.ECONNRESET


def test_an_access_point_without_internet_leads_nowhere(chip, wlan):
    chip.ask("net", aps=APS)
    assert joined(chip, wlan, "island", "whatever") == GOT_IP
    with pytest.raises(OSError, match="-2"):
        chip.socket.getaddrinfo("broker.example", 8883)
    sock = chip.socket.socket()
    sock.settimeout(1)
    with pytest.raises(OSError) as caught:
        sock.connect(("203.0.113.7", 1883))
    assert caught.value.args[0] == errno.ETIMEDOUT


def test_conditions_outlive_a_power_cut_but_the_change_of_channel(chip):
    chip.ask("net", aps=APS, ntp_down=True, changing_channel=True)
    chip.control.cut_power()
    later = Chip(state=chip.control.state(1000)).ask("net")
    assert later["aps"] == APS and later["ntp_down"] and not later["changing_channel"]


def test_a_condition_nobody_knows_is_refused(chip):
    assert "no such network condition: rain" in chip.ask("net", rain=True)["error"]
