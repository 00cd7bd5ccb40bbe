"""`make run` as a person or a program meets it."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paysite.local_stack import clean
from paysite.local_stack.announcement import RunFacts, Staff, announcement, first_curl
from paysite.local_stack.errors import LocalStackError
from paysite.local_stack.files import DirectoryLock
from paysite.local_stack.keys import Keys
from paysite.local_stack.os_processes import is_alive
from paysite.local_stack.ports import Ports, check_free
from tests.local_servers import other_ports

WaitFor = Callable[[Callable[[], bool]], None]

ROOT = Path(__file__).resolve().parent.parent.parent
START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 60.0

FACTS = RunFacts(
    base_url="http://127.0.0.1:8000",
    api_key="ps_test_key",
    player_url="http://127.0.0.1:8000/deposit/",
    admin_url="http://127.0.0.1:8000/admin/",
    staff=Staff("staff", "pass word"),
    sandbox_url="http://127.0.0.1:8002",
    bank_url="http://127.0.0.1:8006",
    webhook_secret="whsec_x",
    web_urls=["http://127.0.0.1:8000"],
)


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "data"
    yield directory
    clean.remove(directory)


@contextlib.contextmanager
def run(data_dir: Path, ports: Ports, instances: int = 1) -> Iterator[subprocess.Popen[str]]:
    """The stack with servers of its own, whatever the environment names. It is stopped in any case."""
    named = {"DATABASE_URL", "REDIS_URL", "MAKELEVEL", "STATICFILES_BACKEND", "TIME_DIVISOR"}
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "paysite.local_stack",
            "--port",
            str(ports.first),
            "--data-dir",
            str(data_dir),
            "--instances",
            str(instances),
        ],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in named},
        stdout=subprocess.PIPE,
        text=True,
    ) as stack:
        try:
            yield stack
        finally:
            stack.terminate()


@pytest.mark.parametrize(("instances", "processes"), [(1, 7), (2, 12)])
def test_the_stack_starts_says_where_it_is_and_leaves_nothing_behind(
    data_dir: Path, instances: int, processes: int
) -> None:
    with run(data_dir, other_ports(), instances) as stack:
        assert stack.stdout is not None
        said = ""
        for line in stack.stdout:
            said += line
            if "Ctrl-C stops everything" in line:
                break
        assert stack.poll() is None, said
        facts = json.loads((data_dir / "run.json").read_text())
        started = [one["pid"] for one in json.loads((data_dir / "processes.json").read_text())]
        for url in (
            facts["player_url"],
            facts["admin_url"],
            facts["base_url"] + "/api/docs/",
            facts["sandbox_url"],
            facts["bank_url"],
            *(f"{url}/health/ready" for url in facts["web_urls"]),
        ):
            with urllib.request.urlopen(url, timeout=10) as answer:
                assert answer.status == 200
        assert facts["api_key"] in said
        assert facts["staff"]["password"] in said
        stack.send_signal(signal.SIGTERM)
        assert stack.wait(STOP_TIMEOUT_S) == 0

    assert len(started) == processes
    assert not any(map(is_alive, started))
    assert not (data_dir / "run.json").exists()


def test_a_taken_port_is_named_before_anything_starts(data_dir: Path) -> None:
    ports = other_ports()
    with socket.create_server(("127.0.0.1", ports.live())), run(data_dir, ports) as stack:
        said, _ = stack.communicate(timeout=START_TIMEOUT_S)

    assert stack.returncode == 1
    assert said == (
        f"error: port {ports.live()} is taken by another program; "
        "stop it, or choose other ports: make run PORT=9000\n"
    )
    assert not (data_dir / "servers").exists()
    assert not (data_dir / "run.json").exists()


def test_a_second_stack_in_the_same_directory_is_refused(data_dir: Path) -> None:
    with DirectoryLock(data_dir / "supervisor.lock", "the test"), run(data_dir, other_ports()) as stack:
        said, _ = stack.communicate(timeout=START_TIMEOUT_S)

    assert stack.returncode == 1
    assert f"already run, started by process {os.getpid()}" in said


def test_a_port_that_does_not_exist_is_refused() -> None:
    with pytest.raises(LocalStackError, match="port 65536 does not exist"):
        check_free([65_536])


def test_instances_have_ports_of_their_own() -> None:
    ports = Ports(8_000)
    numbers = [ports.sandbox, ports.valkey, ports.postgres, ports.balancer_figures, ports.bank]
    for instance in range(3):
        numbers += [ports.web(instance), ports.live(instance)]

    assert len(set(numbers)) == len(numbers)
    assert (ports.web(), ports.live(), ports.web(1)) == (8_000, 8_001, 8_010)


def test_keys_are_made_once_and_are_nobody_elses_business(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    keys = Keys.load_or_make(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Keys.load_or_make(path) == keys
    assert keys.webhook_secret.startswith("whsec_")

    keys.with_api_key("ps_test_x").save(path)
    assert Keys.load_or_make(path).api_key == "ps_test_x"


def test_keys_of_an_older_version_are_kept_and_completed(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    path.write_text('{"secret_key": "kept", "forgotten": "x"}')

    keys = Keys.load_or_make(path)

    assert keys.secret_key == "kept"
    assert json.loads(path.read_text()).keys() == Keys.__dataclass_fields__.keys()


def test_the_curl_line_can_be_pasted() -> None:
    words = shlex.split(first_curl(FACTS, "0a1b"))

    assert words[0] == "curl"
    assert "http://127.0.0.1:8000/api/v1/deposits" in words
    assert "Authorization: Bearer ps_test_key" in words
    assert "Idempotency-Key: first-curl-0a1b" in words
    assert json.loads(words[words.index("-d") + 1])["method"]["phone_number"] == "+447700900001"


def test_the_announcement_names_every_face() -> None:
    said = announcement(FACTS, "0a1b")

    for part in (
        FACTS.player_url,
        FACTS.admin_url,
        "/api/docs/",
        FACTS.sandbox_url,
        FACTS.bank_url,
        "staff with pass word",
        "curl ",
    ):
        assert part in said


def test_clean_stops_who_holds_the_lock_and_forgets_everything(data_dir: Path) -> None:
    program = (
        "import pathlib, signal, sys\n"
        "from paysite.local_stack.files import DirectoryLock\n"
        f"DirectoryLock(pathlib.Path({str(data_dir / 'supervisor.lock')!r}), 'x').acquire()\n"
        "print('held', flush=True); signal.pause()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=ROOT) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert clean.main([str(data_dir)]) == 0
        assert holder.wait(STOP_TIMEOUT_S) == -signal.SIGTERM

    assert not data_dir.exists()
    assert clean.main([str(data_dir)]) == 0
