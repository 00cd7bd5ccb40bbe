"""Calls the API as a partner does, and holds every answer against the published schema."""

from __future__ import annotations

import copy
import json
import re
import uuid
from functools import cache
from typing import Any

from django.test import Client
from django.urls import Resolver404
from jsonschema import Draft202012Validator

from deposits.api.examples import CREATE
from deposits.models import Accumulator, Command, Deposit, DepositEvent

DEPOSITS = "/api/v1/deposits"


def new_key() -> str:
    """Return an idempotency key that nobody has used."""
    return uuid.uuid4().hex


def body(**changes: Any) -> dict[str, Any]:
    """Return a body that is accepted, for a player of its own, with `changes`."""
    return {**copy.deepcopy(CREATE), "player": f"p-{uuid.uuid4().hex[:12]}", **changes}


def stored() -> dict[str, Any]:
    """Return everything that a refused request must leave as it is."""
    return {
        "deposits": Deposit.objects.count(),
        "events": DepositEvent.objects.count(),
        "commands": Command.objects.count(),
        "limits": sorted(Accumulator.objects.values_list("pk", "reserved", "settled", "returned", "counts")),
        "states": sorted(Deposit.objects.values_list("pk", "state")),
    }


class Api:
    """One partner's key at work. Headers are given as the test client wants them (`HTTP_X_…`)."""

    def __init__(self, key: str) -> None:
        self.key = key
        self._client = Client(SERVER_NAME="127.0.0.1", raise_request_exception=False)

    def call(self, method: str, path: str, content: bytes | str = b"", **headers: Any) -> Any:
        """Send one request as it is and return the answer, checked against the schema."""
        headers.setdefault("HTTP_AUTHORIZATION", f"Bearer {self.key}")
        content_type = headers.pop("content_type", "application/json")
        # Given twice, because the client leaves it out where there is no body.
        headers["CONTENT_TYPE"] = content_type
        answer = self._client.generic(method, path, content, content_type, **headers)
        check_against_schema(method, answer)
        return answer

    def get(self, path: str = DEPOSITS, **headers: Any) -> Any:
        """Read."""
        return self.call("GET", path, content_type="", **headers)

    def create(self, content: Any = None, key: str | None = None, **headers: Any) -> Any:
        """Post a deposit: `content` as an object, or as the very bytes to send."""
        sent = content if isinstance(content, bytes | str) else json.dumps(content or body())
        return self.call("POST", DEPOSITS, sent, HTTP_IDEMPOTENCY_KEY=key or new_key(), **headers)

    def act(
        self, deposit: str, what: str, content: Any = None, key: str | None = None, **headers: Any
    ) -> Any:
        """Confirm or cancel a deposit."""
        sent = content if isinstance(content, bytes | str) else json.dumps(content or {})
        return self.call(
            "POST", f"{DEPOSITS}/{deposit}/{what}", sent, HTTP_IDEMPOTENCY_KEY=key or new_key(), **headers
        )


def check_problem(
    answer: Any, status: int, code: str, field: str | None = None, field_code: str | None = None
) -> dict[str, Any]:
    """Assert that `answer` is exactly this problem, and return it."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Cache-Control"] == "no-store"
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == code, problem
    assert problem["status"] == status
    assert problem["type"].endswith(f"/api/docs/errors#{code}")
    assert problem["request_id"] == answer["X-Request-Id"]
    if field is not None:
        assert [(error["field"], error["code"]) for error in problem["errors"]] == [(field, field_code)], (
            problem
        )
    return problem


@cache
def published() -> dict[str, Any]:
    """Return the OpenAPI document as it is served."""
    document: dict[str, Any] = Client(SERVER_NAME="127.0.0.1").get("/api/v1/openapi.json").json()
    return document


@cache
def validator(name: str) -> Draft202012Validator:
    """Return a validator for one of the document's schemas that also refuses fields the schema does not name."""
    schemas = _closed(published()["components"]["schemas"])
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}})


def check_against_schema(method: str, answer: Any) -> None:
    """Assert that the schema lists this answer to this operation: status, media type, body, own headers."""
    try:
        route = answer.resolver_match.route
    except (AttributeError, Resolver404):
        return
    if not route.startswith("api/v1/"):
        return
    path = "/" + re.sub(r"<str:(\w+)>", r"{\1}", route)
    operation = published()["paths"][path].get(method.lower())
    if operation is None:
        return
    described = operation["responses"].get(str(answer.status_code))
    assert described, (
        f"{method} {path} answered {answer.status_code}, which the schema does not list: {answer.content}"
    )
    media_type = answer["Content-Type"]
    assert media_type in described["content"], (media_type, described)
    name = described["content"][media_type]["schema"]["$ref"].rsplit("/", 1)[1]
    errors = [error.message for error in validator(name).iter_errors(answer.json())]
    assert errors == [], (errors, answer.content)
    if media_type == "application/problem+json":
        assert f"`{answer.json()['code']}`" in described["description"], (path, method, answer.content)
    missing = [header for header in described["headers"] if header not in answer]
    assert missing == []


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(value) for name, value in schema.items()}
    return {**closed, "additionalProperties": False} if closed.get("type") == "object" else closed
