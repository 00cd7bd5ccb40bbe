"""The schema grows while deposits are being posted: nobody notices, and who cannot have a lock tries again."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection

from tests.local_servers import ROOT, servers
from tests.stack import Stack, await_condition

#: More than this a POST does not wait for a lock: the migration's own patience, and a little for two busy cores.
_LONGEST_S = 5.0


def database_url() -> str:
    return servers().database_url.rsplit("/", 1)[0] + f"/{connection.settings_dict['NAME']}"


def migrate(target: str) -> subprocess.Popen[str]:
    """Start `manage.py migrate` of the test's app to `target`, as a deployment does."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "tests.broken_parts.migrating_settings",
    }
    command = [sys.executable, "manage.py", "migrate", "migrating", target]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for it, and return what it said."""
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    return said


class Posting:
    """Deposits posted one after the other from two threads, until told to stop."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._stop = threading.Event()
        self.statuses: list[int] = []
        self._threads = [threading.Thread(target=self._post) for _ in range(2)]

    def __enter__(self) -> Posting:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _post(self) -> None:
        while not self._stop.is_set():
            self.statuses.append(self._stack.deposit("101").status)


@pytest.fixture
def _as_before() -> Iterator[None]:
    yield
    finish(migrate("zero"))


@pytest.mark.usefixtures("_as_before")
def test_f50_deposits_are_accepted_while_the_schema_grows(stack: Stack) -> None:
    with Posting(stack) as posting:
        await_condition(lambda: len(posting.statuses) > 10, what="deposits being posted")
        # Somebody else's transaction has written to both tables and does not end.
        with psycopg.connect(database_url()) as other:
            other.execute("LOCK TABLE deposits_deposit, deposits_depositevent IN ROW EXCLUSIVE MODE")
            process = migrate("0001")
            assert process.stdout is not None
            said = ""
            while "trying again" not in said:
                line = process.stdout.readline()
                assert line, f"it ended: {said}"
                said += line
            # It has let go: requests pass, although the other transaction is still open.
            before = len(posting.statuses)
            await_condition(
                lambda: len(posting.statuses) > before + 10, what="deposits being posted while it waits"
            )
            other.rollback()
        finish(process)
    assert set(posting.statuses) == {201}
    with psycopg.connect(database_url()) as looking:
        valid = looking.execute(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = 'event_of_a_test'::regclass"
        ).fetchone()
    assert valid == (True,)
