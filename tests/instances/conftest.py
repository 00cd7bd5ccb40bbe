"""Two of each process, behind HAProxy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.conftest import standing_stack
from tests.stack import Stack

STAFF_PASSWORD = "a-password-for-tests-only"


@pytest.fixture(scope="module")
def stack(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """The product as it runs in production: two instances behind the balancer, for the tests of one module."""
    folder = tmp_path_factory.mktemp("stack")
    staff = {"STAFF_PASSWORD": STAFF_PASSWORD}
    with standing_stack(django_db_blocker, folder, instances=2, balanced=True, environment=staff) as running:
        yield running
