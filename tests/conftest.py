"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import setup_databases, teardown_databases
from pytest_django.plugin import DjangoDbBlocker

from tests.local_servers import servers
from tests.sandbox_rules import LIFTED
from tests.stack import Stack


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


def database_url(blocker: DjangoDbBlocker) -> str:
    """Return the address of the test database, for processes of their own."""
    with blocker.unblock():
        return servers().database_url.rsplit("/", 1)[0] + f"/{connection.settings_dict['NAME']}"


@pytest.fixture(scope="module")
def stack(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The whole product, running, over the test database, for the tests of one module; each makes its own players.

    It ends with the module, so that no worker takes deposits away from tests that claim them themselves.
    """
    running = Stack(
        Path(tmp_path_factory.mktemp("stack")), database_url(django_db_blocker), servers().redis_url
    )
    try:
        running.start()
        yield running
    finally:
        running.stop()
