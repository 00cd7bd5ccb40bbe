"""Which ports the stack uses, and whether they are free."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass

from paysite.local_stack.errors import LocalStackError

HOST = "127.0.0.1"
DEFAULT_PORT = 8000
PORTS_PER_INSTANCE = 10
HIGHEST_PORT = 65_535


@dataclass(frozen=True)
class Ports:
    """The ports of the stack, all counted from the first: `make run PORT=…` moves them together."""

    first: int

    @property
    def sandbox(self) -> int:
        """The simulator of carriers."""
        return self.first + 2

    @property
    def valkey(self) -> int:
        """The Redis-compatible server."""
        return self.first + 3

    @property
    def postgres(self) -> int:
        """The database."""
        return self.first + 4

    @property
    def balancer_figures(self) -> int:
        """What HAProxy tells of itself, where it runs."""
        return self.first + 5

    @property
    def bank(self) -> int:
        """The simulated banks, where players approve payments."""
        return self.first + 6

    def web(self, instance: int = 0) -> int:
        """Pages and API of the web instance with this number, counted from 0."""
        return self.first + instance * PORTS_PER_INSTANCE

    def live(self, instance: int = 0) -> int:
        """Event streams of the instance with this number, counted from 0."""
        return self.web(instance) + 1


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: connections that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def check_free(ports: Iterable[int]) -> None:
    """Raise LocalStackError naming the first port that is taken."""
    for port in ports:
        if not 1 <= port <= HIGHEST_PORT:
            raise LocalStackError(f"port {port} does not exist; choose others: make run PORT={DEFAULT_PORT}")
        if not is_free(port):
            raise LocalStackError(
                f"port {port} is taken by another program; stop it, or choose other ports: make run PORT=9000"
            )


def free_port() -> int:
    """A port of the loopback address that nobody listens on at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port
