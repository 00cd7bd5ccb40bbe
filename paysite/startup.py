"""What every process looks at before it serves: settings that cannot be safe are refused, each by name."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from carriers import registry


def unsafe_settings() -> list[str]:
    """Return one sentence for each setting that cannot be safe: which, and what would be right."""
    found = [f"time limits: {sentence}" for sentence in settings.TIME_LIMITS.disorder()]
    try:
        if len(settings.SECRET_KEY) < 32:
            found.append("SECRET_KEY: must be at least 32 random characters")
    except ImproperlyConfigured:
        found.append("SECRET_KEY: must be set")
    if settings.DEBUG and settings.BASE_URL.startswith("https://"):
        found.append("DEBUG: must be off where BASE_URL is https")
    if settings.DEMO and settings.BASE_URL.startswith("https://"):
        found.append("DEMO: must be off where BASE_URL is https, because it signs everybody in")
    if settings.CRASH_POINTS and settings.BASE_URL.startswith("https://"):
        found.append("CRASH_POINTS: must not be set where BASE_URL is https, because it kills processes")
    try:
        registry.registry()
    except ImproperlyConfigured as error:
        found.append(str(error))
    return found


def refuse_unsafe_settings() -> None:
    """Raise ImproperlyConfigured naming every unsafe setting, so that the process ends instead of serving."""
    if found := unsafe_settings():
        raise ImproperlyConfigured("\n".join(found))
