"""Entry point of the `web` processes."""

from __future__ import annotations

import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from paysite.startup import start_or_exit, started

# Settings are read on first use, which is below.
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "paysite.settings")
os.environ.setdefault("DATABASE_POOL", "1")
os.environ.setdefault("DATABASE_STATEMENT_TIMEOUT_MS", "5000")

start_or_exit()
application = get_wsgi_application()
# All pages and the API, before anybody asks for them and not while somebody waits.
import_module(settings.ROOT_URLCONF)
started()
