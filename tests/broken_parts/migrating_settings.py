"""The site's settings with one more app, whose migration a test applies while deposits are being posted."""

from __future__ import annotations

from paysite.settings import *  # noqa: F403
from paysite.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.broken_parts.migrating"]
