"""A deposit from a bank, from the tap to the credit, and every way in which its approval comes to nothing."""

from __future__ import annotations

import uuid

import pytest
from django.db import DatabaseError, transaction

from accounts import particulars, sealing
from accounts.models import Person
from carriers.interface import ReturnRefused
from deposits.actions.command import Caller, cancel
from deposits.actions.refusal import NotPossibleNow
from deposits.models import Accumulator, Attempt, Deposit
from deposits.states import NOTHING_TAKEN, State
from tests.deposits.bank.conftest import Bank, credits_of, noted
from tests.deposits.making import counted
from tests.faults.rig import owner_of_the_table

PLAYER = Caller(client="player:1", kind="player", actor="p-1")


def told_by_the_bank(deposit: Deposit) -> str:
    """What the bank has answered to everything about a deposit, as it is kept."""
    return str(list(Attempt.objects.filter(deposit=deposit).values_list("exchanges", flat=True)))


def nothing_moved(bank: Bank, deposit: Deposit) -> None:
    deposit.refresh_from_db()
    assert (bank.record(deposit), credits_of(deposit), bank.orders(deposit)) == ([], 0, 0)
    if deposit.state in NOTHING_TAKEN:
        assert (deposit.approval_code, deposit.credential) == ("", "")


def test_an_approved_deposit_is_paid_and_credited_once(bank: Bank) -> None:
    deposit = bank.sent_to_approve()
    assert deposit.action_url
    assert deposit.carrier_payment_id == ""
    brought = bank.decide(deposit)
    bank.come_back(deposit, brought)
    bank.work_until(deposit, State.CREDITED)
    assert (bank.record(deposit), credits_of(deposit), bank.orders(deposit)) == ([2_000], 1, 1)
    events = list(deposit.events.values_list("event", flat=True))
    assert events.index("redirect_required") < events.index("approval_returned")
    assert events.index("approval_returned") < events.index("approval_exchanged") < events.index("approved")
    # What the approval was good for is kept nowhere once the payment is known.
    deposit.refresh_from_db()
    assert (deposit.approval_code, deposit.credential) == ("", "")


def test_secrets_are_sealed_in_the_row_and_masked_in_what_is_stored_of_calls(bank: Bank) -> None:
    deposit = bank.approved()
    code = deposit.approval_code
    assert code
    bank.worker_dies_at("worker.after_commit")
    deposit.refresh_from_db()
    assert deposit.credential.startswith("gAAAA")
    assert "token" not in deposit.credential
    bank.see_through(deposit, State.CREDITED)
    stored = told_by_the_bank(deposit)
    assert "grant_type=authorization_code" in stored
    assert code not in stored
    assert "eyJ" not in stored
    assert '"access_token":"***"' in stored.replace("\\", "")


def test_whoever_ends_a_deposit_clears_what_its_approval_was_good_for(bank: Bank) -> None:
    deposit = bank.accept()
    Deposit.objects.filter(pk=deposit.pk).update(approval_code="code-1", credential=sealing.seal("token-1"))
    cancel(deposit.pk, PLAYER, str(uuid.uuid4()))
    deposit.refresh_from_db()
    assert (deposit.state, deposit.approval_code, deposit.credential) == (State.CANCELLED, "", "")


def test_a_bank_counts_the_players_limits_and_no_phones(bank: Bank) -> None:
    deposit = bank.accept()
    assert counted("player", deposit.player_id) == 2_000
    assert not Accumulator.objects.filter(subject="").exists()


@pytest.mark.parametrize(
    ("bank_id", "name", "ends", "reason"),
    [
        ("sandbox-bank", "Demo Player", State.CREDITED, ""),
        ("sandbox-bank", "Ada Byron", State.REVIEW, "under_review"),
        ("sandbox-bank-name", "Demo Player", State.DECLINED, "bank_name_mismatch"),
    ],
)
def test_an_account_in_anothers_name_is_held_or_refused_as_the_profile_says(
    bank: Bank, bank_id: str, name: str, ends: State, reason: str
) -> None:
    deposit = bank.sent_to_approve(bank_id)
    first, last = name.split()
    known = particulars.Particulars(first_name=first, last_name=last)
    Person.objects.create(player_id=deposit.player_id, sealed=particulars.seal(known, deposit.player_id))
    bank.come_back(deposit, bank.decide(deposit))
    bank.see_through(deposit, ends)
    assert (deposit.state, deposit.reason_code) == (ends, reason)
    assert credits_of(deposit) == (ends == State.CREDITED)
    assert bank.record(deposit) == ([] if ends == State.DECLINED else [2_000])


def test_a_name_that_cannot_be_opened_is_not_taken_for_one_that_is_not_known(bank: Bank) -> None:
    deposit = bank.sent_to_approve()
    anothers = particulars.seal(particulars.Particulars(first_name="Ada"), deposit.player_id + 1)
    Person.objects.create(player_id=deposit.player_id, sealed=anothers)
    bank.come_back(deposit, bank.decide(deposit))
    bank.work(deposit)
    nothing_moved(bank, deposit)


@pytest.mark.parametrize(
    ("decision", "reason"),
    [("refuse", "bank_not_approved"), ("gambling_block", "bank_gambling_block")],
)
def test_a_refusal_ends_it_when_the_browser_comes_back(bank: Bank, decision: str, reason: str) -> None:
    deposit = bank.sent_to_approve()
    brought = bank.decide(deposit, decision)
    assert brought["error"] == "access_denied"
    bank.come_back(deposit, brought)
    bank.work_until(deposit, State.DECLINED)
    assert deposit.reason_code == reason
    nothing_moved(bank, deposit)


def test_f77_a_refusal_is_found_when_nobody_comes_back(bank: Bank) -> None:
    deposit = bank.sent_to_approve()
    bank.decide(deposit, "refuse")
    bank.work(deposit)
    deposit.refresh_from_db()
    assert (deposit.state, deposit.reason_code) == (State.DECLINED, "bank_not_approved")
    nothing_moved(bank, deposit)


def test_a_browsers_word_alone_ends_nothing(bank: Bank) -> None:
    deposit = bank.sent_to_approve()
    brought = bank.decide(deposit)
    bank.come_back(deposit, {"state": brought["state"], "error": "access_denied"})
    bank.work()
    deposit.refresh_from_db()
    assert (deposit.state, deposit.reason_code) == (State.ACTION_REQUIRED, "bank_not_approved")
    bank.come_back(deposit, brought)
    bank.work_until(deposit, State.CREDITED)


def test_money_that_is_not_there_declines(bank: Bank) -> None:
    deposit = bank.sent_to_approve()
    bank.come_back(deposit, bank.decide(deposit, "no_money"))
    bank.work_until(deposit, State.DECLINED)
    assert deposit.reason_code == "bank_insufficient_funds"
    assert (bank.record(deposit), credits_of(deposit)) == ([], 0)


@pytest.mark.parametrize("decision", ["close", "approve_no_return"])
def test_f77_who_never_comes_back_runs_out_and_pays_nothing(bank: Bank, decision: str) -> None:
    bank.configure(approval_within_s=0.2)
    deposit = bank.sent_to_approve()
    assert bank.decide(deposit, decision) == {}
    bank.work_until(deposit, State.EXPIRED)
    assert deposit.reason_code == "bank_approval_timeout"
    nothing_moved(bank, deposit)


def test_f77_it_runs_out_though_the_bank_does_not_answer(bank: Bank) -> None:
    bank.configure(approval_within_s=0.2)
    deposit = bank.sent_to_approve()
    bank.force("sandbox-bank", "read_error_500", times=50)
    bank.work_until(deposit, State.EXPIRED)
    nothing_moved(bank, deposit)


def test_f77_an_approval_that_comes_after_the_end_takes_nothing(bank: Bank) -> None:
    bank.configure(approval_within_s=0.2)
    deposit = bank.sent_to_approve()
    brought = bank.decide(deposit)
    bank.work_until(deposit, State.EXPIRED)
    assert bank.come_back(deposit, brought).state == State.EXPIRED
    bank.work()
    nothing_moved(bank, deposit)


def test_f78_coming_back_twice_and_late_changes_nothing(bank: Bank) -> None:
    deposit = bank.sent_to_approve()
    first, second = bank.decide(deposit), bank.decide(deposit)
    assert first["code"] != second["code"]
    for brought in (first, second, first):
        assert bank.come_back(deposit, brought).approval_code == first["code"]
    bank.work_until(deposit, State.CREDITED)
    assert bank.come_back(deposit, second).state == State.CREDITED
    bank.work()
    assert (bank.record(deposit), credits_of(deposit), bank.orders(deposit)) == ([2_000], 1, 1)


def test_a_cancel_while_the_player_is_away_is_certain_at_once(bank: Bank) -> None:
    deposit = bank.sent_to_approve()
    brought = bank.decide(deposit)
    cancel(deposit.pk, PLAYER, str(uuid.uuid4()))
    assert bank.come_back(deposit, brought).approval_code == ""
    bank.work_until(deposit, State.CANCELLED)
    nothing_moved(bank, deposit)
    # Nor does the approval that is still on its way.
    assert bank.come_back(deposit, brought).state == State.CANCELLED


def test_a_cancel_comes_too_late_for_what_is_being_paid(bank: Bank) -> None:
    deposit = bank.approved()
    bank.worker_dies_at("worker.after_commit")
    deposit.refresh_from_db()
    with pytest.raises(NotPossibleNow):
        cancel(deposit.pk, PLAYER, str(uuid.uuid4()))
    bank.see_through(deposit, State.CREDITED)
    assert bank.record(deposit) == [2_000]


# --- what others try --------------------------------------------------------------------------------------------------


def test_f79_a_tampered_state_is_refused_and_nothing_moves(bank: Bank) -> None:
    deposit, other = bank.sent_to_approve(), bank.sent_to_approve()
    brought, others = bank.decide(deposit), bank.decide(other)
    reference, _, proof = brought["state"].partition(".")
    for state in ("", reference, f"{reference}.{proof[:-1]}", f"{other.reference}.{proof}", f"{reference}.x"):
        with pytest.raises(ReturnRefused):
            bank.come_back(deposit, {**brought, "state": state})
    for one in (deposit, other):
        one.refresh_from_db()
        assert (one.state, one.approval_code) == (State.ACTION_REQUIRED, "")
        nothing_moved(bank, one)
    # Each goes on with its own.
    bank.come_back(deposit, brought)
    bank.come_back(other, others)
    bank.see_through(deposit, State.CREDITED)
    bank.see_through(other, State.CREDITED)


def test_f79_a_return_to_another_banks_address_is_refused(bank: Bank) -> None:
    deposit = bank.sent_to_approve()
    brought = bank.decide(deposit)
    foreign = bank.sent_to_approve("sandbox-bank-slow")
    for carrier in (foreign.carrier, "no-such-bank"):
        deposit.carrier = carrier
        with pytest.raises(ReturnRefused):
            bank.come_back(deposit, brought)
    nothing_moved(bank, foreign)


def test_f81_the_bank_sends_nobody_to_a_foreign_address(bank: Bank) -> None:
    deposit = bank.sent_to_approve()
    Deposit.objects.filter(pk=deposit.pk).update(
        action_url=deposit.action_url.replace("127.0.0.1%3A1%2F", "evil.example%2F")
    )
    with pytest.raises(AssertionError):
        bank.decide(deposit)
    nothing_moved(bank, deposit)


def test_f80_a_code_of_another_deposit_buys_nothing(bank: Bank) -> None:
    deposit, other = bank.sent_to_approve(), bank.sent_to_approve()
    stolen = bank.decide(other)["code"]
    bank.come_back(deposit, {**bank.decide(deposit, "approve"), "code": stolen})
    bank.work()
    deposit.refresh_from_db()
    # The verifier is another's: the bank gives no token, and the player is asked again.
    assert (deposit.state, deposit.approval_code) == (State.ACTION_REQUIRED, "")
    assert "invalid_grant" in told_by_the_bank(deposit)
    nothing_moved(bank, deposit)
    nothing_moved(bank, other)


def test_f80_a_code_that_was_used_is_not_taken_again(bank: Bank) -> None:
    deposit = bank.sent_to_approve()
    brought = bank.decide(deposit)
    bank.come_back(deposit, brought)
    bank.work_until(deposit, State.CREDITED)
    again = bank.sent_to_approve()
    bank.come_back(again, {**bank.decide(again), "code": brought["code"]})
    bank.work()
    nothing_moved(bank, again)
    assert "invalid_grant" in told_by_the_bank(again)
    assert bank.record(deposit) == [2_000]


def test_f84_a_token_for_another_consent_pays_nothing(bank: Bank) -> None:
    other = bank.sent_to_approve()
    deposit = bank.sent_to_approve()
    bank.force("sandbox-bank", "other_consents_token")
    bank.come_back(deposit, bank.decide(deposit))
    bank.work_until(deposit, State.DECLINED)
    assert (deposit.reason_code, bank.orders(deposit)) == ("bank_declined", 1)
    assert "403" in noted(deposit)
    for one in (deposit, other):
        assert (bank.record(one), credits_of(one)) == ([], 0)


def test_f83_another_amount_than_the_player_approved_is_never_paid(bank: Bank) -> None:
    deposit = bank.approved()
    with pytest.raises(DatabaseError), transaction.atomic():
        Deposit.objects.filter(pk=deposit.pk).update(amount_minor=2_500)
    bank.worker_dies_at("worker.after_commit")
    # Nor where somebody can change it: the bank has been told what the customer approved.
    owner_of_the_table(
        "UPDATE deposits_deposit SET amount_minor = 2500 WHERE reference = %s", deposit.reference
    )
    for _ in range(3):
        bank.work(deposit)
    deposit.refresh_from_db()
    assert (deposit.state, bank.orders(deposit)) == (State.UNKNOWN, 1)
    assert (bank.record(deposit), credits_of(deposit)) == ([], 0)
    assert "amount is not 25.00" in noted(deposit)
    assert "This is not what the customer has approved." in told_by_the_bank(deposit)


def test_f82_a_payment_whose_answer_the_bank_did_not_sign_credits_nothing(bank: Bank) -> None:
    deposit = bank.approved()
    bank.force("sandbox-bank", "wrong_signature")
    bank.worker_dies_at("worker.after_commit")
    bank.worker_dies_at("worker.after_commit")
    deposit.refresh_from_db()
    assert (deposit.state, deposit.carrier_payment_id, credits_of(deposit)) == (State.UNKNOWN, "", 0)
    assert "signature" in noted(deposit)


def test_f82_a_consent_that_the_bank_did_not_sign_sends_nobody_away(bank: Bank) -> None:
    deposit = bank.accept()
    bank.force("sandbox-bank", "consent_wrong_signature")
    bank.work()
    deposit.refresh_from_db()
    assert (deposit.state, deposit.action_url, deposit.consent_id) == (State.RECEIVED, "", "")
    assert "signature" in noted(deposit)
    nothing_moved(bank, deposit)
    bank.see_through(deposit, State.CREDITED)
    assert bank.record(deposit) == [2_000]
