"""What a Session is handed beside the meter: a Wi-Fi that is up, a broker, what it tells."""

ABOUT = {"version": "0.1.0", "board": "test", "digest": "00", "tls": 0, "time": "", "warn": []}


class Wifi:
    """Stands in for hal/wifi: `up`, and how often it was to start anew."""

    def __init__(self):
        self.up = True
        self.bounces = 0

    def is_up(self):
        return self.up

    def bounce(self):
        self.bounces += 1


def broker_of_site(host="broker", port=1883, user=None, tls=0):
    """One of "brokers" as the board reads it."""
    broker = {"host": host, "port": port, "user": user, "password": None}
    return {**broker, "tls": tls, "name": host}
