"""Log lines of the running station: structured, on stderr, one per happening, without secrets.

Everything goes the same way: what our code says through `logging` or structlog, and what libraries
say. Whoever works on a request, a meter or an order binds that once
(`structlog.contextvars.bound_contextvars(meter="m1")`), and each line told meanwhile carries it.
"""

import logging
import os
import sys
import threading
from typing import IO, Any

import structlog
from sqlalchemy.engine import make_url

from umeter_station import config_keys, secrets
from umeter_station.config import Config
from umeter_station.ops import redaction

# What they say of each packet, statement or start is for nobody's log.
_QUIET = (
    "amqtt", "transitions", "asyncio", "httpx", "httpcore", "alembic", "stripe", "uvicorn"
)  # fmt: skip


def set_up(config: Config, out: IO[str] | None = None, **always: Any) -> None:
    """From now on this process logs as [log] says. `always`: fields of each line."""
    out = out or sys.stderr
    hide_secrets(config)
    console = config.log.format == "console" or (config.log.format == "auto" and out.isatty())
    shared = [
        structlog.contextvars.merge_contextvars,
        _adding(always),
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # Tracebacks become text here, without the values of variables.
                structlog.processors.format_exc_info,
                redaction.redact,
                _renderer(console, out),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(config.log.level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    structlog.configure(
        processors=[
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    logging.captureWarnings(True)
    threading.excepthook = _thread_failed


def hide_secrets(config: Config) -> None:
    """Let no line have what the configuration holds in confidence."""
    for section in vars(config).values():
        for value in vars(section).values() if hasattr(section, "__dict__") else ():
            if isinstance(value, config_keys.Secret):
                redaction.hide(value.reveal())
    redaction.hide(os.environ.get(secrets.KEY_VARIABLE))
    for url in (config.broker, config.database):
        if isinstance(url, str):
            redaction.hide(make_url(url).password)


def _adding(always: dict[str, Any]) -> structlog.typing.Processor:
    def add(_logger: Any, _method: str, line: Any) -> Any:
        for name, value in always.items():
            line.setdefault(name, value)
        return line

    return add


def _renderer(console: bool, out: IO[str]) -> structlog.typing.Processor:
    if console:
        return structlog.dev.ConsoleRenderer(
            colors=out.isatty(), timestamp_key="at", pad_event_to=0
        )
    return structlog.processors.JSONRenderer(sort_keys=True, ensure_ascii=False)


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    name = failed.thread.name if failed.thread else "?"
    logging.getLogger(__name__).critical(
        "the thread %s has ended",
        name,
        exc_info=(failed.exc_type, failed.exc_value, failed.exc_traceback),
    )
