"""Starts servers from a parent that has already imported the product, so that a death costs a fork and not a start.

`python -m tests.chaos.loaded web|live <granian's arguments>` is granian itself, whose workers are forked after the
imports. `python -m tests.chaos.loaded sweeper` runs the sweeper in a child, and another one whenever it dies.
`python -m tests.chaos.loaded worker <celery's arguments>` is Celery itself, for a worker whose clock is moved.
"""

from __future__ import annotations

import importlib
import os
import select
import signal
import sys
import time
from types import FrameType
from typing import SupportsIndex

#: As a service manager would wait before it starts a dead process again.
RESTART_S = 0.2


def main() -> None:
    """Import, then serve."""
    what = sys.argv[1]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "paysite.settings")
    if what == "web":
        importlib.import_module("paysite.wsgi")
        importlib.import_module("paysite.urls")
        _granian()
    elif what == "live":
        # The entry point itself is left to the child: its application belongs to one process.
        importlib.import_module("django").setup()
        importlib.import_module("deposits.ui.live")
        _granian()
    elif what == "worker":
        # libfaketime 0.9.10 refuses the call by which Python sleeps (an absolute time of a clock that is not moved).
        time.sleep = _sleep
        sys.argv = ["celery", *sys.argv[2:]]
        importlib.import_module("celery.__main__").main()
    else:
        importlib.import_module("django").setup()
        importlib.import_module("deposits.management.commands.sweep")
        _keep_sweeping()


def _granian() -> None:
    sys.argv = ["granian", *sys.argv[2:]]
    importlib.import_module("granian.cli").entrypoint()


def _sleep(seconds: float | SupportsIndex) -> None:
    select.select([], [], [], float(seconds))


def _keep_sweeping() -> None:
    child = 0

    def stop(number: int, _: FrameType | None) -> None:
        if child:
            os.kill(child, number)
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    while True:
        child = os.fork()
        if not child:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            importlib.import_module("django.core.management").call_command("sweep")
            os._exit(0)
        os.waitpid(child, 0)
        child = 0
        time.sleep(RESTART_S)


if __name__ == "__main__":
    main()
