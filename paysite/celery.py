"""The Celery application. A message is a doorbell: it says that there is work, never what the work is."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_init, worker_shutting_down

from deposits import stopping
from paysite.startup import refuse_unsafe_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "paysite.settings")
app = Celery("paysite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["deposits"])


@celeryd_init.connect
def _refuse_unsafe_settings(**_: Any) -> None:
    refuse_unsafe_settings()


@worker_shutting_down.connect
def _stop_claiming(**_: Any) -> None:
    """The children finish what they have claimed, and claim no more."""
    stopping.ask()
