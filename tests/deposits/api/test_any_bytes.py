"""Whatever the body is, reading it ends in a deposit to create or in a problem, never in anything else."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from deposits.api import inputs, reading
from deposits.api.examples import CREATE
from deposits.api.problems import Problem
from tests.deposits.api.calling import validator

# How fast a body is read is measured elsewhere; here a busy machine must not fail the run.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_NAMES = st.sampled_from([*CREATE, "type", "phone_number", "state"])


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    """A body that is right but for one stretch of bytes."""
    content = json.dumps(CREATE).encode()
    start = draw(st.integers(0, len(content)))
    end = draw(st.integers(start, min(start + 5, len(content))))
    return content[:start] + draw(st.binary(max_size=6)) + content[end:]


def _read(body: bytes) -> inputs.CreateDeposit | Problem:
    try:
        return inputs.create_deposit(reading.parse(body), "test")
    except Problem as problem:
        return problem


def _is_refusal(result: object) -> bool:
    return (
        isinstance(result, Problem)
        and result.status_code in (400, 422)
        and all(one.field for one in result.errors)
    )


@unhurried
@given(st.binary(max_size=300) | _mutated())
@example(b'"')
@example(b"\xff\xfe{\x00}\x00")
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    read = _read(body)
    assert isinstance(read, inputs.CreateDeposit) or _is_refusal(read)


@unhurried
@given(st.dictionaries(_NAMES, _VALUES, max_size=7))
def test_any_object_is_read_or_refused(changes: dict[str, Any]) -> None:
    sent = {**CREATE, **changes}
    read = _read(json.dumps(sent).encode())
    if not _is_refusal(read):
        assert validator("CreateDeposit").is_valid(sent), "what is taken must be what the schema allows"
