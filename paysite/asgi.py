"""Entry point of the `live` processes: the event streams and nothing else, without Django's middleware."""

from __future__ import annotations

import os
from importlib import import_module

import django
from django.conf import settings

from paysite.startup import start_or_exit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "paysite.settings")
start_or_exit()
django.setup()

from deposits.ui.live import LiveApplication  # noqa: E402  its models need Django to be set up

application = LiveApplication()
# What a stream shows leads to pages: their addresses are here before the first one opens.
import_module(settings.ROOT_URLCONF)
