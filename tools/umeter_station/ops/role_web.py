"""The web server as a process: uvicorn in a thread, ended by us and not by its own signals."""

import ipaddress
import socket
import threading
import time

import uvicorn

from umeter_station.api.settings import ApiSettings
from umeter_station.config_keys import Web
from umeter_station.errors import StationError
from umeter_station.station import Books
from umeter_station.web.site import create_site

_START_S = 60.0
_BACKLOG = 512


class WebRole:
    name = "web"
    worker = 0

    def __init__(self, books: Books) -> None:
        self._books = books
        self._web = books.config.web
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> str:
        listener = listen(self._web)
        self._server = uvicorn.Server(self._configured())
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="umeter-web", daemon=True
        )
        self._thread.start()
        end_s = time.monotonic() + _START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > end_s:
                raise StationError("The web server does not start; what it said is in the log.")
            time.sleep(0.01)
        scheme = "https" if self._web.tls_cert else "http"
        host, port = listener.getsockname()[:2]
        return f"web at {scheme}://{f'[{host}]' if ':' in host else host}:{port}"

    def is_well(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def stop(self, within_s: float) -> None:
        """Requests that are under way are answered first."""
        self._server.should_exit = True
        self._thread.join(within_s)
        self._server.force_exit = True
        self._thread.join(1.0)

    def _configured(self) -> uvicorn.Config:
        web = self._web
        if (web.tls_cert is None) != (web.tls_key is None):
            raise StationError("TLS needs both web.tls_cert and web.tls_key.")
        config = uvicorn.Config(
            create_site(self._books, ApiSettings(plain_http=is_plain(web))),
            log_config=None,
            access_log=False,  # the app has its own
            proxy_headers=bool(web.proxies),
            forwarded_allow_ips=list(web.proxies),
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=5,
            ssl_certfile=web.tls_cert,
            ssl_keyfile=web.tls_key,
        )
        try:
            config.load()
        except OSError as error:  # An ssl.SSLError is one.
            raise StationError(
                f"{web.tls_cert} and {web.tls_key} cannot be used for TLS"
                f" ({error.strerror or error}); correct web.tls_cert and web.tls_key."
            ) from None
        return config


def is_plain(web: Web) -> bool:
    """Do browsers reach it without TLS, also without that of a proxy in front? Then only from this
    machine."""
    if web.base_url:
        return web.base_url.startswith("http://")
    return web.tls_cert is None and _is_this_machine(web.host)


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def listen(web: Web) -> socket.socket:
    """Raises StationError, before anything else is started, if the address cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            web.host, web.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # Only of a socket that names its protocol asyncio knows that it is TCP, and sends at once:
        # otherwise each page waits 40 ms for the browser's system to confirm its first part.
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        raise StationError(
            f"The web server cannot listen at {web.host} port {web.port} ({error.strerror});"
            " choose others as web.host and web.port."
        ) from None
    return listener
