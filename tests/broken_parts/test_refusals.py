"""Every kind of process refuses to start with settings that cannot be safe, says which, and ends at once."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from django.db import connection

from accounts import api_keys
from accounts.models import ApiKey, Partner
from paysite.local_stack.ports import HOST, free_port
from paysite.local_stack.programs import tool
from tests.local_servers import ROOT, servers
from tests.stack import PATIENCE_S

#: What a person can read at one glance.
_MOST_LINES = 12


def commands() -> dict[str, list[str]]:
    """Each kind of process as the local stack starts it."""
    one = ["--workers", "1", "--blocking-threads", "1"]
    granian = [tool("granian"), "--host", HOST, "--port", str(free_port()), *one]
    return {
        "web": [*granian, "--interface", "wsgi", "paysite.wsgi:application"],
        "live": [*granian, "--interface", "asgi", "paysite.asgi:application"],
        "worker": [tool("celery"), "-A", "paysite", "worker", "-Q", "carriers", "--concurrency", "1"],
        "sweeper": [sys.executable, "manage.py", "sweep"],
    }


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it said."""

    status: int
    said: str


def start(kind: str, unsafe: str, environment: Mapping[str, str] | None = None, *flags: str) -> Ended:
    """Start a process of that kind, and wait until it has ended."""
    process = subprocess.run(
        [*commands()[kind], *flags],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.broken_parts.unsafe_settings",
            "UNSAFE": unsafe,
            **(environment or {}),
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return Ended(process.returncode, process.stdout + process.stderr)


def check_refused(ended: Ended, words: str) -> None:
    assert ended.status != 0
    assert words in ended.said
    assert "Traceback" not in ended.said
    assert len(ended.said.splitlines()) <= _MOST_LINES


@pytest.mark.parametrize("kind", ["web", "live", "worker", "sweeper"])
def test_f22_a_visibility_timeout_below_the_time_limit_is_refused_by_every_process(kind: str) -> None:
    ended = start(kind, "visibility")
    check_refused(ended, "CELERY_BROKER_TRANSPORT_OPTIONS visibility_timeout: 3 s must be longer than lease")


def test_f22_a_flag_of_the_worker_counts_like_a_setting() -> None:
    ended = start("worker", "", None, "--time-limit", "90")
    check_refused(ended, "lease: 6 s must be longer than CELERY_TASK_TIME_LIMIT, which is 90 s")


@pytest.mark.parametrize(
    ("unsafe", "words"),
    [
        ("acks", "CELERY_TASK_REJECT_ON_WORKER_LOST: must be False"),
        ("acks", "CELERY_TASK_ACKS_LATE: must be True"),
        ("deaf carrier", "can neither send again safely nor inquire"),
        ("slow carrier", "'sandbox-mobile': http_total_s: 25 s must be at most 2 s"),
    ],
)
def test_what_cannot_be_safe_is_named(unsafe: str, words: str) -> None:
    check_refused(start("sweeper", unsafe), words)


def test_f51_a_second_database_is_refused_because_a_replica_lags() -> None:
    check_refused(start("sweeper", "two databases"), "DATABASES: must be one")


@pytest.mark.usefixtures("committed")
def test_debug_is_refused_where_a_live_key_may_be_used() -> None:
    partner = Partner.objects.create(name="Casino", slug=uuid.uuid4().hex)
    api_keys.issue(partner, "live", ApiKey.Mode.LIVE)
    ended = start("web", "debug", {"DATABASE_URL": _test_database()})
    ApiKey.objects.filter(partner=partner).delete()
    check_refused(ended, "DEBUG: must be off while live API keys may be used")


def test_debug_is_refused_where_nobody_can_say_whether_there_are_live_keys() -> None:
    away = servers().database_url.replace(
        f":{servers().database_url.rsplit(':', 1)[1].split('/')[0]}/", ":1/"
    )
    check_refused(start("sweeper", "debug", {"DATABASE_URL": away}), "DEBUG: must be off where the database")


def _test_database() -> str:
    return servers().database_url.rsplit("/", 1)[0] + f"/{connection.settings_dict['NAME']}"
