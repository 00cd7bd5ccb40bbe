"""Every state that is not final has a deadline and an owner, and truly ends."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from carriers import outcomes
from deposits import deadlines, retry
from deposits.actions import cases, decide
from deposits.actions.give_up import give_up_unsent, review_unclaimed
from deposits.deadlines import CASE_DEADLINES, DEADLINES
from deposits.models import Case
from deposits.states import FINAL, State
from tests.faults_evidence.conftest import Carrier
from tests.stack import await_condition

ROOT = Path(__file__).resolve().parents[2]


def test_every_state_that_is_not_final_has_a_deadline_and_an_owner() -> None:
    assert set(DEADLINES) == set(State) - FINAL
    for deadline in DEADLINES.values():
        assert deadline.within_s > 0
        assert deadline.owner in ("system", "player", "carrier", "staff")
        assert (ROOT / "deposits" / deadline.enforced_by).is_file()


def test_every_kind_of_case_has_a_deadline_and_an_owner() -> None:
    assert set(CASE_DEADLINES) == set(Case.Kind)
    assert deadlines.LEASE_S == 60
    assert DEADLINES[State.ACTION_REQUIRED].within_s == deadlines.CODE_LIFETIME_S


@pytest.mark.usefixtures("alone")
class TestTheyTrulyEnd:
    def test_received_fails_when_it_could_never_be_sent(
        self, carrier: Carrier, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        carrier.configure(base_url="http://127.0.0.1:9/nobody", token_url="http://127.0.0.1:9/nobody")
        deposit = carrier.deposit()
        carrier.work(deposit)
        give_up_unsent()
        deposit.refresh_from_db()
        assert deposit.state == State.RECEIVED
        monkeypatch.setattr(retry, "GIVE_UP_UNSENT_S", 0)
        give_up_unsent()
        deposit.refresh_from_db()
        assert deposit.state == State.FAILED

    def test_one_that_was_sent_before_never_waits_as_received(self, carrier: Carrier) -> None:
        """Not found and sent again, but the carrier has no time: in doubt, and so on its way to review."""
        deposit = carrier.deposit()
        carrier.script(deposit.phone_number, {"mode": "abort"}, {"status": 429, "body": ""})
        refused = deposit.attempts.filter(outcome="not_done")

        def sent_again() -> bool:
            carrier.work()
            return refused.exists()

        await_condition(sent_again, what="its being sent again")
        deposit.refresh_from_db()
        assert deposit.state == State.UNKNOWN

    @pytest.mark.parametrize("story", ["007", "010", "009"])
    def test_what_nobody_answers_goes_to_review_with_an_owner(
        self, carrier: Carrier, story: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Pending, unknown, and a code that ran out whose cancel the carrier never answers."""
        # However slow the machine is, the carrier does not get any further, and nothing is asked before it is due here.
        carrier.set(time_divisor=0.01)
        monkeypatch.setattr(retry, "INQUIRY_SCHEDULE_S", (6_000,))
        deposit = carrier.deposit(f"+447700900{story}")
        carrier.work(deposit)
        deposit.refresh_from_db()
        assert deposit.state in (State.PENDING, State.UNKNOWN, State.ACTION_REQUIRED)
        carrier.configure(base_url="http://127.0.0.1:9/nobody", token_url="http://127.0.0.1:9/nobody")
        carrier.work(deposit)
        deposit.refresh_from_db()
        assert deposit.state not in (State.REVIEW, *FINAL)
        monkeypatch.setattr(retry, "REVIEW_AFTER_S", 0)
        carrier.work(deposit)
        cases.keep_up()
        deposit.refresh_from_db()
        assert deposit.state == State.REVIEW
        case = Case.objects.get(deposit=deposit)
        assert case.owner_role
        assert case.due_at > case.opened_at

    def test_what_no_worker_may_ask_about_goes_to_review(
        self, carrier: Carrier, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its carrier is not configured any more, so that it is claimed by nobody."""
        monkeypatch.setattr(retry, "INQUIRY_SCHEDULE_S", (6_000,))
        deposit = carrier.deposit("+447700900010")
        carrier.work(deposit)
        carrier.configure(code="another")
        carrier.work(deposit)
        # Ids carry the time of the process that minted them.
        monkeypatch.setattr(retry, "REVIEW_AFTER_S", -60)
        review_unclaimed()
        deposit.refresh_from_db()
        assert deposit.state == State.UNKNOWN
        monkeypatch.setattr("deposits.actions.give_up.UNCLAIMED_S", -10)
        review_unclaimed()
        cases.keep_up()
        deposit.refresh_from_db()
        assert deposit.state == State.REVIEW
        assert Case.objects.get(deposit=deposit).kind == Case.Kind.UNANSWERED

    def test_a_code_that_ran_out_expires(self, carrier: Carrier, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("deposits.actions.decide.CODE_LIFETIME_S", 0)
        deposit = carrier.deposit("+447700900009")
        carrier.work(deposit)
        carrier.work_until(deposit, State.EXPIRED)
        assert carrier.charges(deposit) == []


def test_every_outcome_is_decided() -> None:
    assert set(decide._DECISIONS) == set(get_args(outcomes.Outcome)) - set(get_args(outcomes.OfRefund))
