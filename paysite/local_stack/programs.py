"""The site's processes as command lines, and the environment they share."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from paysite.local_stack.keys import Keys
from paysite.local_stack.ports import HOST, Ports
from paysite.local_stack.processes import Program, alive_for, http_ready, log_says

SANDBOX_CLIENT_ID = "paysite"


@dataclass(frozen=True)
class Site:
    """One site on this machine: where it lies, where it keeps its data, its ports, its keys."""

    root: Path
    data_dir: Path
    ports: Ports
    keys: Keys
    instances: int = 1

    @property
    def base_url(self) -> str:
        """Where players, partners and staff go."""
        return f"http://{HOST}:{self.ports.web()}"

    @property
    def live_url(self) -> str:
        """Where pages get their event streams from."""
        return f"http://{HOST}:{self.ports.live()}"

    @property
    def sandbox_url(self) -> str:
        """Where the simulated carriers answer."""
        return f"http://{HOST}:{self.ports.sandbox}"

    def all_ports(self) -> list[int]:
        """Ports of the site's own processes."""
        numbers = range(self.instances)
        return sorted({self.ports.sandbox, *map(self.ports.web, numbers), *map(self.ports.live, numbers)})

    def environment(self, database_url: str, redis_url: str) -> dict[str, str]:
        """Environment of every process: what the person set wins, but for the addresses, which must agree."""
        defaults = {
            "SECRET_KEY": self.keys.secret_key,
            "NOTIFICATION_SECRET": self.keys.notification_secret,
            "DEMO": "1",
            "DEBUG": "0",
            "ALLOWED_HOSTS": f"{HOST},localhost,[::1]",
            # Compressed copies take half a minute to make, and win nothing on the loopback address.
            "STATICFILES_BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",
        }
        addresses = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "BASE_URL": self.base_url,
            "LIVE_URL": self.live_url,
            "SANDBOX_URL": self.sandbox_url,
            "SANDBOX_CLIENT_ID": SANDBOX_CLIENT_ID,
            "SANDBOX_CLIENT_SECRET": self.keys.sandbox_client_secret,
            # Output goes to log files, and is to be there when a process is killed.
            "PYTHONUNBUFFERED": "1",
        }
        return {**defaults, **os.environ, **addresses}


def tool(name: str) -> str:
    """Path of a command that was installed beside this Python."""
    return str(Path(sys.executable).parent / name)


def manage(name: str, environment: Mapping[str, str], *arguments: str) -> Program:
    """A command of manage.py, logged as `name`."""
    return Program(name, (sys.executable, "manage.py", *arguments), environment)


def sandbox(site: Site, environment: Mapping[str, str]) -> Program:
    """The simulator of carriers, a program of its own. It reads its client's id and secret from the environment."""
    return Program(
        "sandbox",
        (
            *(sys.executable, "-m", "carriers.sandbox", "--host", HOST, "--port", str(site.ports.sandbox)),
            *("--data-dir", str(site.data_dir / "sandbox")),
        ),
        environment,
        http_ready(f"{site.sandbox_url}/sandbox/health"),
    )


def instance(site: Site, environment: Mapping[str, str], number: int) -> list[Program]:
    """Web, live, worker and sweeper of one instance; instances are counted from 0 and are all alike."""
    suffix = "" if number == 0 else f"-{number + 1}"
    return [
        _web(site, environment, number, suffix),
        _live(site, environment, number, suffix),
        _worker(environment, suffix),
        Program(f"sweeper{suffix}", (sys.executable, "manage.py", "sweep"), environment, alive_for(1.0)),
    ]


def _web(site: Site, environment: Mapping[str, str], number: int, suffix: str) -> Program:
    port = site.ports.web(number)
    command = (
        *(tool("granian"), "--interface", "wsgi", "--host", HOST, "--port", str(port)),
        *("--workers", "2", "--blocking-threads", "4", "paysite.wsgi:application"),
    )
    pooled = {**environment, "DATABASE_POOL": "1"}
    return Program(f"web{suffix}", command, pooled, http_ready(f"http://{HOST}:{port}/health/ready"))


def _live(site: Site, environment: Mapping[str, str], number: int, suffix: str) -> Program:
    port = site.ports.live(number)
    command = (
        *(tool("granian"), "--interface", "asgi", "--host", HOST, "--port", str(port)),
        *("--workers", "1", "paysite.asgi:application"),
    )
    return Program(f"live{suffix}", command, environment, http_ready(f"http://{HOST}:{port}/health/live"))


def _worker(environment: Mapping[str, str], suffix: str) -> Program:
    # On SIGTERM an idle worker stops at once, and a busy one as soon as the tasks at hand are done. Nobody is there
    # to mingle and gossip with, and waiting for neighbours' answers would take a second.
    command = (
        *(tool("celery"), "-A", "paysite", "worker", "--pool", "prefork", "--concurrency", "4"),
        *("-Q", "carriers", "--hostname", f"worker{suffix}@%h", "--without-mingle", "--without-gossip"),
        *("--loglevel", "INFO"),
    )
    return Program(f"worker{suffix}", command, environment, log_says(" ready."))
