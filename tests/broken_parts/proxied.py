"""What the tests of broken parts ask of a running product."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
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


class Visitor:
    """A browser with a session cookie, over real HTTP."""

    def __init__(self, base_url: str, session: str) -> None:
        self._base_url = base_url
        self.session = session
        self.csrf = ""

    def get(self, path: str) -> Answer:
        """Open a page."""
        answer = http("GET", f"{self._base_url}{path}", given_headers=self._headers())
        if found := re.search(r"csrf=(\w+)", answer.headers.get("set-cookie", "")):
            self.csrf = found[1]
        return answer

    def tap(self, amount: str) -> Answer:
        """Open the form and send it as the script would; return the redirect."""
        form = self.get("/deposit/").body
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
        fields |= dict(re.findall(r'name="(phone)" value="(\d+)" checked', form))
        body = urllib.parse.urlencode({**fields, "amount": amount, "live": "1"}).encode()
        headers = self._headers() | {"Content-Type": "application/x-www-form-urlencoded"}
        request = urllib.request.Request(f"{self._base_url}/deposit/", body, headers, method="POST")
        return _without_following(request)

    def _headers(self) -> dict[str, str]:
        return {
            "Cookie": f"session={self.session}; csrf={self.csrf}",
            "Referer": f"{self._base_url}/deposit/",
        }


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """A redirect is the answer."""


def _without_following(request: urllib.request.Request) -> Answer:
    try:
        with urllib.request.build_opener(_Stay).open(request, timeout=30) as reply:
            return Answer(
                reply.status, {k.lower(): v for k, v in reply.headers.items()}, reply.read().decode()
            )
    except urllib.error.HTTPError as error:
        return Answer(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read().decode())
