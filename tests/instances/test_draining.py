"""What an instance does between being told to stop and its end."""

from __future__ import annotations

import html
import http.client
import os
import re
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import pytest
from pytest_django.plugin import DjangoDbBlocker

from paysite.local_stack.os_processes import is_alive
from tests.conftest import standing_stack
from tests.stack import Answer, Stack, await_condition
from tests.stack import http as fetch

#: Long enough to be looked at on a busy machine as well; what comes after it is waited for.
DRAIN_S = 5


@pytest.fixture(scope="module")
def stack(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Two instances behind the balancer, which take their time to stop."""
    folder = tmp_path_factory.mktemp("stack")
    longer = {"DRAIN_S": str(DRAIN_S)}
    with standing_stack(django_db_blocker, folder, longer, instances=2, balanced=True) as running:
        yield running


def _asked(stack: Stack, kind: str, path: str) -> Answer:
    """Ask the first instance itself, not the balancer."""
    port = stack.site.web_port(0) if kind == "web" else stack.site.live_port(0)
    headers = {"Authorization": f"Bearer {stack.api_key}"}
    return fetch("GET", f"http://127.0.0.1:{port}{path}", None, headers)


@pytest.mark.parametrize(
    ("kind", "path", "status"), [("web", "/api/v1/deposits", 200), ("live", "/live/", 404)]
)
def test_an_instance_that_is_told_to_stop_says_so_and_serves_on(
    stack: Stack, kind: str, path: str, status: int
) -> None:
    with ThreadPoolExecutor() as others:
        ending = others.submit(stack.end, kind)
        await_condition(lambda: _asked(stack, kind, "/health/ready").status == 503, what="it being unready")
        # It is alive and answers like any other, so that nobody notices until the balancer has.
        assert _asked(stack, kind, "/health/live").status == 200
        assert _asked(stack, kind, path).status == status
        ending.result()
    with pytest.raises(OSError, match="refused"):
        _asked(stack, kind, "/health/live")
    stack.begin(kind)
    assert _asked(stack, kind, "/health/ready").status == 200


def test_a_second_signal_ends_it_hard(stack: Stack) -> None:
    pid = stack.pid("web")
    log = stack.log_dir / "web.log"
    said = len(log.read_text())
    os.kill(pid, signal.SIGTERM)
    await_condition(lambda: _asked(stack, "web", "/health/ready").status == 503, what="it being unready")
    os.kill(pid, signal.SIGTERM)
    await_condition(lambda: not is_alive(pid), what="the end")
    assert "Shutting down" not in log.read_text()[said:]
    # What dies is started again, as by a service manager.
    await_condition(lambda: stack.pid("web") != pid, what="the next start")
    await_condition(lambda: _is_ready(stack), what="the next one being ready")


def _is_ready(stack: Stack) -> bool:
    try:
        return _asked(stack, "web", "/health/ready").status == 200
    except OSError:
        return False


def test_a_stream_is_ended_whole_and_goes_on_at_another_instance(stack: Stack) -> None:
    page = fetch("GET", stack.deposit("016").body["page_url"]).body
    found = re.search(r'data-live="([^"]*)"', page)
    assert found is not None
    parts = urlsplit(html.unescape(found[1]))
    opened = threading.Semaphore(0)
    ends: list[str] = []

    def read_on() -> None:
        with closing(http.client.HTTPConnection(parts.netloc, timeout=60)) as connection:
            connection.request("GET", f"{parts.path}?{parts.query}")
            answer = connection.getresponse()
            assert answer.readline().startswith(b"data: ")
            opened.release()
            try:
                answer.read()
                ends.append("whole")
            except (http.client.HTTPException, OSError) as error:
                ends.append(repr(error))

    readers = [threading.Thread(target=read_on) for _ in range(4)]  # the balancer gives each instance two
    for reader in readers:
        reader.start()
        assert opened.acquire(timeout=60)
    stack.end("live")
    await_condition(lambda: len(ends) >= 2, what="the streams having ended")
    assert ends == ["whole"] * 2
    # Whoever comes now goes to the other one.
    another = threading.Thread(target=read_on)
    another.start()
    assert opened.acquire(timeout=60)
    stack.begin("live")
    stack.end("live-2")
    for reader in [*readers, another]:
        reader.join()
    assert ends == ["whole"] * 5
    stack.begin("live-2")
