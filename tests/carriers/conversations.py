"""Conversations without a protocol, to see what the driver makes of the network."""

from __future__ import annotations

import dataclasses
import socket

from carriers.driver import Result, run
from carriers.interface import Conversation, HttpAnswer, HttpRequest
from carriers.outcomes import Pending
from carriers.profiles import CarrierProfile
from tests.carriers.line_server import answer
from tests.carriers.replies import PROFILE

#: For what comes, however slow the machine is; what a script waits for itself is given up before, after WAIT_S.
PATIENT = dataclasses.replace(PROFILE, connect_timeout_s=60.0, http_total_s=60.0)
WAIT_S = 30.0
#: Where no connection comes about: only connecting is limited.
SHUT_OUT = dataclasses.replace(PATIENT, connect_timeout_s=0.4)
#: Where no answer comes: a slow machine still has the time to send its request.
UNANSWERED = dataclasses.replace(PATIENT, http_total_s=3.0)
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


def one(conversation: Conversation, profile: CarrierProfile = PATIENT, *, inquiry: bool = False) -> Result:
    (result,) = run([conversation], profile, inquiry=inquiry)
    return result


def unused_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/payments"
