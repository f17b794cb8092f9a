"""A meter that has no station of its own."""


def lone_site(meter, port=1):
    """A site.json whose broker is at this port of this machine; at 1 there is none."""
    return {
        "meter": meter,
        "key": "11" * 32,
        "wifi": [{"ssid": "umeter-sim", "password": "simulated"}],
        "broker": {"host": "127.0.0.1", "port": port},
        "plain_tcp": True,
    }
