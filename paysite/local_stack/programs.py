"""The site's processes as command lines, and the environment they share."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from paysite.local_stack.haproxy import require_haproxy, servers_up, write_configuration
from paysite.local_stack.keys import Keys
from paysite.local_stack.ports import HOST, Ports
from paysite.local_stack.processes import Program, alive_for, http_ready, log_says

SANDBOX_CLIENT_ID = "paysite"

# Of a web instance that stands alone. Behind the balancer an instance is one process, and there are as many as wanted:
# it shares out requests better than the system does among the processes of one port.
PROCESSES_ALONE = 2


@dataclass(frozen=True)
class Site:
    """One site on this machine: where it lies, where it keeps its data, its ports, its keys.

    `balanced`: HAProxy stands before the instances and has the first ports; else each instance is reached directly.
    """

    root: Path
    data_dir: Path
    ports: Ports
    keys: Keys
    instances: int = 1
    balanced: bool = False

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

    @property
    def bank_url(self) -> str:
        """Where the simulated banks answer, and players approve."""
        return f"http://{HOST}:{self.ports.bank}"

    @property
    def figures_url(self) -> str:
        """Where HAProxy tells what it sees."""
        return f"http://{HOST}:{self.ports.balancer_figures}"

    def web_port(self, number: int) -> int:
        """Where the web instance with this number, counted from 0, itself listens."""
        return self.ports.web(number + self.balanced)

    def live_port(self, number: int) -> int:
        """Where the live instance with this number, counted from 0, itself listens."""
        return self.ports.live(number + self.balanced)

    def all_ports(self) -> list[int]:
        """Ports of the site's own processes."""
        numbers = range(self.instances)
        own = {self.ports.sandbox, self.ports.bank}
        ports = {*own, *map(self.web_port, numbers), *map(self.live_port, numbers)}
        if self.balanced:
            ports |= {self.ports.web(), self.ports.live(), self.ports.balancer_figures}
        return sorted(ports)

    def environment(self, database_url: str, redis_url: str) -> dict[str, str]:
        """Environment of every process: what the person set wins, but for the addresses, which must agree."""
        defaults = {
            "SECRET_KEY": self.keys.secret_key,
            "NOTIFICATION_SECRET": self.keys.notification_secret,
            "SEALING_KEYS": self.keys.sealing_key,
            "BANK_SIGNING_KEY": self.keys.bank_signing_key,
            "DEMO": "1",
            "DEBUG": "0",
            "ALLOWED_HOSTS": f"{HOST},localhost,[::1]",
            # Compressed copies take half a minute to make, and win nothing on the loopback address.
            "STATICFILES_BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",
            # With nobody in front there is nobody to be told that an instance is about to stop.
            **({"TRUSTED_PROXIES": HOST} if self.balanced else {"DRAIN_S": "0"}),
        }
        addresses = {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "BASE_URL": self.base_url,
            "LIVE_URL": self.live_url,
            "SANDBOX_URL": self.sandbox_url,
            "SANDBOX_BANK_URL": self.bank_url,
            "SANDBOX_CLIENT_JWKS_URL": f"{self.base_url}/.well-known/jwks.json",
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
    """The simulator of carriers and banks, a program of its own.

    It reads its client's id and secret, and where the client's public keys are, from the environment.
    """
    return Program(
        "sandbox",
        (
            *(sys.executable, "-m", "carriers.sandbox", "--host", HOST, "--port", str(site.ports.sandbox)),
            *("--bank-port", str(site.ports.bank)),
            *("--client-redirect-uri", f"{site.base_url}/deposit/return/{{bank_id}}/"),
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


def balancer(site: Site) -> Program:
    """HAProxy before all instances, ready when it sees every one of them. LocalStackError where it is missing."""
    numbers = range(site.instances)
    servers = {
        "web": [f"{HOST}:{site.web_port(number)}" for number in numbers],
        "live": [f"{HOST}:{site.live_port(number)}" for number in numbers],
    }
    binds = {
        # Two addresses, because a browser opens no more than six connections to one: streams are not to use them up.
        "site": [f"{HOST}:{site.ports.web()}", f"{HOST}:{site.ports.live()}"],
        "figures": [f"{HOST}:{site.ports.balancer_figures}"],
    }
    program = require_haproxy(site.data_dir / "log")
    configuration = write_configuration(site.root, site.data_dir / "haproxy", binds, servers)
    return Program(
        "haproxy",
        # In the foreground, one process.
        (str(program), "-db", "-f", str(configuration)),
        {"PATH": os.environ.get("PATH", os.defpath)},
        lambda _: len(servers_up(site.figures_url)) == 2 * site.instances,
    )


def _web(site: Site, environment: Mapping[str, str], number: int, suffix: str) -> Program:
    port = site.web_port(number)
    command = (
        *(sys.executable, "-m", "paysite.serve", "web", "--host", HOST, "--port", str(port)),
        *("--workers", str(1 if site.balanced else PROCESSES_ALONE)),
    )
    pooled = {**environment, "DATABASE_POOL": "1"}
    return Program(f"web{suffix}", command, pooled, http_ready(f"http://{HOST}:{port}/health/ready"))


def _live(site: Site, environment: Mapping[str, str], number: int, suffix: str) -> Program:
    port = site.live_port(number)
    command = (sys.executable, "-m", "paysite.serve", "live", "--host", HOST, "--port", str(port))
    return Program(f"live{suffix}", command, environment, http_ready(f"http://{HOST}:{port}/health/ready"))


def _worker(environment: Mapping[str, str], suffix: str) -> Program:
    # On SIGTERM an idle worker stops at once, and a busy one as soon as the tasks at hand are done. Nobody is there
    # to mingle and gossip with, and waiting for neighbours' answers would take a second.
    command = (
        *(tool("celery"), "-A", "paysite", "worker", "--pool", "prefork", "--concurrency", "4"),
        *("-Q", "carriers", "--hostname", f"worker{suffix}@%h", "--without-mingle", "--without-gossip"),
        *("--loglevel", "INFO"),
    )
    return Program(f"worker{suffix}", command, environment, log_says(" ready."))
