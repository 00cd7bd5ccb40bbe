"""One JSON line per event on standard error, with the correlation id of the request or deposit it belongs to."""

from __future__ import annotations

import re
import sys
from typing import Any

import msgspec
import structlog

from carriers.redaction import redact_text

#: What we make ourselves, and never from what somebody sent.
_OURS = frozenset(
    {"level", "logger", "timestamp", "request_id", "reference", "method", "outcome", "state", "step"}
)


# PostgreSQL quotes rows and statements in its errors: one-time codes in them look like any other number.
_QUOTED = re.compile(r"^(DETAIL|CONTEXT|LINE \d+):.*$", re.MULTILINE)


def _redact(logger: Any, name: str, line: dict[str, Any]) -> dict[str, Any]:
    """Mask numbers, keys, tokens and codes wherever they may have come from: an address, a trace, a library's words."""
    for key, value in line.items():
        if key not in _OURS and isinstance(value, str):
            if "DETAIL:" in value or "LINE " in value:
                value = _QUOTED.sub(r"\1: not shown", value)
            line[key] = redact_text(value)
    return line


#: Errors of the database's absence: what matters is in their first line, and they come by the thousand.
_BRIEF = frozenset({"OperationalError", "InterfaceError"})


def _in_brief(logger: Any, name: str, line: dict[str, Any]) -> dict[str, Any]:
    """One line for a database that is away, in place of a trace for each request and ring."""
    given = line.get("exc_info")
    error = given[1] if isinstance(given, tuple) else sys.exc_info()[1] if given else None
    if error is not None and type(error).__name__ in _BRIEF:
        del line["exc_info"]
        line["error"] = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        # Celery's own words hold the whole trace.
        line["event"] = str(line["event"]).partition("\n")[0]
    return line


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _in_brief,
    structlog.processors.format_exc_info,
]


def _json(line: dict[str, Any], **_: Any) -> str:
    return msgspec.json.encode(line, enc_hook=str).decode()


class _Line:
    """Writes finished lines to standard error.

    Our own events do not pass through the standard library's loggers: that costs three times as much as the line.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name

    def msg(self, line: str) -> None:
        _stderr.write(f"{line}\n")

    debug = info = warning = error = critical = msg


# As it is before anybody (Celery) puts something else in its place.
_stderr = sys.stderr


def logging_config(level: str) -> dict[str, Any]:
    """Configure structlog, and return the dictConfig for everybody else's loggers; both write the same lines.

    `level` is the name of the lowest level that is written, "INFO" for example.
    """
    finished: list[Any] = [_redact, structlog.processors.JSONRenderer(serializer=_json)]
    structlog.configure(
        processors=[*_SHARED, *finished],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_Line,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finished],
                "foreign_pre_chain": _SHARED,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "celery": {"level": level},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            # Django warns about every 4xx it answers; the access line already says so.
            "django.request": {"level": "ERROR"},
        },
    }
