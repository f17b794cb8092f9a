"""The name under which umqtt.simple 1.3.4 imports `socket`."""

from socket import *  # noqa: F403
