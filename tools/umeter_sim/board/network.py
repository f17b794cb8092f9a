"""`network`: a station interface that takes 1.5 s to associate and can lose its access point on
request.
"""

import world as _world
from micropython import const

STA_IF = const(0)
AP_IF = const(1)
STAT_IDLE = const(1000)
STAT_CONNECTING = const(1001)
STAT_GOT_IP = const(1010)
STAT_NO_AP_FOUND = const(201)
STAT_WRONG_PASSWORD = const(202)
WPA2_PSK = const(3)

_ASSOCIATE_MS = const(1500)
_MASK = const(0x3FFFFFFF)


class Conditions:
    """What the host has done to the network; all of it starts well again only when the host says
    so.
    """

    def __init__(self, state=None):
        state = state or {}
        self.wifi_down = state.get("wifi_down", False)  # the access point is away
        self.refuse = state.get("refuse", False)  # connections are refused
        self.unreachable = state.get("unreachable", False)  # connections are never answered
        self.blackhole = state.get(
            "blackhole", False
        )  # connections are accepted, then nothing is ever answered
        self.dns_delay_ms = state.get("dns_delay_ms", 0)  # name resolution blocks for so long

    def change(self, changes):
        for name, value in changes.items():
            if name not in self.__dict__:
                raise ValueError("no such network condition: " + name)
            setattr(self, name, value)

    def state(self):
        return dict(self.__dict__)


conditions = Conditions()


class WLAN:
    """One interface; STA_IF associates, AP_IF only remembers that it was activated."""

    IF_STA = STA_IF
    IF_AP = AP_IF
    PM_NONE = const(0)

    _active = [False, False]
    _asked_at = -1  # ticks when connect() was called; -1: not asked
    _ssid = ""

    def __init__(self, interface=STA_IF):
        self._interface = interface

    def active(self, up=None):
        _world.world.check()
        if up is None:
            return WLAN._active[self._interface]
        WLAN._active[self._interface] = bool(up)
        if not up and self._interface == STA_IF:
            WLAN._asked_at = -1

    def connect(self, ssid=None, key=None, **_options):
        _world.world.check()
        if not WLAN._active[STA_IF]:
            raise OSError("Wifi Not Started")
        WLAN._ssid = ssid
        WLAN._asked_at = _world.world.ticks

    def disconnect(self):
        _world.world.check()
        WLAN._asked_at = -1

    def isconnected(self):
        return self.status() == STAT_GOT_IP

    def status(self, what=None):
        w = _world.world
        w.check()
        if what == "rssi":
            return -60
        if WLAN._asked_at < 0:
            return STAT_IDLE
        if conditions.wifi_down:
            WLAN._asked_at = w.ticks  # association starts anew when the access point is back
            return STAT_NO_AP_FOUND
        if (w.ticks - WLAN._asked_at) & _MASK < _ASSOCIATE_MS:
            return STAT_CONNECTING
        return STAT_GOT_IP

    def config(self, *names, **settings):
        if names:
            return {"mac": b"\x02\x00umet", "ssid": WLAN._ssid, "essid": WLAN._ssid}.get(
                names[0], 0
            )

    def ifconfig(self, settings=None):
        return ("192.0.2.8", "255.255.255.0", "192.0.2.1", "192.0.2.1")


def hostname(name=None):
    return name or "umeter"


def country(code=None):
    return code or "XX"
