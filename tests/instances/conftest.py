"""Two of each process, behind HAProxy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.conftest import database_url
from tests.local_servers import servers
from tests.stack import Stack

STAFF_PASSWORD = "a-password-for-tests-only"


@pytest.fixture(scope="module")
def stack(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The product as it runs in production: two instances behind the balancer, for the tests of one module."""
    running = Stack(
        Path(tmp_path_factory.mktemp("stack")),
        database_url(django_db_blocker),
        servers().redis_url,
        instances=2,
        balanced=True,
    )
    running.environment["STAFF_PASSWORD"] = STAFF_PASSWORD
    try:
        running.start()
        yield running
    finally:
        running.stop()
