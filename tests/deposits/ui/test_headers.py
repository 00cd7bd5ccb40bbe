"""What a player's page may load, where its forms may go, who may keep a copy, and which cookies it sets."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from django.conf import settings
from structlog.testing import capture_logs

from tests.deposits.ui.visiting import deposit_of, player, tap, visitor

pytestmark = pytest.mark.django_db

#: The scripts that players' pages load, as docs/pages.md lists them.
SCRIPTS = {"deposit.js", "sign_in.js"}

PATHS = (
    "/deposit/",
    "/deposit/limits/",
    "/deposit/limits/change/",
    "/deposit/history/",
    "/deposit/phone-bill/",
    "/sign-in/",
    "/sign-out/",
    "/deposit/nothing",
    "/demo/",
)

#: In a process of its own, because cookies' names are settled when the settings are read.
_IN_PUBLIC = """
import django, json
django.setup()
from django.conf import settings
from django.core.checks import run_checks
from django.test import Client
page = Client().get("/deposit/phone-bill/", secure=True, HTTP_HOST="pay.example")
print(json.dumps({
    "warnings": [str(one) for one in run_checks(include_deployment_checks=True) if not one.is_silenced()],
    "hsts": page.headers["Strict-Transport-Security"],
    "cookies": [settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME],
    "secure": [settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE],
    "domains": [settings.SESSION_COOKIE_DOMAIN, settings.CSRF_COOKIE_DOMAIN],
    "paths": [settings.SESSION_COOKIE_PATH, settings.CSRF_COOKIE_PATH],
}))
"""


@pytest.mark.parametrize("path", PATHS)
def test_every_page_keeps_to_itself(path: str) -> None:
    headers = visitor(player()).get(path).headers
    policy = headers["Content-Security-Policy"]
    for rule in (
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "require-trusted-types-for 'script'",
        "report-uri /deposit/policy-reports/",
    ):
        assert rule in policy.split("; ")
    assert "unsafe" not in policy
    # Nobody else is named: the one other origin is our own, of the streams.
    assert set(re.findall(r"https?://[^ ;]+", policy)) == {settings.LIVE_URL}
    assert "no-store" in headers["Cache-Control"]
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


def test_a_page_loads_our_own_script_and_nothing_is_inline() -> None:
    client = visitor(player())
    pages = [client.get(path) for path in PATHS]
    pages.append(client.get(f"/deposit/{deposit_of(tap(client)).reference}/"))
    loaded = set()
    for page in pages:
        body = page.content.decode()
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon[a-z]+=", body)
        assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", body)
        loaded |= set(re.findall(r'<script src="/static/([^"]+)"', body))
    assert loaded == SCRIPTS


def test_a_second_page_sets_no_cookie_so_that_back_is_instant() -> None:
    client = visitor(player())
    client.get("/deposit/")
    assert client.get("/deposit/").cookies == {}


def test_in_public_cookies_belong_to_the_host_alone_and_nothing_is_left_to_warn_of() -> None:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "paysite.settings",
        "BASE_URL": "https://pay.example",
        "ALLOWED_HOSTS": "pay.example",
        "DEMO": "0",
        "TIME_DIVISOR": "1",
        "SECRET_KEY": "fJ2-9sQx_T7vKd4mZ8pWb1nLr6cYh3gEu5aVoN0iRtXqSjMkBwDzPlHyFeGuC",
        "LOG_LEVEL": "ERROR",
    }
    ran = subprocess.run(
        [sys.executable, "-c", _IN_PUBLIC], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told["warnings"] == []
    assert told["cookies"] == ["__Host-session", "__Host-csrf"]
    assert told["secure"] == [True, True]
    # What the prefix asks for; a browser drops the cookie otherwise (RFC 6265bis, section 4.1.3.2).
    assert told["domains"] == [None, None]
    assert told["paths"] == ["/", "/"]
    assert told["hsts"] == "max-age=31536000; includeSubDomains; preload"


@pytest.mark.parametrize(
    ("body", "logged"),
    [
        (
            {
                "csp-report": {
                    "effective-directive": "script-src-elem",
                    "blocked-uri": "https://evil.example/x.js?stolen=1",
                    "document-uri": "https://pay.example/deposit/D-7F3K-92QX/?t=secret",
                }
            },
            {
                "rule": "script-src-elem",
                "stopped": "https://evil.example/x.js",
                "page": "https://pay.example/deposit/D-7F3K-92QX/",
            },
        ),
        ({"csp-report": "no report"}, None),
        ([], None),
        ("{", None),
    ],
)
def test_what_a_browser_reports_is_logged_without_tokens(body: Any, logged: dict[str, str] | None) -> None:
    sent = body if isinstance(body, str) else json.dumps(body)
    with capture_logs() as logs:
        answer = visitor(None).post("/deposit/policy-reports/", sent, content_type="application/csp-report")
    assert answer.status_code == 204
    seen = [one for one in logs if one["event"] == "page_policy_violated"]
    assert [{name: one[name] for name in ("rule", "stopped", "page")} for one in seen] == (
        [logged] if logged else []
    )
