"""The site's settings, but for what UNSAFE says: how an installation could go wrong by hand."""

from __future__ import annotations

import os
import sys
from types import ModuleType

from carriers.adapters.camara import Adapter
from paysite.settings import *  # noqa: F403
from paysite.settings import CARRIERS, CELERY_BROKER_TRANSPORT_OPTIONS, DATABASES


class _Deaf(Adapter):
    """A carrier that charges twice when asked twice, and cannot say what it did."""

    resend_is_safe = False
    can_inquire = False


match os.environ["UNSAFE"]:
    case "visibility":
        # Shorter than the task: Redis would hand the same ring out again while it is being worked on.
        CELERY_BROKER_TRANSPORT_OPTIONS = {**CELERY_BROKER_TRANSPORT_OPTIONS, "visibility_timeout": 3}
    case "acks":
        CELERY_TASK_REJECT_ON_WORKER_LOST = True
        CELERY_TASK_ACKS_LATE = False
    case "deaf carrier":
        sys.modules["carriers.adapters.deaf"] = module = ModuleType("carriers.adapters.deaf")
        module.Adapter = _Deaf  # type: ignore[attr-defined]
        CARRIERS = [{**CARRIERS[0], "adapter": "deaf"}]
    case "slow carrier":
        CARRIERS = [{**CARRIERS[0], "http_total_s": 25.0}]
    case "two databases":
        DATABASES = {**DATABASES, "replica": DATABASES["default"]}
    case "debug":
        DEBUG = True
