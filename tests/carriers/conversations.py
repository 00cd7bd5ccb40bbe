"""Conversations without a protocol, to see what the driver makes of the network."""

from __future__ import annotations

import dataclasses
import socket

from carriers.driver import Result, run
from carriers.interface import Conversation, HttpAnswer, HttpRequest
from carriers.outcomes import Pending
from tests.carriers.line_server import answer
from tests.carriers.replies import PROFILE

QUICK = dataclasses.replace(PROFILE, connect_timeout_s=0.4, http_total_s=0.6)
SENT = Pending("sent")


def keep(connection: socket.socket, _: int) -> bool:
    connection.sendall(answer())
    return True


def close_silently(_connection: socket.socket, _: int) -> bool:
    return False


def post(url: str, body: bytes = b"charge", *, moves_money: bool = True) -> HttpRequest:
    return HttpRequest("POST", url, {"Content-Type": "application/json"}, body, moves_money)


def ask(*requests: HttpRequest) -> Conversation:
    """Send these one after the other; the outcome tells the last status."""
    received: HttpAnswer | None = None
    for request in requests:
        received = yield request
    return Pending(str(received.status)) if received else SENT


def one(conversation: Conversation, *, inquiry: bool = False) -> Result:
    (result,) = run([conversation], QUICK, inquiry=inquiry)
    return result


def unused_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/payments"
