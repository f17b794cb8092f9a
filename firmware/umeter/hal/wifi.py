"""Keeps the Wi-Fi link up, without ever waiting for it."""

from micropython import const

_TRY_MS = const(20_000)
# The radio needs a pause after disconnect(), or connect() is refused as already connecting.
_PAUSE_MS = const(1000)


class Wifi:
    """Tries the networks in turn.

    `network` is the module, `networks` a list of {"ssid", "password"}, the best one first, `clock`
    has ticks_ms and ticks_diff. A link that was up is first left to the driver, which joins the
    same network again by itself. `is_up()` tells whether there is a link, `bounce()` starts the
    radio anew, with the next network: a link may be up and lead nowhere.
    """

    def __init__(self, network, networks, clock):
        self._networks = networks
        self._clock = clock
        self._next = 0
        self._trying = False
        self._since_ms = clock.ticks_ms()
        self._wait_ms = 0  # the first try is at once
        self._wlan = network.WLAN(network.STA_IF)
        self.is_up = self._wlan.isconnected

    def bounce(self):
        """Down now, up again after a pause."""
        self._trying = False
        self._since_ms = self._clock.ticks_ms()
        self._wait_ms = _PAUSE_MS
        try:
            self._wlan.active(False)
        except OSError as error:
            print("wifi:", error)

    def step(self):
        """One turn."""
        now_ms = self._clock.ticks_ms()
        if self.is_up():
            self._trying = True
            self._wait_ms = _TRY_MS
            self._since_ms = now_ms
        elif self._clock.ticks_diff(now_ms, self._since_ms) >= self._wait_ms:
            self._since_ms = now_ms
            self._trying = not self._trying
            self._wait_ms = _TRY_MS if self._trying else _PAUSE_MS
            try:
                if self._trying:
                    self._wlan.active(True)
                    chosen = self._networks[self._next]
                    self._next = (self._next + 1) % len(self._networks)
                    self._wlan.connect(chosen["ssid"], chosen["password"])
                else:
                    self._wlan.disconnect()
            except OSError as error:
                print("wifi:", error)
