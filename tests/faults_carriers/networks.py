"""The whole product with several networks, one of them with two routes, each reached through a proxy that can fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from paysite.local_stack.ports import Ports, free_port
from tests.fault_proxy import FaultProxy
from tests.stack import Stack, http

#: A call may take ten seconds here: long enough that nobody mistakes a slow machine for a slow carrier.
TIME_DIVISOR = 2


@dataclass
class Networks:
    """The running product, and the ways to its carriers."""

    stack: Stack
    #: To the first route of +44770090…, to its second route, and to the other network, +447700905….
    first: FaultProxy
    second: FaultProxy
    other: FaultProxy
    #: A fourth carrier, of +447700907…, has this port, on which nobody listens.
    closed_port: int
    time_divisor: float

    def requests(self, operation: str = "POST") -> list[dict[str, Any]]:
        """Return what the sandbox carrier has been asked, oldest first, by HTTP method."""
        seen = http("GET", f"{self.stack.sandbox_url}/sandbox/requests").body["requests"]
        return [one for one in seen if one["method"] == operation and "payments" in one["path"]]

    def heal(self) -> None:
        """Let everything work again."""
        for proxy in (self.first, self.second, self.other):
            proxy.heal()
        http("DELETE", f"{self.stack.sandbox_url}/sandbox/settings")
        http("PUT", f"{self.stack.sandbox_url}/sandbox/settings", {"time_divisor": self.time_divisor})


@contextmanager
def running(
    folder: Path,
    database_url: str,
    redis_url: str,
    *,
    ports: Ports | None = None,
    time_divisor: float = TIME_DIVISOR,
) -> Iterator[Networks]:
    """Start everything, with its data in `folder`, and stop it at the end."""
    stack = Stack(folder, database_url, redis_url, ports=ports)
    with ExitStack() as proxies:
        port = stack.site.ports.sandbox
        first, second, other = (proxies.enter_context(FaultProxy(port)) for _ in range(3))
        closed_port = free_port()
        ways = {
            ("sandbox-mobile", "+44770090", 1): first.port,
            ("sandbox-mobile-2", "+44770090", 2): second.port,
            ("sandbox-other", "+447700905", 1): other.port,
            ("sandbox-closed", "+447700907", 1): closed_port,
            ("sandbox-dark", "+447700908", 1): free_port(),
        }
        stack.environment |= {
            "TIME_DIVISOR": str(time_divisor),
            "CARRIERS": json.dumps([_carrier(stack, *way, port, time_divisor) for way, port in ways.items()]),
        }
        try:
            stack.start()
            networks = Networks(stack, first, second, other, closed_port, time_divisor)
            networks.heal()
            yield networks
        finally:
            stack.stop()


def _carrier(
    stack: Stack, code: str, prefix: str, rank: int, port: int, time_divisor: float
) -> dict[str, Any]:
    like, *_ = settings.CARRIERS
    return {
        **like,
        "code": code,
        "rank": rank,
        # The second route of one network is that of another one, too.
        "prefixes": [prefix, "+447700908"] if rank == 2 else [prefix],
        "base_url": f"http://127.0.0.1:{port}/carrier-billing/v0.5",
        "token_url": f"{stack.sandbox_url}/oauth2/token",
        "notification_url": f"{stack.base_url}/carriers/{code}/notifications",
        "horizon_s": 45 / time_divisor,
        "not_found_apart_s": 60 / time_divisor,
        "http_total_s": 20 / time_divisor,
        "connect_timeout_s": 3 / time_divisor,
    }
