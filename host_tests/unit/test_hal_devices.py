"""Relays and Wi-Fi, each with the hardware handed in."""

import importlib
import sys
import types

import pytest

from umeter.hal.wifi import Wifi
from umeter_sim.fake_net import VirtualClock


class Pin:
    OUT = 3
    log = []

    def __init__(self, number, mode, value):
        self.number = number
        self.level = value
        self.log.append((number, value))

    def value(self, level=None):
        if level is None:
            return self.level
        self.level = level
        self.log.append((self.number, level))


@pytest.fixture
def gpio_relays(monkeypatch):
    monkeypatch.setitem(sys.modules, "machine", types.ModuleType("machine"))
    yield importlib.import_module("umeter.hal.relay_gpio").GpioRelays
    sys.modules.pop("umeter.hal.relay_gpio", None)


@pytest.mark.parametrize("active_high", [True, False])
def test_relays(gpio_relays, active_high):
    Pin.log = []
    closed, opened = (1, 0) if active_high else (0, 1)
    relays = gpio_relays(Pin, [16, 17, 18], active_high)
    assert Pin.log == [(16, opened), (17, opened), (18, opened)]
    relays.set(1, True)
    assert Pin.log[3:] == [(17, closed)]
    relays.set(1, False)
    assert Pin.log[4:] == [(17, opened)]


class Wlan:
    def __init__(self):
        self.calls = []
        self.up = False
        self.error = None

    def active(self, on):
        self.calls.append(("active", on))

    def isconnected(self):
        return self.up

    def connect(self, ssid, password):
        self.calls.append(("connect", ssid, password))
        if self.error:
            raise self.error

    def disconnect(self):
        self.calls.append(("disconnect",))


class Network:
    STA_IF = 0

    def __init__(self):
        self.wlan = Wlan()

    def WLAN(self, interface):
        assert interface == self.STA_IF
        return self.wlan


CLOCK = VirtualClock()
HOME = {"ssid": "home", "password": "secret"}
YARD = {"ssid": "yard", "password": ""}


def a_wifi(*networks, start_ms=0):
    CLOCK.now_ms = start_ms
    network = Network()
    wifi = Wifi(network, list(networks), CLOCK)
    return wifi, network.wlan


def step_until(wifi, start_ms, end_ms):
    for now in range(start_ms, end_ms, 100):
        CLOCK.now_ms = now
        wifi.step()


def test_wifi_joins_the_first_network_at_once():
    wifi, wlan = a_wifi(HOME, YARD)
    CLOCK.now_ms = 123
    wifi.step()
    assert wlan.calls == [("active", True), ("connect", "home", "secret")]
    assert not wifi.is_up()
    wlan.up = True
    step_until(wifi, 200, 100_000)
    assert wifi.is_up() and len(wlan.calls) == 2


@pytest.mark.parametrize("start_ms", [0, 0x3FFFFFFF - 30_000])
def test_wifi_tries_all_in_turn_with_a_pause_before_each(start_ms):
    wifi, wlan = a_wifi(HOME, YARD, start_ms=start_ms)
    step_until(wifi, start_ms, start_ms + 64_000)
    names = [
        call[1] if call[0] == "connect" else call[0] for call in wlan.calls if call[0] != "active"
    ]
    assert names == ["home", "disconnect", "yard", "disconnect", "home", "disconnect", "yard"]


def test_wifi_leaves_a_lost_link_to_the_driver_first():
    wifi, wlan = a_wifi(HOME, YARD)
    wlan.up = True
    step_until(wifi, 0, 50_000)
    wlan.up = False
    step_until(wifi, 50_000, 69_000)
    assert wlan.calls == []
    step_until(wifi, 69_000, 72_000)
    assert wlan.calls == [("disconnect",), ("active", True), ("connect", "home", "secret")]


def test_wifi_that_leads_nowhere_is_left_for_the_next_network():
    wifi, wlan = a_wifi(HOME, YARD)
    wifi.step()
    wlan.up = True
    step_until(wifi, 0, 50_000)
    wlan.calls.clear()
    wifi.bounce()
    assert wlan.calls == [("active", False)]
    wlan.up = False
    step_until(wifi, 50_000, 50_900)
    assert wlan.calls == [("active", False)], "the radio needs its pause"
    step_until(wifi, 50_900, 51_200)
    assert wlan.calls[1:] == [("active", True), ("connect", "yard", "")]


def test_wifi_bounce_survives_a_driver_that_refuses(capsys):
    wifi, wlan = a_wifi(HOME)
    wifi.step()
    wlan.active = lambda on: (_ for _ in ()).throw(OSError("Wifi Not Started"))
    wifi.bounce()
    assert "Wifi Not Started" in capsys.readouterr().out


def test_wifi_survives_a_driver_that_refuses(capsys):
    wifi, wlan = a_wifi(HOME)
    wlan.error = OSError("Wifi Internal State Error")
    step_until(wifi, 0, 45_000)
    names = [call[0] for call in wlan.calls if call[0] != "active"]
    assert names == ["connect", "disconnect"] * 2 + ["connect"]
    assert "Wifi Internal State Error" in capsys.readouterr().out
