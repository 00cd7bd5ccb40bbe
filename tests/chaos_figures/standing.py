"""A site of two instances behind HAProxy, with servers of its own, for a figure that is measured by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from paysite.local_stack.clean import remove
from paysite.local_stack.servers import Servers
from tests import local_servers
from tests.stack import Stack

Figures = dict[str, object]


@contextmanager
def balanced_stack() -> Iterator[Stack]:
    """A running stack of two instances behind HAProxy, over fresh tables, with the waits of the tests."""
    os.environ.update(local_servers.ENVIRONMENT)
    parent = local_servers.ROOT / ".data"
    parent.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="figures-", dir=parent))
    folder.chmod(0o755)  # as root the servers run as another account, which must be able to enter
    ports = local_servers.stack_ports()
    try:
        with Servers(folder, ports.postgres, ports.valkey, environ={}) as servers:
            stack = Stack(folder, servers.database_url, servers.redis_url, instances=2, balanced=True)
            _make_tables(stack)
            try:
                stack.start()
                yield stack
            finally:
                stack.stop()
    finally:
        remove(folder)


def _make_tables(stack: Stack) -> None:
    command = [sys.executable, "manage.py", "migrate", "-v0"]
    subprocess.run(command, env=stack.environment, cwd=local_servers.ROOT, check=True)


def report(measure: Callable[[Stack], Figures]) -> None:
    """Measure on a stack of its own, and print the figures as one line of JSON."""
    with balanced_stack() as stack:
        print(json.dumps(measure(stack)), flush=True)
