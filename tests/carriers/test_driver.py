"""The driver against a real socket: what has left, what came back, and what nobody can know."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence

import msgspec
import pytest
import structlog
from structlog.testing import LogCapture, capture_logs

from carriers import driver
from carriers.driver import Exchange, Result, run
from carriers.interface import Conversation, HttpRequest
from carriers.outcomes import NotFound, NotSent, Pending, Unknown
from tests.carriers.conversations import (
    PATIENT,
    SHUT_OUT,
    WAIT_S,
    ask,
    close_silently,
    keep,
    one,
    post,
    unused_url,
)
from tests.carriers.line_server import LineServer, answer, serving

# A request that moves money goes out at most once.


def test_a_post_whose_kept_connection_dies_unanswered_arrives_exactly_once() -> None:
    """libcurl by itself would send it again over a new connection."""

    def die_at_the_second(connection: socket.socket, count: int) -> bool:
        return count == 1 and keep(connection, count)

    with serving(die_at_the_second) as server:
        assert one(ask(post(server.url, b"first"))).outcome == Pending("200")
        result = one(ask(post(server.url, b"second")))
    assert isinstance(result.outcome, Unknown)
    assert result.moved_money
    assert [body for _, body in server.requests] == [b"first", b"second"]
    assert server.connections == 1


def test_a_post_on_a_new_connection_that_dies_unanswered_arrives_exactly_once() -> None:
    with serving(close_silently) as server:
        result = one(ask(post(server.url)))
    assert isinstance(result.outcome, Unknown)
    assert len(server.requests) == 1


def test_a_connection_closed_while_idle_is_replaced_before_anything_is_sent() -> None:
    def answer_and_close(connection: socket.socket, count: int) -> bool:
        keep(connection, count)
        return False

    with serving(answer_and_close) as server:
        for number in range(5):
            server.closed.clear()
            assert one(ask(post(server.url, b"%d" % number))).outcome == Pending("200")
            assert server.closed.wait(WAIT_S)
    assert [body for _, body in server.requests] == [b"0", b"1", b"2", b"3", b"4"]


def test_a_late_answer_on_an_idle_connection_is_not_taken_for_ours() -> None:
    was_read = threading.Event()

    def answer_twice(connection: socket.socket, count: int) -> bool:
        connection.sendall(answer(b"one"))
        if count == 1:
            was_read.wait(WAIT_S)
            connection.sendall(answer(b"late", status="408 Request Timeout"))
            server.closed.set()
        return True

    with serving(answer_twice) as server:
        one(ask(post(server.url)))
        was_read.set()
        assert server.closed.wait(WAIT_S)
        assert one(ask(post(server.url))).outcome == Pending("200")


def test_connections_are_kept_and_used_again() -> None:
    with serving(keep) as server:
        for _ in range(5):
            run([ask(post(server.url)) for _ in range(4)], PATIENT)
    assert len(server.requests) == 20
    assert server.connections <= 4


# Sent or not sent.


def refused(server: LineServer) -> str:
    return unused_url()


def no_such_host(server: LineServer) -> str:
    return "http://carrier.invalid/payments"


def not_tls(server: LineServer) -> str:
    return server.url.replace("http://", "https://")


@pytest.mark.parametrize("where", [refused, no_such_host, not_tls])
def test_without_a_connection_nothing_was_sent(where: Callable[[LineServer], str]) -> None:
    with serving(keep) as server:
        result = one(ask(post(where(server))), SHUT_OUT)
        asked = one(ask(HttpRequest("GET", where(server))), SHUT_OUT, inquiry=True)
    assert isinstance(result.outcome, NotSent)
    assert not result.moved_money
    assert isinstance(asked.outcome, Unknown)
    assert result.exchanges[0].status is None
    assert result.exchanges[0].error.startswith("curl ")


def test_a_connection_that_is_never_accepted_times_out_unsent() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        began = time.monotonic()
        result = one(ask(post(f"http://127.0.0.1:{address[1]}/")), SHUT_OUT)
        for filler in fillers:
            filler.close()
    assert isinstance(result.outcome, NotSent)
    assert time.monotonic() - began < WAIT_S, "what is left for an answer is not waited for as well"


def test_a_tls_handshake_that_never_ends_is_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        result = one(ask(post(f"https://127.0.0.1:{listener.getsockname()[1]}/")), SHUT_OUT)
    assert isinstance(result.outcome, NotSent)


def test_silence_after_an_answered_request_that_moved_money_is_unknown() -> None:
    def answer_once(connection: socket.socket, count: int) -> bool:
        return count == 1 and keep(connection, count)

    with serving(answer_once) as server:
        result = one(ask(post(server.url, b"confirm"), HttpRequest("GET", server.url)))
    assert isinstance(result.outcome, Unknown)
    assert [exchange.status for exchange in result.exchanges] == [200, None]


def test_silence_before_the_request_that_moves_money_is_not_sent() -> None:
    with serving(close_silently) as server:
        result = one(ask(post(server.url, b"validate", moves_money=False), post(server.url, b"confirm")))
    assert isinstance(result.outcome, NotSent)
    assert [body for _, body in server.requests] == [b"validate"]


# Adapters that fail, and many conversations.


def test_an_adapter_that_fails_ends_only_its_own_conversation() -> None:
    def broken(url: str) -> Conversation:
        yield post(url)
        raise KeyError("+447700900001")

    def empty() -> Conversation:
        if not server.url:
            yield post("")
        return None  # type: ignore[return-value]

    with serving(keep) as server, capture_logs() as lines:
        results = run(
            [broken(server.url), ask(post(server.url)), empty()], PATIENT, references=["A", "B", "C"]
        )
    assert [result.outcome for result in results] == [
        Unknown("KeyError in the adapter"),
        Pending("200"),
        Unknown("the adapter returned no outcome"),
    ]
    assert [line["event"] for line in lines] == ["adapter_failed"]
    assert "447700900001" not in str(lines)


def test_conversations_run_at_once_and_keep_their_order() -> None:
    all_here = threading.Barrier(10, timeout=WAIT_S)

    def together(connection: socket.socket, count: int) -> bool:
        try:
            all_here.wait()
        except threading.BrokenBarrierError:
            return False  # the others did not come: no answer
        return keep(connection, count)

    with serving(together) as server:
        results = run([ask(post(f"{server.url}/{number}")) for number in range(10)], PATIENT)
    assert [result.exchanges[0].path for result in results] == [f"/{number}" for number in range(10)]
    assert [result.outcome for result in results] == [Pending("200")] * 10


def test_an_interrupted_run_leaves_nothing_behind() -> None:
    class Interrupted(BaseException):
        pass

    def interrupting(url: str) -> Conversation:
        yield post(url)
        raise Interrupted

    held, over = threading.Event(), threading.Event()

    def hold_the_first(connection: socket.socket, count: int) -> bool:
        if count == 1:
            held.set()
            over.wait(WAIT_S)
        return keep(connection, count)

    def answer_once_it_is_held(connection: socket.socket, count: int) -> bool:
        held.wait(WAIT_S)
        return keep(connection, count)

    with serving(hold_the_first) as slow, serving(answer_once_it_is_held) as server:
        with pytest.raises(Interrupted):
            run([ask(post(slow.url, b"slow")), interrupting(server.url)], PATIENT)
        over.set()
        assert slow.closed.wait(WAIT_S), "what was cut off is closed"
        assert one(ask(post(slow.url))).outcome == Pending("200")
        assert one(ask(post(server.url))).outcome == Pending("200")


def test_no_conversations_give_no_results() -> None:
    assert run([], PATIENT) == []


def test_a_child_process_makes_its_own_connections() -> None:
    with serving(keep) as server:
        one(ask(post(server.url)))
        child = os.fork()
        if child == 0:
            ended = one(ask(post(server.url, b"child"))).outcome
            os._exit(0 if ended == Pending("200") else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert one(ask(post(server.url, b"parent"))).outcome == Pending("200")
    assert [body for _, body in server.requests] == [b"charge", b"child", b"parent"]
    assert server.connections == 2


# What is written down.


def test_an_exchange_is_masked_cut_and_without_the_host() -> None:
    def say(connection: socket.socket, _: int) -> bool:
        body = b'{"phoneNumber":"+447700900001","access_token":"tok-secret","pad":"' + b"x" * 5_000 + b'"}'
        connection.sendall(answer(body, "Content-Type: application/json"))
        return True

    body = b'{"phoneNumber":"+447700900001","code":"123456","accessToken":"notify-me"}'
    with serving(say) as server:
        (exchange,) = one(ask(post(f"{server.url}/payments?n=%2B447700900001", body))).exchanges
    text = msgspec.json.encode(exchange).decode()
    for secret in ("7700900", "123456", "notify-me", "tok-secret", "127.0.0.1"):
        assert secret not in text
    assert exchange.path == "/payments?n=+44******001"
    assert len(exchange.answer) == driver.STORED_BODY_CHARACTERS
    assert msgspec.json.decode(msgspec.json.encode(exchange), type=Exchange) == exchange


def test_an_exchange_can_be_stored_whatever_the_carrier_sent() -> None:
    def say(connection: socket.socket, _: int) -> bool:
        connection.sendall(answer(b"\x00\xff\xfe \xed\xa0\x80"))
        return True

    with serving(say) as server:
        (exchange,) = one(ask(post(server.url))).exchanges
    assert "\x00" not in exchange.answer
    assert exchange.answer.encode()


@pytest.mark.parametrize(("level", "expected"), [("debug", 1), ("info", 0)])
def test_each_exchange_is_logged_at_debug_without_bodies(
    level: str, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = LogCapture()
    levelled = structlog.make_filtering_bound_logger(level)
    logger = structlog.wrap_logger(structlog.PrintLogger(), processors=[lines], wrapper_class=levelled)
    monkeypatch.setattr(driver, "_log", logger)
    with serving(keep) as server:
        run([ask(post(f"{server.url}/p?q=1", b'{"code":"1"}'))], PATIENT, references=["D-1"])
    assert len(lines.entries) == expected
    for line in lines.entries:
        assert (line["reference"], line["path"], line["status"]) == ("D-1", "/p", 200)
        assert not {"request", "answer", "body"} & line.keys()


def test_an_inquiry_that_was_answered_keeps_its_own_outcome() -> None:
    def found_nothing(url: str) -> Conversation:
        yield HttpRequest("GET", url)
        return NotFound()

    with serving(keep) as server:
        results: Sequence[Result] = run([found_nothing(server.url)], PATIENT, inquiry=True)
    assert results[0].outcome == NotFound()
    assert not results[0].moved_money
