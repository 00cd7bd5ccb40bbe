"""The oracle of refunds sees what it is there for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chaos.refund_oracle import wrong

HELD, RETURNED = {"refund_held": 1}, {"refund_held": 1, "refund_returned": 1}
RELEASED = {"refund_held": 1, "refund_released": 1}


def refund(state: str, entries: dict[str, int], balance_minor: int = -500) -> dict[str, Any]:
    return {"state": state, "amount_minor": 500, "entries": entries, "balance_minor": balance_minor}


@pytest.mark.parametrize(
    ("row", "given_back"),
    [
        (refund("returned", RETURNED), [500]),
        (refund("refused", RELEASED, 0), []),
        (refund("failed", RELEASED, 0), []),
        (refund("review", HELD), []),
        (refund("review", HELD), [500]),
    ],
)
def test_what_is_as_it_should_be_is_let_be(row: dict[str, Any], given_back: list[int]) -> None:
    assert wrong(row, given_back) == []


@pytest.mark.parametrize(
    ("row", "given_back", "kinds"),
    [
        (refund("returned", RETURNED), [500, 500], ["refunded_twice", "refunds_differ"]),
        (refund("review", HELD), [500, 500], ["refunded_twice"]),
        (refund("returned", RETURNED), [], ["refunds_differ"]),
        (refund("returned", RETURNED), [499], ["refunds_differ"]),
        (refund("failed", RELEASED, 0), [500], ["refunds_differ"]),
        (refund("returned", HELD), [500], ["refunds_not_debited_once"]),
        (refund("returned", {**RETURNED, "refund_held": 2}, -1_000), [500], ["refunds_not_debited_once"]),
        (refund("failed", HELD), [], ["refunds_not_debited_once"]),
        (refund("returned", RETURNED, 0), [500], ["refunds_not_debited_once"]),
        (refund("unknown", HELD), [500], ["refunds_unfinished"]),
    ],
)
def test_what_is_wrong_is_found(row: dict[str, Any], given_back: list[int], kinds: list[str]) -> None:
    assert wrong(row, given_back) == kinds
