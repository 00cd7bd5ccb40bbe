"""What browsers report of a page that tried to load or run what its policy forbids: logged, for people to look at."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

log = structlog.get_logger("deposits.ui.policy")

#: More than any browser sends; anybody may send a report.
_LARGEST_BYTES = 8_192
_LONGEST_TEXT = 120


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    """Log a report (CSP level 2, application/csp-report): which rule, what was stopped, on which page. 204 always.

    Addresses are cut before their query, which may hold a token.
    """
    report = _report(request.body[:_LARGEST_BYTES])
    if report:
        log.warning(
            "page_policy_violated",
            rule=_text(report.get("effective-directive") or report.get("violated-directive")),
            stopped=_address(report.get("blocked-uri")),
            page=_address(report.get("document-uri")),
        )
    return HttpResponse(status=204)


def _report(body: bytes) -> dict[str, Any]:
    try:
        sent = json.loads(body)
    except ValueError:
        return {}
    report = sent.get("csp-report") if isinstance(sent, dict) else None
    return report if isinstance(report, dict) else {}


def _text(value: object) -> str:
    return str(value or "")[:_LONGEST_TEXT]


def _address(value: object) -> str:
    try:
        parts = urlsplit(_text(value))
    except ValueError:
        return ""
    return parts._replace(query="", fragment="").geturl()
