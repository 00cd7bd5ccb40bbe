"""The published schema is valid, complete and true, and the documentation says what is served."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver
from drf_spectacular.validation import validate_schema

from deposits.api import examples
from deposits.api.kinds import FIELD_CODES, KINDS, SITE_CODES
from tests.deposits.api.calling import Api, check_against_schema, published, validator

ROOT = Path(__file__).resolve().parents[3]
DOCS = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


def get(path: str) -> Any:
    return Client(SERVER_NAME="127.0.0.1").get(path)


def test_the_document_is_valid_openapi() -> None:
    assert published()["openapi"] == "3.1.0"
    validate: Any = validate_schema
    validate(published())
    text = json.dumps(published())
    for name in re.findall(r'"\$ref": "#/([^"]+)"', text):
        found: Any = published()
        for part in name.split("/"):
            found = found[part]


def test_every_address_and_method_is_described() -> None:
    for prefix in ("", "/{deposit_id}"):
        assert f"/api/v1/deposits{prefix}" in published()["paths"]
    routed = {
        "/" + re.sub(r"<str:(\w+)>", r"{\1}", route)
        for route in _routes(get_resolver().url_patterns)
        if route.startswith("api/v1/") and route != "api/v1/openapi.json"
    }
    assert set(published()["paths"]) == routed
    for path, operations in published()["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"]
            named = {parameter["name"] for parameter in operation["parameters"]}
            # What changes nothing needs no key.
            assert ("Idempotency-Key" in named) == (method == "post" and path != "/api/v1/eligibility")
            assert {"200", "400", "401", "403", "500", "503"} <= operation["responses"].keys()


def _routes(patterns: Any, prefix: str = "") -> list[str]:
    found = []
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        found += _routes(pattern.url_patterns, route) if hasattr(pattern, "url_patterns") else [route]
    return found


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        ("CreateDeposit", examples.CREATE),
        ("Deposit", examples.DEPOSIT),
        ("DepositList", examples.PAGE),
        ("Timeline", examples.TIMELINE),
        ("PutPlayer", examples.PUT_PLAYER),
        ("Player", examples.PLAYER),
        ("AskEligibility", examples.ASK_ELIGIBILITY),
        ("Eligibility", examples.ELIGIBILITY),
    ],
)
def test_every_example_keeps_to_its_schema(schema: str, example: Any) -> None:
    assert [error.message for error in validator(schema).iter_errors(example)] == []


def test_the_check_against_the_schema_can_fail() -> None:
    assert not validator("Deposit").is_valid({**examples.DEPOSIT, "secret": 1})
    assert not validator("Deposit").is_valid({**examples.DEPOSIT, "status": "lost"})
    assert not validator("Deposit").is_valid(
        {key: value for key, value in examples.DEPOSIT.items() if key != "money"}
    )


@pytest.mark.django_db
def test_the_example_is_accepted_and_answered_as_shown(api: Api) -> None:
    answer = api.create(examples.CREATE)
    assert answer.status_code == 201
    shown = answer.json()
    made_here = ("id", "reference", "page_url", "created_at", "updated_at")
    assert list(shown) == list(examples.DEPOSIT)
    assert {k: v for k, v in shown.items() if k not in made_here} == {
        k: v for k, v in examples.DEPOSIT.items() if k not in made_here
    }
    check_against_schema("POST", answer)


def test_every_refusal_of_the_actions_has_a_kind() -> None:
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in (ROOT / "deposits" / "actions").glob("*.py")
        if path.name not in ("resolve.py", "change_rules.py")  # what they refuse, they refuse to staff
    )
    codes = set(re.findall(r'Refusal\(\s*"(\w+)"', source)) | set(
        re.findall(r'code = "(\w+)" if not', source)
    )
    assert codes
    assert codes <= KINDS.keys()


class _Page(HTMLParser):
    """What a page loads, and what stands in it that a strict policy would refuse."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.inline: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.loads += [given[name] or "" for name in ("src", "href", "data-schema") if name in given]
        self.ids |= {given["id"] or ""} if "id" in given else set()
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)
        self.inline += [name for name in given if name == "style" or name.startswith("on")]


def test_the_reference_asks_no_third_party_and_holds_no_inline_code() -> None:
    page = _Page(get("/api/docs/").content.decode())
    assert page.inline == []
    assert len(page.loads) == 5
    assert all(address.startswith(("/static/drf_spectacular_sidecar/", "/api/")) for address in page.loads)
    script = get("/api/docs/reference.js")
    assert script["Content-Type"].startswith("text/javascript")
    assert b"http" not in script.content


def test_the_type_of_every_problem_leads_to_its_explanation() -> None:
    page = _Page(get("/api/docs/errors").content.decode())
    assert page.ids == KINDS.keys() | SITE_CODES.keys()
    assert page.inline == []


def test_the_documentation_lists_every_code() -> None:
    for code, kind in {**KINDS, **SITE_CODES}.items():
        assert f"| {kind.status} | `{code}` |" in DOCS
    for code in FIELD_CODES:
        assert f"`{code}`" in DOCS


def test_the_documentation_shows_the_examples_of_the_schema() -> None:
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL)]
    for example in (examples.DEPOSIT, examples.PAGE | {"data": []}, examples.TIMELINE):
        assert example in shown
    assert examples.CREATE in [
        json.loads(block) for block in re.findall(r"-d '(\{.*?\})'\n", DOCS, re.DOTALL)
    ]


@pytest.mark.django_db
def test_the_problem_in_the_documentation_is_the_one_that_is_served(api: Api) -> None:
    shown = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCS, re.DOTALL)]
    problem = next(one for one in shown if "request_id" in one)
    served = api.create({**examples.CREATE, "amount": 5_000}).json()
    varying = {"request_id", "type"}
    assert {k: v for k, v in served.items() if k not in varying} == {
        k: v for k, v in problem.items() if k not in varying
    }
    assert problem["type"].endswith(f"/api/docs/errors#{problem['code']}")
