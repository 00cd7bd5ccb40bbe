"""Measure the CPU time the sandbox spends on one approved payment.

    python -m tests.carriers.sandbox.measure_cpu [payments]

One kept-alive connection, one request at a time, so that the figure is the cost of a request and not of a queue.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
from pathlib import Path

from tests.carriers.sandbox.harness import Sandbox, payment_body

ROUNDS = 3
WARM_UP = 500


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far. The ticks of /proc are 10 ms long: measure many payments."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def send(connection: socket.socket, token: str, number: int) -> None:
    """One approved payment over an open connection."""
    body = payment_body(f"+44770090{1000 + number % 9000}", f"m-{number}-{time.monotonic_ns()}")
    head = (
        "POST /carrier-billing/v0.5/payments HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nx-correlator: m-{number}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    answer = connection.recv(65_536)
    if not answer.startswith(b"HTTP/1.1 201"):
        raise SystemExit(answer.decode())


def main(payments: int) -> None:
    """Print the figure of each round."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Sandbox(Path(folder)) as sandbox,
        socket.create_connection(("127.0.0.1", sandbox.port)) as connection,
    ):
        token = sandbox.token()
        for number in range(WARM_UP):
            send(connection, token, number)
        for _ in range(ROUNDS):
            cpu, wall = cpu_seconds(sandbox.pid), time.monotonic()
            for number in range(payments):
                send(connection, token, number)
            spent = (cpu_seconds(sandbox.pid) - cpu) / payments
            took = (time.monotonic() - wall) / payments
            sys.stdout.write(f"{spent * 1e6:.0f} us CPU, {took * 1e6:.0f} us wall a payment\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
