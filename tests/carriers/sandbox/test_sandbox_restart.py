"""What survives a stop, a kill and a start; and starts that cannot be."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.carriers.sandbox.harness import BASE, PATIENCE_S, ROOT, Sandbox, Sink, payment_body, wait_until
from tests.carriers.sandbox.test_sandbox_stories import reserved


def test_restart_keeps_payments_charges_clock_and_what_is_due(
    fresh: Callable[..., Sandbox], sink: Sink
) -> None:
    sandbox = fresh("data", 0.01)  # 15 s become 1,500, 30 s 3,000: only the clock decides here
    sandbox.advance(1000)
    sandbox.pay("0001", "paid")
    waiting = sandbox.pay("0007", "later", sink=sink.url).json["paymentId"]
    prepared = reserved(sandbox, "0001", "prepared")
    with pytest.raises(TimeoutError):
        sandbox.pay("0014", "unseen", timeout=0.2)
    with pytest.raises(ConnectionError):
        sandbox.pay("0011", "turned away")
    before = sandbox.call("GET", "/sandbox/ledger").json
    shown = sandbox.payment(sandbox.listed("paid")[0]["paymentId"])
    assert sandbox.stop(signal.SIGKILL)[0] == -signal.SIGKILL
    sandbox.start()
    assert sandbox.call("GET", "/sandbox/ledger").json == before
    assert sandbox.payment(shown["paymentId"]) == shown
    assert sandbox.payment(prepared)["paymentStatus"] == "reserved"
    assert float(sandbox.call("GET", "/sandbox/clock").json["offset_s"]) == 1000
    assert sandbox.pay("0001", "paid").status == 400
    assert sandbox.pay("0011", "turned away").status == 201
    assert sandbox.listed("unseen") == []
    sandbox.advance(1_501)
    assert sink.next()["data"]["paymentId"] == waiting
    sandbox.advance(1_500)
    assert sandbox.charges("unseen") == [("charge", 2000)]
    assert sandbox.payment(prepared)["paymentStatus"] == "denied"


def test_files_cut_short_by_a_kill_are_healed(fresh: Callable[..., Sandbox], tmp_path: Path) -> None:
    sandbox = fresh()
    for reference in ("one", "two"):
        sandbox.pay("0001", reference)
    ledger = sandbox.call("GET", "/sandbox/ledger").json
    assert sandbox.stop() == (0, "")
    charges, payments = tmp_path / "data" / "charges.jsonl", tmp_path / "data" / "payments.jsonl"
    lines = charges.read_bytes().splitlines(keepends=True)
    assert [json.loads(line)["reference"] for line in lines] == ["one", "two"]
    charges.write_bytes(lines[0] + lines[1][:20])
    payments.write_bytes(payments.read_bytes() + b'{"line":"payment","id":"ha')
    sandbox.start()
    assert sandbox.call("GET", "/sandbox/ledger").json == ledger
    assert charges.read_bytes() == b"".join(lines)


def test_sigterm_ends_it_while_a_story_holds_a_connection(fresh: Callable[..., Sandbox]) -> None:
    sandbox = fresh("data", 1)
    body = payment_body("+447700900014", "held")
    head = f"POST {BASE}/payments HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer {sandbox.token()}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", sandbox.port)) as held:
        held.sendall(head.encode() + body)
        wait_until(lambda: len(sandbox.call("GET", "/sandbox/requests?reference=held").json["requests"]) == 1)
        assert sandbox.stop() == (0, "")


def test_a_taken_port_and_a_taken_folder_are_named(fresh: Callable[..., Sandbox], tmp_path: Path) -> None:
    sandbox = fresh()
    credentials = ("--client-id", "a", "--client-secret", "b")

    def start(folder: str, port: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "carriers.sandbox", *credentials, "--port", str(port)]
        command += ["--data-dir", str(tmp_path / folder)]
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )

    by_port, by_folder = start("other", sandbox.port), start("data", sandbox.port)
    assert (by_port.returncode, by_folder.returncode) == (1, 1)
    assert str(sandbox.port) in by_port.stderr
    assert "another sandbox uses" in by_folder.stderr
    assert "Traceback" not in by_port.stderr + by_folder.stderr
