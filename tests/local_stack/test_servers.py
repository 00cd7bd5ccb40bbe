"""PostgreSQL and Valkey start, keep what they promised to keep, and end with whoever started them."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from paysite.local_stack.errors import LocalStackError
from paysite.local_stack.servers import Servers

WaitFor = Callable[[Callable[[], bool]], None]
MakeServers = Callable[[], Servers]


@pytest.fixture(scope="module")
def servers(make_servers: MakeServers) -> Iterator[Servers]:
    with make_servers() as made:
        yield made


def value(servers: Servers, query: str) -> object:
    """The first column of the first row."""
    with psycopg.connect(servers.database_url) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def test_every_commit_reaches_the_disk(servers: Servers) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert value(servers, f"SELECT current_setting('{setting}')") == "on"


def test_the_role_makes_databases_and_is_no_superuser(servers: Servers) -> None:
    query = (
        "SELECT rolcreatedb AND NOT rolsuper AND NOT rolcreaterole FROM pg_roles WHERE rolname = current_user"
    )

    assert value(servers, query) is True


def test_nobody_comes_in_without_the_password(servers: Servers) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(servers.database_url, password="wrong")
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
        psycopg.connect(servers.database_url, user="postgres", dbname="postgres")
    with socket.create_connection(("127.0.0.1", urlsplit(servers.redis_url).port or 0)) as connection:
        connection.sendall(b"PING\r\n")
        assert connection.recv(100).startswith(b"-NOAUTH")


def test_the_servers_do_not_run_as_root(servers: Servers) -> None:
    for pid in (servers.postgres_pid, servers.valkey_pid):
        assert pid is not None
        assert Path(f"/proc/{pid}").stat().st_uid != 0


def test_a_commit_survives_a_power_cut(servers: Servers) -> None:
    with psycopg.connect(servers.database_url) as connection:
        connection.execute("CREATE TABLE kept (id int)")
        connection.execute("INSERT INTO kept VALUES (7)")

    servers.kill_postgres()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(servers.database_url)
    servers.start_postgres()

    assert value(servers, "SELECT id FROM kept") == 7


def test_valkey_comes_back_as_it_was_or_empty(servers: Servers) -> None:
    with redis.Redis.from_url(servers.redis_url) as client:
        client.set("kept", "yes")
        servers.kill_valkey()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        servers.start_valkey(wipe=False)
        assert client.get("kept") == b"yes"

        servers.kill_valkey()
        servers.start_valkey(wipe=True)
        assert client.get("kept") is None


def test_what_ended_by_itself_is_started_again(servers: Servers, wait_for: WaitFor) -> None:
    pid = servers.postgres_pid
    assert pid is not None
    assert servers.revive() == []

    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: servers.postgres_pid is None)

    assert servers.revive() == ["postgres"]
    assert value(servers, "SELECT 1") == 1


def test_a_second_supervisor_is_refused(servers: Servers, make_servers: MakeServers) -> None:
    with pytest.raises(LocalStackError, match=f"started by process {os.getpid()}"):
        make_servers().start()

    assert value(servers, "SELECT 1") == 1


def test_servers_that_the_environment_names_are_used_as_they_are(tmp_path: Path) -> None:
    named = {"DATABASE_URL": "postgresql://db.example/x", "REDIS_URL": "redis://cache.example/1"}

    with Servers(tmp_path / "data", 1, 1, environ=named) as servers:
        assert (servers.database_url, servers.redis_url) == (named["DATABASE_URL"], named["REDIS_URL"])
        with pytest.raises(LocalStackError, match="DATABASE_URL names one"):
            servers.kill_postgres()
        with pytest.raises(LocalStackError, match="REDIS_URL names one"):
            servers.start_valkey()

    assert not (tmp_path / "data").exists()
