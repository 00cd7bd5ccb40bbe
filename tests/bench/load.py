"""A load generator that costs little: one thread, plain sockets, requests made ready beforehand."""

from __future__ import annotations

import json
import selectors
import socket
import time
import uuid
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Sent:
    """What came back: seconds per answer, and how many were not 201."""

    latencies_s: list[float] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    elapsed_s: float = 0.0

    def percentile_ms(self, share: float) -> float:
        """Return the latency, in milliseconds, that `share` of the answers stayed below."""
        ordered = sorted(self.latencies_s)
        return 1_000 * ordered[min(int(len(ordered) * share), len(ordered) - 1)]


class _Client:
    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def answer(self) -> bytes:
        data = self.socket.recv(65_536)
        head, _, body = data.partition(b"\r\n\r\n")
        lower = head.lower()
        at = lower.index(b"content-length:") + 15
        length = int(lower[at : lower.find(b"\r", at) if b"\r" in lower[at:] else None])
        while len(body) < length:
            body += self.socket.recv(65_536)
        return head


def post_deposits(base_url: str, api_key: str, seconds: float, clients: int) -> Sent:
    """POST deposits over `clients` kept-alive connections for `seconds`, each as soon as the one before is answered."""
    where = urlsplit(base_url)
    address = (where.hostname or "127.0.0.1", where.port or 80)
    sent = Sent()
    selector = selectors.DefaultSelector()
    started = time.perf_counter()
    number = 0
    for _ in range(clients):
        client = _Client(address)
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.send(_request(where.netloc, api_key, number))
        number += 1
    running = clients
    while running:
        for key, _ in selector.select():
            client = key.data
            head = client.answer()
            now = time.perf_counter()
            sent.latencies_s.append(now - client.sent_at)
            if not head.startswith(b"HTTP/1.1 201"):
                sent.refused.append(head.split(b"\r\n", 1)[0].decode())
            if now - started < seconds:
                client.send(_request(where.netloc, api_key, number))
                number += 1
            else:
                selector.unregister(client.socket)
                client.socket.close()
                running -= 1
    sent.elapsed_s = time.perf_counter() - started
    return sent


#: Numbers of the sandbox's range that have no story.
PLAIN_NUMBERS = [f"+447700900{last:03}" for last in range(21, 1_000)]


def _request(host: str, api_key: str, number: int) -> bytes:
    phone = PLAIN_NUMBERS[number % len(PLAIN_NUMBERS)]
    body = json.dumps(
        {
            "player": f"bench-{phone[-3:]}",
            "amount": 100,
            "currency": "GBP",
            "partner_reference": f"order-{number}",
            "method": {"type": "carrier_billing", "phone_number": phone},
        }
    ).encode()
    head = (
        f"POST /api/v1/deposits HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {api_key}\r\n"
        f"Idempotency-Key: {uuid.uuid4()}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
