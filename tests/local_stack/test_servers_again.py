"""Servers that are stopped and started again, in good order and in bad."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from paysite.local_stack.errors import LocalStackError
from paysite.local_stack.os_processes import is_alive, processes_in
from paysite.local_stack.ports import free_port
from paysite.local_stack.servers import Servers

WaitFor = Callable[[Callable[[], bool]], None]

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def stopped(data_dir: Path) -> Servers:
    return Servers(data_dir, free_port(), free_port(), environ={})


def value(servers: Servers, query: str) -> object:
    """The first column of the first row."""
    with psycopg.connect(servers.database_url) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def test_data_and_passwords_are_kept(stopped: Servers, data_dir: Path) -> None:
    with stopped as servers:
        first = servers.postgres_pid, servers.valkey_pid
        with psycopg.connect(servers.database_url) as connection:
            connection.execute("CREATE TABLE kept (id int)")
    assert not any(pid and is_alive(pid) for pid in first)

    with Servers(data_dir, free_port(), free_port(), environ={}) as again:
        assert value(again, "SELECT count(*) FROM kept") == 0


def test_lost_passwords_are_made_anew(stopped: Servers, data_dir: Path) -> None:
    with stopped:
        pass
    (data_dir / "passwords.json").unlink()

    with Servers(data_dir, free_port(), free_port(), environ={}) as again:
        assert value(again, "SELECT 1") == 1
        assert (data_dir / "passwords.json").stat().st_mode & 0o777 == 0o600


def test_a_lock_file_with_a_living_stranger_in_it_is_no_obstacle(stopped: Servers, data_dir: Path) -> None:
    with stopped:
        pass
    (data_dir / "servers" / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n")

    with Servers(data_dir, free_port(), free_port(), environ={}) as again:
        assert value(again, "SELECT 1") == 1


def test_a_taken_port_is_told_with_the_servers_own_words(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as in_the_way:
        servers = Servers(data_dir, in_the_way.getsockname()[1], free_port(), environ={})
        with pytest.raises(LocalStackError, match="Address already in use"):
            servers.start()

    assert servers.valkey_pid is None


def test_they_end_with_a_supervisor_that_is_killed(data_dir: Path, wait_for: WaitFor) -> None:
    program = (
        "import pathlib, signal, sys\n"
        "from paysite.local_stack.servers import Servers\n"
        f"servers = Servers(pathlib.Path({str(data_dir)!r}), {free_port()}, {free_port()}, environ={{}})\n"
        "servers.start(); print('started', flush=True); signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=ROOT) as supervisor:
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline() == b"started\n"
        home = (data_dir / "servers").resolve()
        at_work = processes_in(home / "postgres") + processes_in(home)
        supervisor.kill()

    assert at_work
    wait_for(lambda: not any(map(is_alive, at_work)))
