"""One running product for all fault tests of this folder, with crash points to be armed at will."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from deposits.models import Deposit
from deposits.states import FINAL
from tests.faults.rig import Rig
from tests.local_servers import servers
from tests.stack import Stack


@pytest.fixture(scope="package")
def running_rig(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rig]:
    """The product, running, for all tests of this folder."""
    with django_db_blocker.unblock():
        settings = connection.settings_dict
        # What other tests have left open must not walk into the deaths that are meant for ours.
        Deposit.objects.exclude(state__in=FINAL).update(next_action_at=None)
        connection.close()
    database = servers().database_url.rsplit("/", 1)[0] + f"/{settings['NAME']}"
    folder = Path(tmp_path_factory.mktemp("faults"))
    deaths = folder / "deaths"
    deaths.mkdir()
    stack = Stack(folder, database, servers().redis_url)
    stack.environment["CRASH_POINTS"] = str(deaths)
    try:
        stack.start()
        yield Rig(stack, deaths)
    finally:
        stack.stop()


@pytest.fixture
def rig(running_rig: Rig, committed: None) -> Iterator[Rig]:
    """The running product, whole: each test leaves no death, fault or script behind."""
    running_rig.await_web()
    yield running_rig
    running_rig.disarm()
    running_rig.calm()
