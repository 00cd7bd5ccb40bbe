"""`python -m paysite.serve web|live`: one instance, which leaves the balancer before it stops.

On SIGTERM (or SIGINT) `/health/ready` says 503 while everything else is served as before. After DRAIN_S seconds the
balancer knows, so that the listening sockets can be closed and what is at hand finished. A second signal, or
`STOP_WITHIN_S` seconds of finishing, ends it hard: rows have leases and streams reconnect, so nothing is lost.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.server.mp import MPServer

from deposits import stopping

#: Longer than any answer takes: a held form waits 8 s, the database gives up a statement after 5 s.
STOP_WITHIN_S = 15
#: Streams end themselves once draining is over; the sockets are closed after they have begun to.
STREAMS_END_S = 0.3
#: The balancer keeps idle connections for less than this, so that none is closed just as it is used.
IDLE_CONNECTION_S = 75


class DrainingServer(MPServer):
    """Granian, but for what the first and the second signal to stop do."""

    def __init__(self, *arguments: Any, drain_s: float, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._drain_s = drain_s

    def signal_handler_interrupt(self, *arguments: Any, **options: Any) -> None:
        """First: be unready for `drain_s` seconds, then stop in good order. Second: end now."""
        if stopping.asked():
            for worker in self.wrks:
                worker.kill()  # type: ignore[no-untyped-call]
            os._exit(1)
        stopping.ask()
        end = threading.Timer(self._drain_s, super().signal_handler_interrupt)
        end.daemon = True
        end.start()


def server(options: argparse.Namespace) -> DrainingServer:
    """Return the server that `options` describe; see `main`."""
    live = options.kind == "live"
    return DrainingServer(
        "paysite.asgi:application" if live else "paysite.wsgi:application",
        address=options.host,
        port=options.port,
        interface=Interfaces.ASGI if live else Interfaces.WSGI,
        workers=options.workers,
        blocking_threads=1 if live else options.threads,
        http1_settings=HTTP1Settings(header_read_timeout=IDLE_CONNECTION_S * 1_000),
        workers_kill_timeout=STOP_WITHIN_S,
        drain_s=settings.DRAIN_S + (STREAMS_END_S if live else 0),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to stop; 0 after an orderly end."""
    parser = argparse.ArgumentParser(prog="paysite.serve", description=__doc__)
    parser.add_argument("kind", choices=("web", "live"), help="pages and API, or the event streams")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (default 8000)")
    parser.add_argument("--workers", type=int, default=1, help="processes (default 1; live needs no more)")
    parser.add_argument(
        "--threads", type=int, default=16, help="requests that one web process answers at a time"
    )
    options = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "paysite.settings")
    # The flag to stop is shared by forking.
    multiprocessing.set_start_method("fork")
    server(options).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
