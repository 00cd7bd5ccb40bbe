"""Data directories for servers of the tests' own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paysite.local_stack.clean import remove
from paysite.local_stack.guard import Guard
from paysite.local_stack.ports import free_port
from paysite.local_stack.servers import Servers

WAIT_S = 20.0


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory, removed with what the servers keep outside it."""
    directory = tmp_path_factory.mktemp("stack") / "data"
    yield directory
    remove(directory)


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guard]:
    with Guard(tmp_path / "processes.json") as made:
        yield made


@pytest.fixture(scope="module")
def make_servers(data_dir: Path) -> Callable[[], Servers]:
    """Makes the servers of the module's data directory, on ports that are free, whatever the environment names."""
    return lambda: Servers(data_dir, free_port(), free_port(), environ={})


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; fail when it never does."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture(name="wait_for")
def wait_for_fixture() -> Callable[[Callable[[], bool]], None]:
    return wait_for
