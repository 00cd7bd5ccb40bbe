"""Fixtures: the running product, with several networks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from tests.faults_carriers.networks import Networks, running
from tests.local_servers import servers


@pytest.fixture(scope="module")
def networks(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Networks]:
    """Several networks; a test that breaks one heals it."""
    with django_db_blocker.unblock():
        name = connection.settings_dict["NAME"]
    database_url = servers().database_url.rsplit("/", 1)[0] + f"/{name}"
    with running(Path(tmp_path_factory.mktemp("networks")), database_url, servers().redis_url) as found:
        yield found
