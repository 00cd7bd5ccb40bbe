"""What the tests of broken parts ask of a running product."""

from __future__ import annotations

import json
import re
import urllib.request
from dataclasses import dataclass
from typing import Any

from tests.fault_proxy import FaultProxy
from tests.stack import Answer, Stack, http

TOKEN = "token-for-metrics-only"


@dataclass(frozen=True)
class Proxied:
    """The product, and the proxy between it and its database."""

    stack: Stack
    proxy: FaultProxy


def metric(stack: Stack, name: str) -> float:
    """Return one metric without labels, as the first web instance tells it."""
    text = http("GET", f"{stack.base_url}/metrics", given_headers={"Authorization": f"Bearer {TOKEN}"}).body
    found = re.search(rf"^{name} (\S+)$", str(text), re.MULTILINE)
    assert found, f"{name} is not told"
    return float(found[1])


def page(stack: Stack, path: str) -> Answer:
    """Open a page as a browser does that has no cookie yet."""
    return http("GET", f"{stack.base_url}{path}", given_headers={"Accept": "text/html"})


def lines(stack: Stack, program: str = "*") -> list[dict[str, Any]]:
    """Return the structured lines that the program has logged so far."""
    found = []
    for path in sorted(stack.log_dir.glob(f"{program}.log")):
        written = path.read_text(errors="replace").splitlines()
        found += [{"program": path.stem, **json.loads(line)} for line in written if line.startswith("{")]
    return found


def log_text(stack: Stack) -> str:
    """Return all that all processes have written so far."""
    return "\n".join(path.read_text(errors="replace") for path in sorted(stack.log_dir.glob("*.log")))


def fetch_with_cookie(url: str, cookie: str) -> int:
    """GET with a session cookie and return the status."""
    request = urllib.request.Request(url, headers={"Cookie": cookie})
    with urllib.request.urlopen(request, timeout=30) as reply:
        status: int = reply.status
    return status
