"""A mock server over each protocol's own OpenAPI file, refusing every request that the file does not allow."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from carriers.interface import HttpRequest
from tests.carriers.sandbox.harness import free_port
from tests.openapi_mock.install import SERVER, SPECS, is_installed
from tests.stack import await_condition

DESCRIPTIONS = {
    "camara": SPECS / "camara" / "carrier-billing.yaml",
    "camara_refunds": SPECS / "camara" / "carrier-billing-refund.yaml",
    "open_banking": SPECS / "open-banking" / "payment-initiation-openapi.yaml",
}


@dataclass
class Mock:
    """One running server. It knows paths as the file has them, below the base address of a profile."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def is_ready(self) -> bool:
        """Whether it listens; fails when it has ended instead."""
        text = self.log.read_text(errors="replace")
        assert self.process.poll() is None, text[-2_000:]
        return "Prism is listening" in text

    def problems(self, request: HttpRequest, base_url: str) -> list[Any]:
        """What the server finds wrong with a request; nothing when it takes it."""
        assert request.url.startswith(base_url), request.url
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        path = request.url.removeprefix(base_url)
        connection.request(request.method, path, request.body or None, dict(request.headers))
        answer = connection.getresponse()
        answer.read()
        connection.close()
        violations = json.loads(answer.getheader("sl-violations", "[]"))
        found = [one for one in violations if one["location"][0] == "request"]
        # The answers that it makes up do not all keep to the description; they are read by nobody.
        taken = answer.status < 300 or bool(violations)
        return found if found or taken else [answer.status]


@pytest.fixture(scope="session")
def mocks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Mock]]:
    """The servers by the name of the protocol; each reads half a megabyte of YAML, so all begin at once."""
    if not SPECS.is_dir():
        pytest.skip(f"the descriptions of the protocols are not here: {SPECS}")
    node = shutil.which("node")
    assert node, "these tests need node and npm; install them (on Debian: sudo apt-get install nodejs npm)"
    assert is_installed(), "the mock server is not installed: python -m tests.openapi_mock.install"
    folder = tmp_path_factory.mktemp("mocks")
    running: dict[str, Mock] = {}
    for name, description in DESCRIPTIONS.items():
        port, log = free_port(), folder / f"{name}.log"
        command = [node, str(SERVER), "mock", "--errors", "--host", "127.0.0.1", "--port", str(port)]
        with log.open("wb") as output:
            process = subprocess.Popen([*command, str(description)], stdout=output, stderr=output)
        running[name] = Mock(port, process, log)
    try:
        for name, mock in running.items():
            await_condition(mock.is_ready, what=f"the mock of {name} listening")
        yield running.__getitem__
    finally:
        for mock in running.values():
            mock.process.terminate()
            mock.process.wait()
