"""What every process looks at before it serves: settings that cannot be safe are refused, each by name."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, ProgrammingError, connection

from carriers import registers, registry
from carriers.messages import messages
from deposits.ui import brand, language

#: Python looks for garbage after so many new objects; its own 700 is one request or less.
GARBAGE_AFTER = 20_000
#: What sysexits.h calls a wrong configuration: a service manager need not try again.
EXIT_STATUS = 78

# (setting of Celery, what it must be, why)
_CELERY_MUST = (
    ("task_acks_late", True, "so that an orderly stop gives back what was not begun"),
    ("task_reject_on_worker_lost", False, "or a task that kills its process runs in a hot loop"),
    ("task_acks_on_failure_or_timeout", True, "or a task that fails comes back for ever"),
    ("task_publish_retry", False, "or a request waits for a Redis that is away"),
    ("worker_prefetch_multiplier", 1, "or one worker hoards the rings of all"),
)
_LIVE_KEYS = """
SELECT count(*) FROM accounts_apikey
WHERE mode = 'live' AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
"""


def unsafe_settings(celery: Mapping[str, Any] | None = None) -> list[str]:
    """Return one sentence for each setting that cannot be safe: which, and what would be right.

    `celery` is Celery's configuration as it is in force, command line included (default: as the settings have it).
    """
    return [
        *(f"time limits: {sentence}" for sentence in settings.TIME_LIMITS.disorder()),
        *_unsafe_celery(celery or _celery_settings()),
        *_unsafe_secrets(),
        *_unsafe_in_public(),
        *_unsafe_databases(),
        *_unsafe_carriers(),
        *_unsafe_messages(),
        *language.unsuitable(settings.PAGE_LANGUAGES),
        *brand.unsuitable(settings.OPERATOR_ACCENT, settings.OPERATOR_LOGO),
    ]


def refuse_unsafe_settings(celery: Mapping[str, Any] | None = None) -> None:
    """Raise ImproperlyConfigured naming every unsafe setting. For tests and tools; processes call `start_or_exit`."""
    if found := unsafe_settings(celery):
        raise ImproperlyConfigured("\n".join(found))


def start_or_exit(celery: Mapping[str, Any] | None = None) -> None:
    """Return when the settings are safe; otherwise say why on standard error and end the process, without a trace."""
    try:
        found = [*unsafe_settings(celery), *_open_with_live_keys()]
    except ImproperlyConfigured as error:
        found = [str(error)]
    if found:
        lines = "".join(f"  {sentence}\n" for sentence in found)
        sys.stderr.write(f"Paysite does not start with settings that cannot be safe:\n{lines}")
        sys.stderr.flush()
        sys.exit(EXIT_STATUS)


def started() -> None:
    """Call once everything is loaded: what is there by now stays, and is not looked through for garbage again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER, 20, 100)


def _celery_settings() -> dict[str, Any]:
    names = ("task_time_limit", "task_soft_time_limit", "broker_transport_options")
    wanted = (*names, *(name for name, _, _ in _CELERY_MUST))
    return {name: getattr(settings, f"CELERY_{name.upper()}", None) for name in wanted}


def _unsafe_celery(celery: Mapping[str, Any]) -> Iterator[str]:
    """The order of the limits once more, with what Celery will really do: settings are one thing, flags another."""
    limits = settings.TIME_LIMITS
    visibility = (celery["broker_transport_options"] or {}).get("visibility_timeout")
    in_force = (
        ("http_total", limits.http_total),
        ("CELERY_TASK_SOFT_TIME_LIMIT", celery["task_soft_time_limit"]),
        ("CELERY_TASK_TIME_LIMIT", celery["task_time_limit"]),
        ("lease", limits.lease),
        ("CELERY_BROKER_TRANSPORT_OPTIONS visibility_timeout", visibility),
    )
    for (small, seconds), (large, more) in pairwise(in_force):
        if seconds is None or more is None:
            yield f"{small if seconds is None else large}: must be set"
        elif seconds >= more:
            yield f"{large}: {more:g} s must be longer than {small}, which is {seconds:g} s"
    for name, right, why in _CELERY_MUST:
        if celery[name] != right:
            yield f"CELERY_{name.upper()}: must be {right}, {why}"


def _unsafe_secrets() -> Iterator[str]:
    try:
        if len(settings.SECRET_KEY) < 32:
            yield "SECRET_KEY: must be at least 32 random characters"
        if not settings.SEALING_KEYS or min(map(len, settings.SEALING_KEYS)) < 24:
            yield "SEALING_KEYS: must be a list of at least one text of 24 random characters or more"
    except ImproperlyConfigured:
        yield "SECRET_KEY: must be set"


def _unsafe_in_public() -> Iterator[str]:
    if not settings.BASE_URL.startswith("https://"):
        return
    if settings.DEBUG:
        yield "DEBUG: must be off where BASE_URL is https"
    if settings.DEMO:
        yield "DEMO: must be off where BASE_URL is https, because it signs everybody in"
    if settings.CRASH_POINTS:
        yield "CRASH_POINTS: must not be set where BASE_URL is https, because it kills processes"
    if settings.DEVELOPMENT_SEALING_KEY in settings.SEALING_KEYS:
        yield "SEALING_KEYS: must be set to random text where BASE_URL is https, because it seals players' particulars"
    if settings.MESSAGES.get("adapter") == "sandbox":
        yield "MESSAGES: must not be the sandbox where BASE_URL is https, because everybody could read the codes"
    if settings.TIME_DIVISOR != 1:
        yield "TIME_DIVISOR: must be 1 where BASE_URL is https, because carriers do not hurry with us"


def _unsafe_messages() -> Iterator[str]:
    if settings.DEMO:
        return
    if not settings.MESSAGES:
        if settings.SIGN_IN_URL == settings.LOBBY_URL:
            yield (
                "MESSAGES: must name what texts players their codes where DEMO is off, "
                "or SIGN_IN_URL where they sign in instead"
            )
    elif settings.MESSAGES.get("adapter") != "sandbox" and not settings.MESSAGES["base_url"].startswith(
        "https://"
    ):
        yield "MESSAGES: base_url: must begin with https:// where DEMO is off, because codes go over it"


def _unsafe_databases() -> Iterator[str]:
    if list(settings.DATABASES) != ["default"] or settings.DATABASE_ROUTERS:
        yield "DATABASES: must be one, without DATABASE_ROUTERS: a replica that lags would tell old truths about money"


def _unsafe_carriers() -> Iterator[str]:
    try:
        profiles = registry.registry().profiles
    except ImproperlyConfigured as error:
        yield str(error)
        return
    for load in (registers.register, messages):
        try:
            load()
        except ImproperlyConfigured as error:
            yield str(error)
    most = settings.TIME_LIMITS.http_total
    for code, profile in profiles.items():
        if profile.http_total_s > most:
            yield f"CARRIERS: carrier {code!r}: http_total_s: {profile.http_total_s:g} s must be at most {most:g} s"


def _open_with_live_keys() -> list[str]:
    """DEBUG shows settings and data to whoever causes an error, and a key that everybody knows seals nothing: never
    where a live API key opens the door.
    """
    must = {
        "DEBUG: must be off": settings.DEBUG,
        "SEALING_KEYS: must be set to random text": settings.DEVELOPMENT_SEALING_KEY in settings.SEALING_KEYS,
    }
    found = [sentence for sentence, is_open in must.items() if is_open]
    if not found:
        return []
    try:
        with connection.cursor() as cursor:
            cursor.execute(_LIVE_KEYS)
            (keys,) = cursor.fetchone()
    except ProgrammingError:  # no tables yet, so no keys
        return []
    except Error:
        return [f"{one} where the database cannot be asked whether there are live API keys" for one in found]
    finally:
        connection.close()
        # Processes that fork later must not share a connection.
        if close_pool := getattr(connection, "close_pool", None):
            close_pool()
    return [f"{one} while live API keys may be used ({keys} of them)" for one in found] if keys else []
