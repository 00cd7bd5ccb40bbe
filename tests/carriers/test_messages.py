"""Text messages: what goes to the service, and what counts as sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from carriers import messages
from carriers.messages import NotSent
from carriers.messages.bearer_json import Adapter

TOKEN = "token-of-the-installation"


class Service(ThreadingHTTPServer):
    """A service that keeps what it is sent, and answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 202
        self.asked: list[tuple[str, str, Any]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, self.headers["Authorization"], body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.mark.parametrize(("sender", "named"), [("", {}), ("Casino", {"from": "Casino"})])
def test_a_text_is_one_post_with_the_token(
    service: Service, settings: Any, sender: str, named: dict[str, str]
) -> None:
    settings.MESSAGES = {
        "adapter": "bearer_json",
        "base_url": f"http://127.0.0.1:{service.server_port}/v1/messages",
        "api_key": TOKEN,
        "sender": sender,
    }
    sending = messages.messages()
    assert sending is not None
    sending.send("+447700900001", "Grüße – £20")
    said = {"to": "+447700900001", "text": "Grüße – £20", **named}
    assert service.asked == [("/v1/messages", f"Bearer {TOKEN}", said)]


@pytest.mark.parametrize("status", [302, 400, 429, 500])
def test_what_is_refused_is_not_sent_and_not_tried_again(service: Service, status: int) -> None:
    service.status = status
    with pytest.raises(NotSent) as refused:
        Adapter(f"http://127.0.0.1:{service.server_port}/", TOKEN).send(
            "+447700900001", "123456 is your code"
        )
    assert len(service.asked) == 1
    assert TOKEN not in str(refused.value)
    assert "123456" not in str(refused.value)


def test_a_service_that_is_away_is_told_as_such() -> None:
    with pytest.raises(NotSent) as refused:
        Adapter("http://127.0.0.1:1/", TOKEN).send("+447700900001", "hello")
    assert TOKEN not in str(refused.value)
