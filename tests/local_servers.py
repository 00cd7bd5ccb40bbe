"""Gives the test run its PostgreSQL and Redis-compatible server, before Django reads its settings.

DATABASE_URL and REDIS_URL in the environment name other servers, and are used as they are.
"""

from __future__ import annotations

import os
import random
import tempfile
from functools import cache
from pathlib import Path

import pytest
from joserfc.jwk import RSAKey

from paysite.catalogues import compile_stale
from paysite.local_stack.clean import remove
from paysite.local_stack.ports import Ports, is_free
from paysite.local_stack.servers import Servers

ROOT = Path(__file__).resolve().parent.parent

#: What the tests run with. All waits are a tenth of production's; the order of the limits stays.
ENVIRONMENT = {
    "SECRET_KEY": "key-for-tests-only-key-for-tests-only-key-for-tests-only",
    "SANDBOX_CLIENT_ID": "paysite",
    "SANDBOX_CLIENT_SECRET": "sandbox-secret-for-tests",
    "NOTIFICATION_SECRET": "notification-secret-for-tests",
    "BANK_SIGNING_KEY": RSAKey.generate_key(2_048).as_pem(private=True).decode(),
    "SEALING_KEYS": "sealing-key-for-tests-only",
    "TIME_DIVISOR": "10",
    "DEMO": "1",
    "LOG_LEVEL": "INFO",
    "STATICFILES_BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage",
}

#: Below those that the system gives to connections: such a one would take a port between the look and the start.
_FIRST_PORTS = range(10_000, 32_000, 30)

_servers: Servers | None = None
_data_dir: Path | None = None


@cache
def stack_ports() -> Ports:
    """Return the ports of this run."""
    return other_ports()


def other_ports() -> Ports:
    """Return ports for one more stack: a first one whose followers, for two balanced instances, are free as well."""
    for _ in range(100):
        ports = Ports(random.choice(_FIRST_PORTS))
        if all(is_free(ports.first + offset) for offset in (*range(7), 10, 11, 20, 21)):
            return ports
    raise RuntimeError("no run of free ports was found")


def servers() -> Servers:
    """Return the servers of this run, for tests that kill them."""
    if _servers is None:
        raise RuntimeError("the servers of the test run were not started")
    return _servers


def servers_log(name: str) -> str:
    """Return what our "postgres" or "valkey" has logged so far; empty where the environment names another."""
    path = _data_dir / "log" / f"{name}.log" if _data_dir else None
    return path.read_text(errors="replace") if path and path.exists() else ""


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Start the servers. Runs before pytest-django sets Django up."""
    global _servers, _data_dir
    os.environ.update(ENVIRONMENT)
    parent = ROOT / ".data"
    # Static files are found where they lie; that nobody has collected them yet is no reason to warn.
    (parent / "static").mkdir(parents=True, exist_ok=True)
    compile_stale(ROOT / "locale")
    _data_dir = Path(tempfile.mkdtemp(prefix="test-", dir=parent))
    # As root the servers run as another account, which must be able to enter.
    _data_dir.chmod(0o755)
    ports = stack_ports()
    _servers = Servers(_data_dir, ports.postgres, ports.valkey)
    _servers.start()
    os.environ["DATABASE_URL"] = _servers.database_url
    os.environ["REDIS_URL"] = _servers.redis_url
    os.environ["BASE_URL"] = f"http://127.0.0.1:{ports.web()}"
    os.environ["LIVE_URL"] = f"http://127.0.0.1:{ports.live()}"
    os.environ["SANDBOX_URL"] = f"http://127.0.0.1:{ports.sandbox}"
    os.environ["SANDBOX_BANK_URL"] = f"http://127.0.0.1:{ports.bank}"


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the servers and forget their data."""
    if _servers is not None:
        _servers.stop()
    if _data_dir is not None:
        remove(_data_dir)
