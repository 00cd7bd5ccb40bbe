"""HAProxy before two instances: who gets requests, who gets none, and what is said when nobody can answer."""

from __future__ import annotations

import re
import subprocess
import urllib.parse
import urllib.request
import uuid
from collections import Counter
from pathlib import Path

from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from deposits.models import Deposit
from paysite.local_stack import haproxy
from tests.chaos_figures.load import Load
from tests.instances.conftest import STAFF_PASSWORD
from tests.local_servers import ROOT
from tests.stack import Stack, await_condition, http

KILLS = ["web", "web-2", "web"]


def test_the_configuration_in_deploy_is_valid_as_it_stands(tmp_path: Path) -> None:
    program = haproxy.require_haproxy(tmp_path)
    text = (ROOT / haproxy.CONFIGURATION).read_text()
    assert "chroot" in text  # which only root could check
    path = haproxy.write_configuration(ROOT, tmp_path, {}, {})

    answer = subprocess.run([program, "-c", "-f", path], capture_output=True, text=True, check=False)

    assert answer.returncode == 0, answer.stderr
    assert "server web-2" in path.read_text()
    assert "chroot" not in path.read_text()


def test_requests_go_to_every_instance(stack: Stack) -> None:
    for _ in range(8):
        assert stack.api("GET", "/deposits").status == 200
    figures = http("GET", f"{stack.site.figures_url}/stats;csv").body.splitlines()
    served = Counter(
        {line.split(",")[1]: int(line.split(",")[7]) for line in figures if line.startswith("web,web")}
    )
    assert served.keys() == {"web-1", "web-2"}
    assert min(served.values()) > 0


def test_what_instances_say_of_themselves_is_not_public(stack: Stack) -> None:
    for path in ("/health/live", "/health/ready", "/metrics", "/metrics/x"):
        assert http("GET", f"{stack.base_url}{path}").status == 404
    assert http("GET", f"{stack.base_url}/health").status == 200
    assert http("GET", f"http://127.0.0.1:{stack.site.web_port(1)}/health/ready").body == {"status": "ready"}


def test_callers_cannot_say_who_they_are(stack: Stack, django_db_blocker: DjangoDbBlocker) -> None:
    # A key in the address is noted in the audit trail, with the caller's address.
    forged = {
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
        "X-Request-Id": uuid.uuid4().hex,
    }
    http("GET", f"{stack.base_url}/api/v1/deposits?api_key={stack.api_key}", None, forged)
    with django_db_blocker.unblock():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT host(address) FROM accounts_auditrecord WHERE request_id = %s",
                [forged["X-Request-Id"]],
            )
            seen = cursor.fetchall()
        connection.close()
    assert seen == [("127.0.0.1",)]


def test_a_killed_instance_fails_no_get_twice_and_doubles_no_post(
    stack: Stack, django_db_blocker: DjangoDbBlocker
) -> None:
    load = Load(stack.base_url, stack.api_key, clients=8, rate=60).start()
    for victim in KILLS:
        before = load.tally.read
        await_condition(lambda before=before: load.tally.read > before + 10, what="the load going on")  # type: ignore[misc]
        stack.kill_until_missed(victim)
        await_condition(lambda: stack.missing_servers() == [], what="the balancer seeing it again")
    tally = load.stop()

    assert tally.broken_twice["read"] == 0, tally.failed
    with django_db_blocker.unblock():
        found = Deposit.objects.filter(idempotency_key__in=list(tally.accepted)).values_list(
            "idempotency_key", "pk"
        )
        keys = Counter(key for key, _ in found)
        connection.close()
    assert keys == Counter(list(tally.accepted))


def test_sessions_outlive_every_instance(stack: Stack) -> None:
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    admin = f"{stack.base_url}/admin/"

    def page(data: dict[str, str] | None = None) -> str:
        form = urllib.parse.urlencode(data).encode() if data else None
        with browser.open(f"{admin}login/?next=/admin/" if data else admin, form, timeout=30) as answer:
            text: str = answer.read().decode()
        return text

    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page())
    assert token is not None
    page({"csrfmiddlewaretoken": token[1], "username": "staff", "password": STAFF_PASSWORD})
    assert "/admin/logout/" in page()
    for victim in ("web", "web-2"):
        stack.kill_until_missed(victim)
        assert "/admin/logout/" in page()
        await_condition(lambda: stack.missing_servers() == [], what="the balancer seeing it again")
        assert "/admin/logout/" in page()
