"""The supervisor starts, watches and stops programs with all their children."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paysite.local_stack.errors import LocalStackError
from paysite.local_stack.guard import Guard, stop_leftovers
from paysite.local_stack.os_processes import is_alive
from paysite.local_stack.ports import free_port
from paysite.local_stack.processes import Program, Supervisor, alive_for, http_ready, log_says

WaitFor = Callable[[Callable[[], bool]], None]

STUBBORN_FAMILY = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child == 0:
    while True:
        time.sleep(1)
print("child", child, flush=True)
while True:
    time.sleep(1)
"""

SLEEP = "import time; print('up', flush=True); time.sleep(600)"


class Stage:
    """A supervisor in a directory of its own, and what it said."""

    def __init__(self, directory: Path, guard: Guard) -> None:
        self.said: list[str] = []
        self.log_dir = directory / "log"
        self.supervisor = Supervisor(directory, self.log_dir, guard, say=self.said.append)

    def log(self, name: str) -> str:
        return (self.log_dir / f"{name}.log").read_text()


@pytest.fixture
def stage(tmp_path: Path, guard: Guard) -> Iterator[Stage]:
    made = Stage(tmp_path, guard)
    yield made
    made.supervisor.stop(grace_s=0)


def python(name: str, text: str, ready: Callable[..., bool] | None = None) -> Program:
    return Program(name, (sys.executable, "-c", text), dict(os.environ), ready)


def test_a_program_is_ready_when_its_log_says_so(stage: Stage) -> None:
    stage.supervisor.start(python("sleeper", SLEEP, log_says("up")))
    stage.supervisor.await_ready()

    assert stage.log("sleeper") == "up\n"
    assert (stage.log_dir / "sleeper.log").stat().st_mode & 0o777 == 0o600


def test_a_program_is_ready_when_its_address_answers(stage: Stage) -> None:
    port = free_port()
    command = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port))
    stage.supervisor.start(
        Program("server", command, dict(os.environ), http_ready(f"http://127.0.0.1:{port}/"))
    )
    stage.supervisor.await_ready()


def test_what_an_earlier_start_said_does_not_count(stage: Stage) -> None:
    stage.supervisor.run(python("talker", "print('up')"))
    stage.supervisor.start(python("talker", "import time; time.sleep(600)", log_says("up")))

    with pytest.raises(LocalStackError, match="talker was not ready"):
        stage.supervisor.await_ready(timeout_s=0.3)


def test_a_program_that_ends_while_starting_is_told_with_its_last_words(stage: Stage) -> None:
    stage.supervisor.start(python("loser", "raise SystemExit('no such database')", alive_for(60)))

    with pytest.raises(
        LocalStackError, match=r"loser ended while starting, with exit code 1(?s:.*)no such database"
    ):
        stage.supervisor.await_ready()


def test_run_returns_what_was_written(stage: Stage) -> None:
    assert stage.supervisor.run(python("once", "print('done')")) == "done\n"
    assert stage.supervisor.run(python("once", "print('again')")) == "again\n"


def test_run_tells_of_a_failure(stage: Stage) -> None:
    with pytest.raises(LocalStackError, match=r"once failed with exit code 3(?s:.*)broken"):
        stage.supervisor.run(python("once", "print('broken', flush=True); raise SystemExit(3)"))


def test_a_program_that_dies_is_started_again_and_said(stage: Stage, wait_for: WaitFor) -> None:
    stage.supervisor.start(python("sleeper", SLEEP, log_says("up")))
    stage.supervisor.await_ready()
    first = stage.supervisor.pid("sleeper")
    os.kill(first, signal.SIGKILL)

    def is_up_again() -> bool:
        stage.supervisor.restart_dead()
        return stage.supervisor.pid("sleeper") != first

    started = time.monotonic()
    wait_for(is_up_again)

    assert time.monotonic() - started >= 0.5
    assert len(stage.said) == 1
    assert stage.said[0].startswith("sleeper ended with exit code -9; starting it again in 0.5 s")
    stage.supervisor.await_ready()


def test_the_pause_before_a_restart_grows(stage: Stage, wait_for: WaitFor) -> None:
    stage.supervisor.start(python("loser", "pass"))

    def has_been_said_twice() -> bool:
        stage.supervisor.restart_dead()
        return len(stage.said) >= 2

    wait_for(has_been_said_twice)

    assert "in 0.5 s" in stage.said[0]
    assert "in 1.0 s" in stage.said[1]


def test_stop_kills_those_who_do_not_listen_and_their_children(stage: Stage, wait_for: WaitFor) -> None:
    stage.supervisor.start(python("stubborn", STUBBORN_FAMILY, log_says("child")))
    stage.supervisor.await_ready()
    pids = [stage.supervisor.pid("stubborn"), int(stage.log("stubborn").split()[1])]
    assert all(map(is_alive, pids))

    stage.supervisor.stop(grace_s=0.2)

    wait_for(lambda: not any(map(is_alive, pids)))


def test_children_of_a_program_that_died_do_not_go_on_without_it(stage: Stage, wait_for: WaitFor) -> None:
    stage.supervisor.start(python("stubborn", STUBBORN_FAMILY, log_says("child")))
    stage.supervisor.await_ready()
    child = int(stage.log("stubborn").split()[1])
    os.kill(stage.supervisor.pid("stubborn"), signal.SIGKILL)

    def child_is_gone() -> bool:
        stage.supervisor.restart_dead()
        return not is_alive(child)

    wait_for(child_is_gone)


def test_a_pause_that_raises_ends_the_waiting(tmp_path: Path, guard: Guard) -> None:
    def pause(_: float) -> None:
        raise KeyboardInterrupt

    supervisor = Supervisor(tmp_path, tmp_path / "log", guard, pause=pause)
    with pytest.raises(KeyboardInterrupt):
        supervisor.run(python("sleeper", SLEEP))

    # Nothing is left on the list of what would have to be stopped.
    assert (tmp_path / "processes.json").read_text() == "[]"


def test_the_next_start_stops_what_the_last_one_left(tmp_path: Path, stage: Stage, wait_for: WaitFor) -> None:
    stage.supervisor.start(python("sleeper", SLEEP, log_says("up")))
    stage.supervisor.await_ready()
    pid = stage.supervisor.pid("sleeper")

    stop_leftovers(tmp_path / "processes.json")

    wait_for(lambda: not is_alive(pid))


def test_a_stranger_with_a_number_from_the_list_is_left_alone(tmp_path: Path) -> None:
    register = tmp_path / "processes.json"
    register.write_text(f'[{{"pid": {os.getppid()}, "started": 1, "stop_signal": 9}}]')

    stop_leftovers(register)

    assert is_alive(os.getppid())
    assert not register.exists()
