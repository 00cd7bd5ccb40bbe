"""How much, how long and where to: what the driver lets a carrier do."""

from __future__ import annotations

import dataclasses
import gzip
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from carriers import http
from carriers.interface import HttpRequest
from carriers.outcomes import NotSent, Pending, Unknown
from tests.carriers.conversations import PATIENT, UNANSWERED, WAIT_S, ask, keep, one, post, unused_url
from tests.carriers.line_server import Script, answer, serving

_BOMB = answer(gzip.compress(b"\0" * 20_000_000), "Content-Encoding: gzip")


_BOMB = answer(gzip.compress(b"\0" * 20_000_000), "Content-Encoding: gzip")


def hang(connection: socket.socket, _: int) -> bool:
    connection.settimeout(WAIT_S)
    connection.recv(1)  # until the client has hung up
    return False


def one_byte_a_second(connection: socket.socket, _: int) -> bool:
    for byte in answer(b"0123456789" * 100):
        connection.sendall(bytes([byte]))
        time.sleep(0.05)
    return False


def endless_body(connection: socket.socket, _: int) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65_536)


def endless_head(connection: socket.socket, _: int) -> bool:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-Filler: " + b"x" * 1_000 + b"\r\n")


def gzip_bomb(connection: socket.socket, _: int) -> bool:
    connection.sendall(_BOMB)
    return True


def cut_short(connection: socket.socket, _: int) -> bool:
    connection.sendall(b'HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{"paymentId":')
    return False


def not_http(connection: socket.socket, _: int) -> bool:
    connection.sendall(b"220 mail.carrier.example ESMTP\r\n")
    return False


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (one_byte_a_second, "timed out"),
        (hang, "timed out"),
        (endless_body, "larger than 65536 bytes"),
        (endless_head, "larger than 16384 bytes"),
        (gzip_bomb, "compressed"),
        (cut_short, ""),
        (not_http, ""),
    ],
)
def test_an_answer_out_of_bounds_is_cut_and_unknown(script: Script, error: str) -> None:
    with serving(script) as server:
        result = one(ask(post(server.url)), UNANSWERED if error == "timed out" else PATIENT)
    assert isinstance(result.outcome, Unknown)
    assert error in result.outcome.detail.lower()
    assert len(server.requests) == 1


def test_a_conversation_as_a_whole_has_a_deadline() -> None:
    def slow(connection: socket.socket, count: int) -> bool:
        time.sleep(0.25)
        return keep(connection, count)

    hasty = dataclasses.replace(PATIENT, http_total_s=0.6)
    with serving(slow) as server:
        result = one(ask(*[HttpRequest("GET", server.url)] * 20), hasty, inquiry=True)
    assert isinstance(result.outcome, Unknown)
    assert len(result.exchanges) <= 4


def test_the_largest_answer_we_take_is_read_whole() -> None:
    def large(connection: socket.socket, _: int) -> bool:
        connection.sendall(answer(b"x" * http.ANSWER_MAX_BYTES))
        return True

    with serving(large) as server:
        assert one(ask(post(server.url))).outcome == Pending("200")


def test_redirects_are_not_followed() -> None:
    def elsewhere(connection: socket.socket, _: int) -> bool:
        connection.sendall(answer(b"", f"Location: {server.url}/else", status="307 Temporary Redirect"))
        return True

    with serving(elsewhere) as server:
        assert one(ask(post(server.url))).outcome == Pending("307")
    assert len(server.requests) == 1


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, unused_url())
    with serving(keep) as server:
        assert one(ask(post(server.url))).outcome == Pending("200")


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl program to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(keep, context) as server:
        result = one(ask(post(server.url.replace("http://127.0.0.1", "https://localhost"))))
    assert isinstance(result.outcome, NotSent)
    assert "certificate" in result.outcome.detail
    assert server.requests == []


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest("POST", "file:///etc/passwd", {}, b"x", True),
        HttpRequest("POST", "gopher://127.0.0.1/", {}, b"x", True),
        HttpRequest("POST", "http://127.0.0.1/", {}, b"", True),
        HttpRequest("POST", "http://127.0.0.1/", {"X-A": "1\r\nX-B: 2"}, b"x", True),
        HttpRequest("POST", "http://127.0.0.1/ x\n", {}, b"x", True),
    ],
)
def test_a_request_that_must_not_be_sent_is_not(request_: HttpRequest) -> None:
    result = one(ask(request_))
    assert result.outcome == Unknown("ValueError in the adapter")
    assert result.exchanges == []
