"""Starts servers from a parent that has already imported the product, so that a death costs a fork and not a start.

`python -m tests.chaos.loaded web|live <paysite.serve's arguments>` is `paysite.serve`, which forks its workers after
the imports and forks another one for each that dies. `… sweeper` runs the sweeper in a child, and another one whenever
it dies.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import time
from types import FrameType
from typing import Any

#: As a service manager would wait before it starts a dead process again.
RESTART_S = 0.2


def main() -> None:
    """Import, then serve."""
    what = sys.argv[1]
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "paysite.settings")
    if what in ("web", "live"):
        if what == "web":
            importlib.import_module("paysite.wsgi")
        else:
            importlib.import_module("django").setup()
            importlib.import_module("deposits.ui.live")
        # The entry point of `live` is left to the child: its application belongs to one process.
        importlib.import_module("paysite.urls")
        _serve()
    else:
        importlib.import_module("django").setup()
        importlib.import_module("deposits.management.commands.sweep")
        _keep_sweeping()


class _Forgetful(dict[int, float]):
    """Granian ends when a worker dies twice within seconds: a loop, it thinks. Here it is the nemesis."""

    def get(self, key: int, default: Any = None) -> Any:
        return default


def _serve() -> None:
    serve: Any = importlib.import_module("paysite.serve")
    make = serve.server

    def respawning(options: argparse.Namespace) -> Any:
        server = make(options)
        server.respawn_failed_workers, server.respawn_interval = True, 0
        server.respawned_wrks = _Forgetful()
        return server

    serve.server = respawning
    sys.exit(serve.main(sys.argv[1:]))


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
