"""What a request costs the database, and what happens when the database is away."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.db import OperationalError

from deposits import transitions
from tests.deposits.api.calling import DEPOSITS, Api, body, new_key
from tests.deposits.api.conftest import MakeApi

Counting = Callable[[], Any]


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> Counting:
    """Counts what goes to the server, whoever sends it."""
    sent: list[str] = []
    execute = psycopg.Cursor.execute

    def noting(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
        sent.append(query if isinstance(query, str) else bytes(query).decode())
        return execute(self, query, *args, **kwargs)

    monkeypatch.setattr(psycopg.Cursor, "execute", noting)

    @contextmanager
    def counting() -> Iterator[list[str]]:
        sent.clear()
        yield sent

    return counting


def test_a_deposit_takes_one_statement(committed: None, make_api: MakeApi, statements: Counting) -> None:
    api, sent = make_api(), body()
    api.create(sent)  # creates the player
    with statements() as counted:
        assert api.create(sent).status_code == 201
    # The key was recognised from memory; the same statement asks whether it may still be used.
    (statement,) = counted
    assert "FROM accounts_apikey" in statement
    assert "INSERT INTO deposits_deposit" in statement


def test_reading_takes_two_statements(committed: None, make_api: MakeApi, statements: Counting) -> None:
    api = make_api()
    shown = api.create().json()
    for path in (DEPOSITS, f"{DEPOSITS}/{shown['id']}", f"{DEPOSITS}/{shown['reference']}"):
        with statements() as counted:
            assert api.get(path).status_code == 200
        # Django asks once per request whether its own connection still lives.
        assert len([one for one in counted if one != "SELECT 1"]) == 2, counted


def test_a_replay_takes_two_statements(committed: None, make_api: MakeApi, statements: Counting) -> None:
    api, sent, key = make_api(), body(), new_key()
    api.create(sent, key)
    with statements() as counted:
        assert api.create(sent, key).status_code == 200
    assert len([one for one in counted if one != "SELECT 1"]) == 2, counted


@pytest.mark.django_db
def test_a_database_that_is_away_is_a_503_that_says_when_to_come_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any) -> Any:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(transitions, "accept", away)
    answer = api.create()
    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Retry-After"] == "2"
    assert answer.json()["code"] == "busy"
    assert b"connection" not in answer.content


@pytest.mark.django_db
def test_s47_a_bug_is_a_500_that_tells_nothing_but_the_request_id(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(transitions, "accept", broken)
    answer = api.create()
    assert answer.status_code == 500
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "something_went_wrong"
    assert answer.json()["request_id"] == answer["X-Request-Id"]
    assert b"secret" not in answer.content
    assert b"Traceback" not in answer.content
