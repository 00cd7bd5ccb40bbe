"""One sandbox for most tests, with story delays divided by 20; a fresh one where a test restarts or sets it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.carriers.sandbox.harness import Sandbox, Sink


@pytest.fixture(scope="session")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox
        status, errors = sandbox.stop()
        assert (status, errors) == (0, "")


@pytest.fixture
def sandbox(shared_sandbox: Sandbox) -> Iterator[Sandbox]:
    yield shared_sandbox
    shared_sandbox.call("DELETE", "/sandbox/settings")
    shared_sandbox.call("DELETE", "/sandbox/scripts")


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[..., Sandbox]]:
    """Makes sandboxes with a data directory of this test."""
    made: list[Sandbox] = []

    def make(folder: str = "data", time_divisor: float = 20, *options: str) -> Sandbox:
        made.append(Sandbox(tmp_path / folder, time_divisor, *options))
        return made[-1]

    yield make
    for sandbox in made:
        sandbox.__exit__(None, None, None)


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    sink.close()


@pytest.fixture
def ref() -> str:
    """A clientCorrelator nobody has used."""
    return f"ref-{uuid.uuid4()}"
