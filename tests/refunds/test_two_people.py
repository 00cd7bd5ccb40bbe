"""A refund that nobody answers about is settled by two people, and never against the carrier's word."""

from __future__ import annotations

from typing import Any

import pytest

from carriers.outcomes import Refunded
from deposits import retry
from deposits.actions import resolve
from deposits.actions.refunds import keep_up
from deposits.actions.refusal import NotPossibleNow, Refusal
from deposits.models import Case, Refund
from deposits.refund_states import State
from tests.faults_evidence.staff import clerk
from tests.refunds.conftest import Returning, ask, balance_minor, bookings, events, held_minor
from tests.refunds.test_requests import at_once

WHY = "The carrier's own desk says so on the phone."
Resolution = Case.Resolution


@pytest.fixture
def waiting(returning: Returning, monkeypatch: pytest.MonkeyPatch) -> Refund:
    """A refund that its carrier is still working on after a day."""
    refund = ask(returning.credited("022"))
    returning.work(refund)
    with monkeypatch.context() as patch:
        patch.setattr(retry, "REVIEW_AFTER_S", 0)
        returning.work(refund)
    assert refund.state == State.REVIEW
    keep_up.keep_up()
    return refund


def case_of(refund: Refund) -> Case:
    return Case.objects.get(kind=Case.Kind.REFUND, subject=refund.reference)


@pytest.mark.parametrize(
    ("resolution", "state", "booked"),
    [
        (Resolution.RETURNED, State.RETURNED, "refund_returned"),
        (Resolution.NOT_RETURNED, State.FAILED, "refund_released"),
    ],
)
def test_two_people_settle_it_once(
    waiting: Refund, resolution: Case.Resolution, state: State, booked: str
) -> None:
    case = case_of(waiting)
    resolve.propose(case.pk, clerk("anna"), resolution, WHY)
    with pytest.raises(Refusal, match="Another person"):
        resolve.confirm(case.pk, clerk("anna"), resolution, WHY)
    bert = clerk("bert")
    ends = at_once(*[lambda: resolve.confirm(case.pk, bert, resolution, WHY)] * 8)
    assert ends == ["", *["NotPossibleNow"] * 7]
    waiting.refresh_from_db()
    assert (waiting.state, bookings(waiting)) == (state, ["refund_held", booked])
    assert held_minor(waiting) == 0
    assert balance_minor(waiting.deposit) == (0 if state == State.RETURNED else 2_000)
    assert events(waiting)[-1] in ("staff_returned", "staff_failed")
    assert case_of(waiting).state == Case.State.CLOSED


def test_only_what_is_about_a_refund_can_become_of_it(waiting: Refund) -> None:
    for resolution in set(Resolution) - {Resolution.RETURNED, Resolution.NOT_RETURNED}:
        with pytest.raises(Refusal, match="This case can end as"):
            resolve.propose(case_of(waiting).pk, clerk("anna"), resolution, WHY)


def test_not_returned_is_refused_while_the_carrier_says_otherwise(
    returning: Returning, waiting: Refund, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = case_of(waiting)
    resolve.propose(case.pk, clerk("anna"), Resolution.NOT_RETURNED, WHY)

    def says_other(self: Any, order: Any) -> Any:
        yield from ()
        return Refunded(order.refund_id, order.reference, 1, "GBP")

    monkeypatch.setattr("carriers.adapters.camara.Adapter.inquire_refund", says_other)
    returning.work(waiting)
    assert waiting.state == State.REVIEW
    with pytest.raises(Refusal, match="says that money was returned"):
        resolve.confirm(case.pk, clerk("bert"), Resolution.NOT_RETURNED, WHY)
    resolve.propose(case.pk, clerk("anna"), Resolution.RETURNED, WHY)
    resolve.confirm(case.pk, clerk("bert"), Resolution.RETURNED, WHY)
    waiting.refresh_from_db()
    assert waiting.state == State.RETURNED


def test_what_the_carrier_has_answered_meanwhile_is_not_settled_by_people(
    returning: Returning, waiting: Refund
) -> None:
    case = case_of(waiting)
    resolve.propose(case.pk, clerk("anna"), Resolution.NOT_RETURNED, WHY)
    returning.later()
    returning.work_until(waiting, State.RETURNED)
    with pytest.raises(NotPossibleNow, match="returned by now"):
        resolve.confirm(case.pk, clerk("bert"), Resolution.NOT_RETURNED, WHY)
    returning.ended_true(waiting)
