"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection
from django.db.backends.signals import connection_created
from django.test.utils import setup_databases, teardown_databases
from pytest_django.plugin import DjangoDbBlocker

from deposits.actions import accept as accepting
from tests.local_servers import servers
from tests.sandbox_rules import LIFTED
from tests.stack import PATIENCE_S, Stack


@pytest.fixture(scope="session", autouse=True)
def _passwords_are_cheap() -> Iterator[None]:
    """Most tests of the admin begin with a member of staff; a million rounds for each were minutes of every run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PBKDF2PasswordHasher, "iterations", 1)
        yield


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_looked_up_when_asked_for() -> Iterator[None]:
    """Each test client builds the middleware anew, and WhiteNoise would read all static files for every one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "WHITENOISE_AUTOREFRESH", True, raising=False)
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Make the test database, also for a run in which no test is marked `django_db`."""
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False, aliases={"default": None})
        with connection.cursor() as cursor:
            cursor.execute(LIFTED)
    yield
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database with real commits and no cleaning up: the product's tables refuse to forget.

    Tests that use it make players and keys of their own.
    """
    with django_db_blocker.unblock():
        yield
        connection.close()


@pytest.fixture
def patient(committed: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Who waits for a lock, or for those before, waits for as long as it takes on a busy machine.

    On every connection that is made from here on: who waits for company to be accepted with gives its own back.
    """
    patience_ms = round(PATIENCE_S * 1_000)

    def wait_longer(connection: Any, **_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {patience_ms}; SET statement_timeout = {patience_ms}")

    monkeypatch.setattr(accepting._together, "_patience_s", PATIENCE_S)
    monkeypatch.setattr(settings, "DATABASE_LOCK_TIMEOUT_MS", patience_ms)
    connection_created.connect(wait_longer)
    yield
    connection_created.disconnect(wait_longer)


def database_url(blocker: DjangoDbBlocker) -> str:
    """Return the address of the test database, for processes of their own."""
    with blocker.unblock():
        return servers().database_url.rsplit("/", 1)[0] + f"/{connection.settings_dict['NAME']}"


@contextmanager
def standing_stack(
    blocker: DjangoDbBlocker, folder: Path, environment: Mapping[str, str] | None = None, **how: Any
) -> Iterator[Stack]:
    """The whole product, running, over the test database, with more `environment`; `how`: of `Stack`."""
    running = Stack(folder, database_url(blocker), servers().redis_url, **how)
    running.environment |= environment or {}
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def stack(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The whole product, running, for the tests of one module; each makes its own players.

    It ends with the module, so that no worker takes deposits away from tests that claim them themselves.
    """
    with standing_stack(django_db_blocker, tmp_path_factory.mktemp("stack")) as running:
        yield running
