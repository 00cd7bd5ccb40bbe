"""The Celery application. A message is a doorbell: it says that there is work, never what the work is."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_init, worker_shutting_down

from deposits import stopping
from paysite.startup import start_or_exit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "paysite.settings")
# Django's own checks would import all pages and the API, which no worker needs; ours are made below.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")
app = Celery("paysite")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["deposits"])


@celeryd_init.connect
def _refuse_unsafe_settings(conf: Any, options: dict[str, Any] | None = None, **_: Any) -> None:
    # SystemExit passes through the signal; an ordinary exception would only be logged, and the worker would go on.
    in_force = dict(conf)
    flags = {"time_limit": "task_time_limit", "soft_time_limit": "task_soft_time_limit"}
    for flag, name in flags.items():
        if (given := (options or {}).get(flag)) is not None:
            in_force[name] = given
    start_or_exit(in_force)


@worker_shutting_down.connect
def _stop_claiming(**_: Any) -> None:
    """The children finish what they have claimed, and claim no more."""
    stopping.ask()
