"""`network`: a station interface that takes 1.5 s to associate, and what the host has done to the
networks around it.
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
CAPTIVE = "captive"

_ASSOCIATE_MS = const(1500)
_NEW_CHANNEL_MS = const(3000)
_MASK = const(0x3FFFFFFF)
_ANY_AP = {}

# All of it starts well again only when the host says so, but the change of channel.
_WELL = {
    "wifi_down": False,  # no access point is to be seen
    "changing_channel": False,  # the link drops for 3 s, then comes back by itself
    # {ssid: {"up": True, "internet": True | False | "captive", "password": any}}, these being what
    # holds for what is not said; None: there is one for whatever is asked for.
    "aps": None,
    "captive": False,  # a portal stands between us and everybody, whatever the access point
    "refuse": False,  # connections are refused
    "unreachable": False,  # connections are never answered
    "blackhole": False,  # connections are accepted, then nothing is ever answered
    "dns_delay_ms": 0,  # name resolution blocks for so long
    "ntp_down": False,  # the time server does not answer
    "ntp_offset_s": 0,  # and when it does, it is wrong by so much
}


class Conditions:
    """What the host has done to the network; as attributes the names of _WELL."""

    def __init__(self, state=None):
        self._back_at = 0
        for name, value in _WELL.items():
            setattr(self, name, (state or _WELL).get(name, value))
        self.changing_channel = False  # that lasts no power cut

    def change(self, changes):
        for name, value in changes.items():
            if name not in _WELL:
                raise ValueError("no such network condition: " + name)
            setattr(self, name, value)
        if changes.get("changing_channel"):
            self._back_at = (_world.world.ticks + _NEW_CHANNEL_MS) & _MASK

    def state(self):
        return {name: getattr(self, name) for name in _WELL}

    def on_new_channel(self):
        """Whether the access point is changing its channel now."""
        if self.changing_channel:
            left = (self._back_at - _world.world.ticks) & _MASK
            self.changing_channel = 0 < left <= _NEW_CHANNEL_MS
        return self.changing_channel


conditions = Conditions()


def lost():
    """Whether nothing gets through the air. Who has joined no network has a cable, so to say."""
    if conditions.wifi_down or conditions.on_new_channel():
        return True
    return WLAN.used and WLAN.state() != STAT_GOT_IP


def internet():
    """True, False or CAPTIVE: what is behind the access point."""
    if conditions.captive:
        return CAPTIVE
    ap = WLAN.ap()
    return True if ap is None else ap.get("internet", True)


class WLAN:
    """One interface; STA_IF associates, AP_IF only remembers that it was activated."""

    IF_STA = STA_IF
    IF_AP = AP_IF
    PM_NONE = const(0)

    used = False  # a network was asked for since power-up
    _active = [False, False]
    _asked_at = -1  # ticks when connect() was called; -1: not asked
    _joined = False
    ssid = ""  # of the network that was asked for last
    _key = None

    def __init__(self, interface=STA_IF):
        self._interface = interface

    @staticmethod
    def ap():
        """The access point that was asked for; None if there is none of that name."""
        return _ANY_AP if conditions.aps is None else conditions.aps.get(WLAN.ssid)

    @staticmethod
    def state():
        """STAT_* of the station, after what has happened in the air meanwhile."""
        w = _world.world
        if WLAN._asked_at < 0:
            return STAT_IDLE
        ap = WLAN.ap()
        if conditions.wifi_down or ap is None or not ap.get("up", True):
            WLAN._asked_at = w.ticks  # association starts anew when the access point is back
            WLAN._joined = False
            return STAT_NO_AP_FOUND
        if conditions.on_new_channel():
            return STAT_CONNECTING
        if not WLAN._joined:
            if (w.ticks - WLAN._asked_at) & _MASK < _ASSOCIATE_MS:
                return STAT_CONNECTING
            if ap.get("password", WLAN._key) != WLAN._key:
                return STAT_WRONG_PASSWORD
            WLAN._joined = True
        return STAT_GOT_IP

    def active(self, up=None):
        _world.world.check()
        if up is None:
            return WLAN._active[self._interface]
        WLAN._active[self._interface] = bool(up)
        if not up and self._interface == STA_IF:
            self._leave()

    def connect(self, ssid=None, key=None, **_options):
        _world.world.check()
        if not WLAN._active[STA_IF]:
            raise OSError("Wifi Not Started")
        if WLAN._asked_at >= 0 and WLAN.state() != STAT_GOT_IP:
            raise OSError("Wifi Internal State Error")  # it is connecting already
        WLAN.used = True
        WLAN.ssid = ssid
        WLAN._key = key
        WLAN._asked_at = _world.world.ticks
        WLAN._joined = False

    def disconnect(self):
        _world.world.check()
        self._leave()

    def isconnected(self):
        return self.status() == STAT_GOT_IP

    def status(self, what=None):
        _world.world.check()
        return -60 if what == "rssi" else WLAN.state()

    def config(self, *names, **settings):
        if names:
            return {"mac": b"\x02\x00umet", "ssid": WLAN.ssid, "essid": WLAN.ssid}.get(names[0], 0)

    def ifconfig(self, settings=None):
        return ("192.0.2.8", "255.255.255.0", "192.0.2.1", "192.0.2.1")

    def _leave(self):
        WLAN._asked_at = -1
        WLAN._joined = False


def hostname(name=None):
    return name or "umeter"


def country(code=None):
    return code or "XX"
