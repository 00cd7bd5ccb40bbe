"""The alarms ask for metrics that exist, say what to do, and point to a heading that exists."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from django.test import Client

from tests.local_servers import ROOT
from tests.site.test_metrics import TOKEN

RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
HEADINGS = {
    re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
    for line in (ROOT / "docs" / "operations.md").read_text().splitlines()
    if line.startswith("#")
}
#: Series that a histogram's or counter's name stands for.
_SUFFIXES = ("", "_total", "_bucket", "_count", "_sum")


def rules() -> list[Any]:
    return [pytest.param(rule, id=rule["alert"]) for rule in RULES]


@pytest.mark.django_db
@pytest.mark.parametrize("rule", rules())
def test_an_alarm_asks_for_metrics_that_exist(rule: dict[str, Any], settings: Any) -> None:
    settings.METRICS_TOKEN = TOKEN
    told = Client().get("/metrics", HTTP_AUTHORIZATION=f"Bearer {TOKEN}").content.decode()
    exist = {
        f"{name}{suffix}" for name in re.findall(r"^# TYPE (\S+)", told, re.MULTILINE) for suffix in _SUFFIXES
    }
    asked = set(re.findall(r"paysite_\w+", rule["expr"]))
    assert asked
    assert asked <= exist


@pytest.mark.parametrize("rule", rules())
def test_an_alarm_says_what_to_do_and_where_it_is_explained(rule: dict[str, Any]) -> None:
    words = rule["annotations"]
    assert words["summary"]
    assert words["action"]
    assert rule["labels"]["severity"] in ("page", "ticket")
    page, _, heading = words["runbook"].partition("#")
    assert page == "docs/operations.md"
    assert heading in HEADINGS
