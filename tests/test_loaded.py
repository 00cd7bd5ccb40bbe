"""A process that is forked from a loaded parent is like one that was started by its command line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from paysite.local_stack.os_processes import is_alive
from paysite.local_stack.processes import Process, Program, launch
from tests import loaded
from tests.stack import await_condition

TELLING = """
import os, sys
print(sys.argv, __name__, os.getcwd(), os.environ["WORD"], os.getsid(0) == os.getpid() == os.getpgrp())
held = [f"/proc/self/fd/{number}" for number in range(100)]
print(sorted(os.readlink(path) for path in held if os.path.exists(path)))
print(sys.stdin.read(), file=sys.stderr)
sys.exit(3)
"""
STANDING = "import time; print('up', flush=True); time.sleep(600)"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def process(how: str, folder: Path, text: str, *words: str) -> Process:
    """Start this Python text, forked or launched, with its output in the file `log` of `folder`."""
    (folder / "program.py").write_text(text)
    command = (sys.executable, "program.py", *words)
    program = Program("program", command, {**os.environ, "WORD": "said", "PGAPPNAME": how})
    with (folder / "log").open("wb", buffering=0) as output:
        return {"forked": loaded.start, "launched": launch}[how](program, folder, output)


def test_it_is_started_as_by_its_command_line_and_tells_its_exit_code(tmp_path: Path, log: Path) -> None:
    said = []
    for how in ("launched", "forked"):
        ended = process(how, tmp_path, TELLING, "one", "--two")
        assert isinstance(ended, subprocess.Popen) is (how == "launched")
        assert (ended.wait(), ended.poll(), ended.returncode) == (3, 3, 3)
        said.append(log.read_text())
    assert said[0] == said[1]
    assert "['program.py', 'one', '--two'] __main__" in said[0]
    assert f"{tmp_path} said True" in said[0]


def test_it_can_be_ended_and_killed_by_its_id(tmp_path: Path, log: Path) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        running = process("forked", tmp_path, STANDING)
        await_condition(lambda: "up" in log.read_text(), what="the program standing")
        assert running.poll() is None
        if number == signal.SIGTERM:
            running.terminate()
        else:
            os.killpg(running.pid, number)
        assert running.wait() == -number
        running.terminate()
        assert not is_alive(running.pid)


def test_one_that_is_told_to_stop_stops_no_other(tmp_path: Path, log: Path) -> None:
    asking = "from deposits import stopping; print(stopping.asked()); stopping.ask(); print(stopping.asked())"
    for _ in range(2):
        assert process("forked", tmp_path, asking).wait() == 0
        assert log.read_text().split() == ["False", "True"]


def test_what_shares_an_environment_shares_a_parent(tmp_path: Path) -> None:
    first, second = (process("forked", tmp_path, STANDING) for _ in range(2))
    try:
        parents = {
            Path(f"/proc/{one.pid}/stat").read_text().rpartition(")")[2].split()[1] for one in (first, second)
        }
        assert len(parents) == 1
        assert parents != {str(os.getpid())}
    finally:
        for one in (first, second):
            one.terminate()
            one.wait()
