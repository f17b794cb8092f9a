"""Old name of struct, which umqtt.simple 1.3.4 imports."""

from struct import *  # noqa: F403
