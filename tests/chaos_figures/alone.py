"""Servers of our own, for what is measured by itself and for what would disturb everybody else's."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from paysite.local_stack.clean import remove
from paysite.local_stack.ports import Ports
from paysite.local_stack.servers import Servers
from tests.local_servers import ENVIRONMENT, ROOT, other_ports


@dataclass(frozen=True)
class Ground:
    """An empty, migrated database, a Redis, a folder for the processes' data, and ports for them."""

    servers: Servers
    folder: Path
    ports: Ports


@contextmanager
def servers_alone() -> Iterator[Ground]:
    """Start PostgreSQL and the Redis-compatible server, make the tables; stop and forget all of it at the end."""
    os.environ.update(ENVIRONMENT)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "paysite.settings")
    parent = ROOT / ".data"
    (parent / "static").mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="figures-", dir=parent))
    folder.chmod(0o755)  # as root the servers run as another account, which must be able to enter
    ports = other_ports()
    try:
        # Ours, whatever other servers the environment names.
        with Servers(folder, ports.postgres, ports.valkey, environ={}) as servers:
            environment = {**os.environ, "DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
            migrate = [sys.executable, "manage.py", "migrate", "-v0"]
            subprocess.run(migrate, env=environment, cwd=ROOT, check=True)
            yield Ground(servers, folder, ports)
    finally:
        remove(folder)
