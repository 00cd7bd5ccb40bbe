"""The fault proxy by itself: a rig that lies proves nothing."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.fault_proxy import HOST, Fault, FaultProxy
from tests.stack import await_condition


class Echo:
    """Answers each piece with itself in capitals, and remembers what it was sent."""

    def __init__(self) -> None:
        self._socket = socket.create_server((HOST, 0))
        self.port: int = self._socket.getsockname()[1]
        self.received = b""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            try:
                while chunk := connection.recv(65_536):
                    self.received += chunk
                    connection.sendall(chunk.upper())
            except OSError:
                pass

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[FaultProxy]:
    with FaultProxy(echo.port) as running:
        yield running


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[socket.socket]:
    with socket.create_connection((HOST, proxy.port), timeout=10) as connection:
        connection.sendall(b"hello")
        assert connection.recv(100) == b"HELLO"
        yield connection


def test_cut_after_the_request_leaves_it_done(proxy: FaultProxy, client: socket.socket, echo: Echo) -> None:
    proxy.fault = Fault(cut_after_request=b"commit", times=1)
    client.sendall(b"begin")
    assert client.recv(100) == b"BEGIN"
    client.sendall(b"commit")
    with pytest.raises(ConnectionResetError):
        client.recv(100)
    assert echo.received.endswith(b"commit")
    assert proxy.hits == 1
    assert proxy.fault == Fault()


def test_cut_without_awaiting_the_answer_has_delivered_the_request(
    proxy: FaultProxy, client: socket.socket, echo: Echo
) -> None:
    proxy.fault = Fault(cut_after_request=b"", wait_for_answer=False, times=1)
    client.sendall(b"charge")
    with pytest.raises(ConnectionResetError):
        client.recv(100)
    await_condition(lambda: echo.received.endswith(b"charge"))


def test_cut_after_bytes_passes_that_many_on(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.fault = Fault(cut_after_bytes=4, times=1)
    client.sendall(b"abcdefgh")
    got = b""
    with pytest.raises(ConnectionResetError):
        while chunk := client.recv(1):
            got += chunk
    assert got in (b"", b"ABCD")  # a reset may overtake what was on its way


def test_black_hole_swallows_and_goes_on(proxy: FaultProxy, client: socket.socket, echo: Echo) -> None:
    proxy.fault = Fault(black_hole=True)
    client.sendall(b"silence")
    client.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.recv(100)
    assert b"silence" not in echo.received
    proxy.heal()
    client.settimeout(10)
    assert client.recv(100) == b"SILENCE"


def test_a_held_request_is_forwarded_once_the_fault_is_over(
    proxy: FaultProxy, client: socket.socket, echo: Echo
) -> None:
    proxy.fault = Fault(hold_request=b"commit")
    client.sendall(b"commit")
    await_condition(lambda: proxy.hits == 1)
    assert b"commit" not in echo.received
    proxy.heal()
    assert client.recv(100) == b"COMMIT"


def test_delay_and_slow_read_hold_answers_back(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.fault = Fault(delay_s=0.2)
    started = time.monotonic()
    client.sendall(b"late")
    assert client.recv(100) == b"LATE"
    assert time.monotonic() - started >= 0.2
    proxy.fault = Fault(slow_read=100)
    client.sendall(b"x" * 20)
    got = b""
    while len(got) < 20:
        got += client.recv(100)
    assert got == b"X" * 20
    assert time.monotonic() - started >= 0.35


def test_refuse_resets_open_and_new_connections(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.fault = Fault(refuse=True)
    client.sendall(b"x")
    with pytest.raises(ConnectionResetError):
        client.recv(100)
    # The reset may come before the client knows that it is connected.
    with pytest.raises(ConnectionError), socket.create_connection((HOST, proxy.port), timeout=10) as other:
        other.recv(100)


def test_cut_all_cuts_what_is_open(proxy: FaultProxy, client: socket.socket) -> None:
    assert proxy.cut_all() == 1
    with pytest.raises(ConnectionResetError):
        client.recv(100)


def test_nobody_behind_it_is_a_lost_connection(proxy: FaultProxy, echo: Echo) -> None:
    echo.close()
    proxy.upstream_port = 1
    connecting = socket.create_connection((HOST, proxy.port), timeout=10)
    with connecting as connection, contextlib.suppress(ConnectionResetError):
        assert connection.recv(100) == b""
