"""Redis frozen or out of memory: deposits are accepted as fast as ever, and the sweeper brings them to their end."""

from __future__ import annotations

import math
import os
import signal
import time
from collections.abc import Iterator

import pytest
from redis import Redis

from tests.broken_parts.proxied import Proxied, lines, metric
from tests.local_servers import servers
from tests.stack import Stack, await_condition

#: The promise for a POST while Redis does not answer (docs/faults.md, F19).
_POST_P99_S = 0.5
_POSTS = 60


@pytest.fixture
def stack(proxied: Proxied) -> Iterator[Stack]:
    """The product; afterwards its Redis is as it was."""
    redis = Redis.from_url(servers().redis_url)
    yield proxied.stack
    redis.config_set("maxmemory", 0)
    redis.flushall()
    redis.close()


def timed_deposits(stack: Stack, number: int) -> tuple[list[str], float]:
    """Make `number` deposits one after the other; return their ids and the 99th percentile of their seconds."""
    ids, times = [], []
    for _ in range(number):
        started = time.perf_counter()
        answer = stack.deposit("101")
        times.append(time.perf_counter() - started)
        assert answer.status == 201
        ids.append(answer.body["id"])
    return ids, sorted(times)[math.ceil(number * 0.99) - 1]


def test_f19_a_frozen_redis_holds_up_no_request(stack: Stack) -> None:
    pid = servers().valkey_pid
    assert pid is not None
    timed_deposits(stack, 5)
    os.kill(pid, signal.SIGSTOP)
    try:
        ids, p99_s = timed_deposits(stack, _POSTS)
        # The sweeper does the work itself meanwhile.
        for deposit_id in ids:
            stack.await_status(deposit_id, "succeeded")
    finally:
        os.kill(pid, signal.SIGCONT)
    print(f"POST with a frozen Redis: p99 {p99_s * 1_000:.0f} ms of {_POSTS}")
    assert [line for line in lines(stack, "web") if line["event"] == "doorbell_failed"]
    slow = [line for line in lines(stack, "web") if line["event"] == "request" and line["status"] == 503]
    assert not slow


def test_f26_a_redis_without_memory_costs_the_ring_and_nothing_else(stack: Stack) -> None:
    redis = Redis.from_url(servers().redis_url)
    redis.config_set("maxmemory-policy", "noeviction")
    redis.config_set("maxmemory", "2mb")
    _fill(redis)
    # What other clients give back is not to make room again.
    redis.config_set("maxmemory", "1mb")
    before = metric(stack, "paysite_doorbell_failures_total")
    ids, _ = timed_deposits(stack, 20)
    for deposit_id in ids:
        stack.await_status(deposit_id, "succeeded")
    await_condition(
        lambda: metric(stack, "paysite_doorbell_failures_total") > before, what="dropped rings being counted"
    )
    # On a busy machine it may be silent at first; this is what it says where it speaks.
    no_memory = {"OutOfMemoryError", "OperationalError", "ResponseError"}
    await_condition(
        lambda: (
            no_memory & {line["error"] for line in lines(stack, "web") if line["event"] == "doorbell_failed"}
        ),
        what="the reason being logged",
    )
    redis.close()


def _fill(redis: Redis) -> None:
    for number in range(100_000):
        try:
            redis.set(f"fill:{number}", b"x" * 4_096)
        except Exception as error:  # noqa: BLE001 - the class differs between versions of the client
            assert "maxmemory" in str(error)  # noqa: PT017
            return
    raise AssertionError("Redis took everything")
