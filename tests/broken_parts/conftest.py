"""The whole product with a proxy between it and PostgreSQL, and its metrics open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from tests.broken_parts.proxied import TOKEN, Proxied
from tests.fault_proxy import FaultProxy
from tests.local_servers import servers
from tests.stack import Stack


@pytest.fixture(scope="module")
def proxied(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxied]:
    """Every process, each connection to PostgreSQL through the proxy, for the tests of one module."""
    with django_db_blocker.unblock():
        name = connection.settings_dict["NAME"]
    real = urlsplit(servers().database_url)
    assert real.port is not None
    data_dir = Path(tmp_path_factory.mktemp("proxied"))
    with FaultProxy(real.port) as proxy:
        through = real._replace(
            netloc=real.netloc.replace(f":{real.port}", f":{proxy.port}"), path=f"/{name}"
        )
        stack = Stack(data_dir, through.geturl(), servers().redis_url)
        stack.environment |= {"METRICS_TOKEN": TOKEN, "PROMETHEUS_MULTIPROC_DIR": str(data_dir / "metrics")}
        running = Proxied(stack, proxy)
        try:
            stack.start()
            yield running
        finally:
            stack.stop()
