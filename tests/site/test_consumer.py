"""A worker's parent whose connection to Redis has gone acknowledges what came by it, and lives on."""

from __future__ import annotations

import socket
import uuid
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
import structlog
from celery import current_app
from kombu import Connection, Message
from kombu.asynchronous import Hub

from paysite.consumer import PatientConsumer
from tests.local_servers import servers

log = structlog.get_logger("tests")


def consumer() -> Any:
    """Return the part of a worker's parent that these tests look at; no worker is started."""
    made: Any = object.__new__(PatientConsumer)
    made.app, made.hub = current_app, Hub()
    made.first_connection_attempt = False
    made.broker_connection_retry_attempt = 0
    return made


def test_a_ring_that_came_by_a_connection_that_is_gone_ends_nobody() -> None:
    mine = consumer()
    ring, errors = received_and_cut_off()
    with pytest.raises(AttributeError):  # when Kombu does this no more, neither need we
        ring.ack_log_error(log, errors)
    mine.call_soon_ack(ring.ack_log_error, log, errors)
    for acknowledge in mine.hub._pop_ready():
        acknowledge()
    assert not ring.acknowledged


def test_what_else_goes_wrong_with_a_ring_is_not_hidden() -> None:
    mine, fails = consumer(), mock.Mock(side_effect=ZeroDivisionError)
    mine.call_soon_ack(fails)
    (acknowledge,) = mine.hub._pop_ready()
    with_error = acknowledge.on_error = mock.Mock()
    acknowledge()
    assert isinstance(with_error.call_args.args[0], ZeroDivisionError)


def test_a_child_that_has_died_and_is_not_reaped_yet_ends_nobody_when_the_connection_is_lost() -> None:
    mine = consumer()
    died, lives = SimpleNamespace(_sentinel_poll=None), SimpleNamespace(_sentinel_poll=7)
    mine.pool = SimpleNamespace(_pool=SimpleNamespace(_pool=[died, lives, SimpleNamespace()]), flush=None)
    mine.controller, mine.task_buckets = None, {}
    mine.on_close()
    # What is not remembered is watched anew: None would be watched as it is.
    assert (vars(died), vars(lives)) == ({}, {"_sentinel_poll": 7})


def test_a_lost_connection_that_cannot_be_closed_in_order_ends_nobody() -> None:
    mine = consumer()
    mine.connection = mock.Mock(connection_errors=(OSError,), channel_errors=())
    mine.connection.close.side_effect = AttributeError("'NoneType' object has no attribute 'pipeline'")
    mine.on_connection_error_after_connected(ConnectionResetError())
    assert mine.connection is None


def received_and_cut_off() -> tuple[Message, tuple[type[BaseException], ...]]:
    """Return a message whose connection is given up, and the errors that Celery expects of that."""
    connection: Any = Connection(servers().redis_url)
    queue = connection.SimpleQueue(f"test-{uuid.uuid4().hex}")
    queue.put("ring")
    ring = queue.get(block=True, timeout=10)
    # A Redis that has just gone takes nothing back.
    ring.channel.do_restore = False
    connection.collect(socket_timeout=1)
    return ring, connection.connection_errors


def test_redis_is_found_soon_after_it_is_back() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        away = Connection(f"redis://127.0.0.1:{reserved.getsockname()[1]}/0")
        waited: list[float] = []
        with mock.patch("kombu.utils.functional.sleep", side_effect=waited.append):
            attempts = mock.Mock(side_effect=[ConnectionError] * 8 + [None])
            with mock.patch.object(away, "_establish_connection", attempts):
                consumer().ensure_connected(away)
    assert max(sum(waited[:1]), max(waited)) <= 1
