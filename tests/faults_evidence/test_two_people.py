"""Cases: opened once, owned, due; closed by two different people, once, and never against the carrier's word."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now
from django.test import Client

from accounts import ledger
from accounts.models import AuditRecord, LedgerAccount, LedgerEntry, User
from deposits import presentation, retry, transitions
from deposits.actions import cases, resolve
from deposits.actions.refusal import NotPossibleNow, Refusal
from deposits.models import Attempt, Case, Deposit
from deposits.states import Event, State
from tests.deposits.making import counted
from tests.faults_evidence.conftest import Carrier
from tests.faults_evidence.staff import clerk

pytestmark = pytest.mark.usefixtures("alone")

Resolution = Case.Resolution
WHY = "The carrier's own desk says so on the phone."


@pytest.fixture
def unanswered(carrier: Carrier, monkeypatch: pytest.MonkeyPatch) -> Case:
    """A case of a deposit that was charged, and about which nobody has answered for too long."""
    deposit = carrier.deposit("+447700900010")
    carrier.set(faults={"inquiry_error": 1.0})
    carrier.work(deposit)
    with monkeypatch.context() as patch:
        patch.setattr(retry, "REVIEW_AFTER_S", 0)
        carrier.work(deposit)
    deposit.refresh_from_db()
    assert deposit.state == State.REVIEW
    cases.keep_up()
    return Case.objects.get(deposit=deposit)


@pytest.fixture
def mismatch(carrier: Carrier) -> Case:
    """A case of a deposit of £20 for which the carrier took £21."""
    deposit = carrier.deposit("+447700900015")
    carrier.work(deposit)
    cases.keep_up()
    return Case.objects.get(deposit=deposit)


def settle(case: Case, resolution: Case.Resolution) -> Deposit:
    """Anna proposes, Bert confirms; return the deposit as it is then."""
    resolve.propose(case.pk, clerk("anna"), resolution, WHY)
    resolve.confirm(case.pk, clerk("bert"), resolution, WHY)
    return deposit_of(case)


def deposit_of(case: Case) -> Deposit:
    """Return the deposit of a case as it is now."""
    assert case.deposit is not None
    return Deposit.objects.get(pk=case.deposit.pk)


def balance_minor(deposit: Deposit) -> int:
    return ledger.player_balance_minor(deposit.player_id, "GBP")


def unallocated_minor(deposit: Deposit) -> int:
    account = ledger.unallocated_account_id(deposit.carrier, "GBP")
    return ledger.balance_minor(LedgerAccount.objects.get(pk=account))


def test_a_case_is_opened_once_with_an_owner_a_deadline_and_evidence(unanswered: Case) -> None:
    cases.keep_up()
    (case,) = Case.objects.filter(deposit=unanswered.deposit)
    assert (case.kind, case.owner_role, case.state) == (Case.Kind.UNANSWERED, "Payments", Case.State.OPEN)
    assert case.due_at - case.opened_at == timedelta(seconds=24 * 3_600 / 10)
    assert case.evidence["last_answer"] == "unknown"
    assert AuditRecord.objects.filter(action="case.opened", subject=str(case.pk)).count() == 1


def test_ten_sweepers_at_once_open_a_case_once(carrier: Carrier) -> None:
    deposit = carrier.deposit("+447700900015")
    carrier.work(deposit)
    at_once(10, cases.keep_up)
    assert Case.objects.filter(deposit=deposit).count() == 1


def at_once(number: int, act: Any) -> list[str]:
    """Run `act` in so many threads at the same instant; return the names of what was raised, "" for nothing.

    The last in the queue waits for all before it, however slow the machine is.
    """
    barrier, ends = threading.Barrier(number), list[str]()

    def run() -> None:
        barrier.wait()
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '60s'")
            act()
            ends.append("")
        except (NotPossibleNow, Refusal) as refusal:
            ends.append(type(refusal).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(ends)


def test_f69_twenty_confirms_at_once_act_once(unanswered: Case) -> None:
    resolve.propose(unanswered.pk, clerk("anna"), Resolution.CREDITED, WHY)
    bert = clerk("bert")
    ends = at_once(20, lambda: resolve.confirm(unanswered.pk, bert, Resolution.CREDITED, WHY))
    assert ends == ["", *["NotPossibleNow"] * 19]
    deposit = deposit_of(unanswered)
    assert (deposit.state, balance_minor(deposit)) == (State.CREDITED, 2_000)
    assert LedgerEntry.objects.filter(source=deposit.pk).count() == 1
    assert AuditRecord.objects.filter(action="case.closed", subject=str(unanswered.pk)).count() == 1


def test_f69_the_same_person_cannot_confirm(unanswered: Case) -> None:
    resolve.propose(unanswered.pk, clerk("anna"), Resolution.CREDITED, WHY)
    with pytest.raises(Refusal, match="Another person"):
        resolve.confirm(unanswered.pk, clerk("anna"), Resolution.CREDITED, WHY)
    deposit = deposit_of(unanswered)
    assert (deposit.state, balance_minor(deposit)) == (State.REVIEW, 0)


def test_f69_nor_does_the_database_let_one_person_close_a_case(unanswered: Case) -> None:
    resolve.propose(unanswered.pk, clerk("anna"), Resolution.CREDITED, WHY)
    with pytest.raises(IntegrityError, match="case_two_people"), transaction.atomic():
        Case.objects.filter(pk=unanswered.pk).update(
            state=Case.State.CLOSED, closed_by=clerk("anna").user_id, closed_at=Now()
        )


def test_a_proposal_that_was_replaced_is_not_confirmed(unanswered: Case) -> None:
    resolve.propose(unanswered.pk, clerk("anna"), Resolution.FAILED, WHY)
    resolve.propose(unanswered.pk, clerk("carl"), Resolution.CREDITED, WHY)
    with pytest.raises(NotPossibleNow, match="has changed"):
        resolve.confirm(unanswered.pk, clerk("bert"), Resolution.FAILED, WHY)


def test_f70_failed_is_refused_while_the_carrier_says_that_it_took_the_money(unanswered: Case) -> None:
    """A worker that had lost its lease heard of the success: kept on its attempt, and it moved nothing."""
    heard = Attempt.objects.create(
        deposit=deposit_of(unanswered),
        epoch=99,
        step="inquire",
        worker="w",
        finished_at=Now(),
        outcome="approved",
    )
    with pytest.raises(Refusal, match="latest answer"):
        resolve.propose(unanswered.pk, clerk("anna"), Resolution.FAILED, WHY)
    Attempt.objects.filter(pk=heard.pk).update(finished_at=Now() - timedelta(seconds=31))
    assert settle(unanswered, Resolution.FAILED).state == State.FAILED


def test_f70_the_carriers_word_between_proposal_and_confirmation_counts(unanswered: Case) -> None:
    resolve.propose(unanswered.pk, clerk("anna"), Resolution.FAILED, WHY)
    Attempt.objects.create(
        deposit=deposit_of(unanswered),
        epoch=99,
        step="inquire",
        worker="w",
        finished_at=Now(),
        outcome="approved",
    )
    with pytest.raises(Refusal, match="latest answer"):
        resolve.confirm(unanswered.pk, clerk("bert"), Resolution.FAILED, WHY)
    assert deposit_of(unanswered).state == State.REVIEW


@pytest.mark.parametrize(
    ("resolution", "state", "balance"),
    [
        (Resolution.CREDITED, State.CREDITED, 2_000),
        (Resolution.FAILED, State.FAILED, 0),
        (Resolution.DECLINED, State.DECLINED, 0),
    ],
)
def test_what_becomes_of_an_unanswered_deposit(
    unanswered: Case, resolution: Case.Resolution, state: State, balance: int
) -> None:
    deposit = settle(unanswered, resolution)
    assert (deposit.state, balance_minor(deposit)) == (state, balance)
    event = deposit.events.order_by("-id")[0]
    assert (event.actor_kind, event.detail) == ("staff", WHY)


def test_a_mismatch_is_credited_with_what_was_really_taken(mismatch: Case) -> None:
    assert mismatch.deposit is not None
    before = unallocated_minor(mismatch.deposit)
    deposit = settle(mismatch, Resolution.CREDITED)
    assert (deposit.state, balance_minor(deposit)) == (State.CREDITED, 2_100)
    assert unallocated_minor(deposit) == before - 2_100


def test_a_mismatch_can_be_kept_for_return_and_the_player_is_told_the_truth(mismatch: Case) -> None:
    deposit = settle(mismatch, Resolution.KEPT)
    assert (deposit.state, balance_minor(deposit)) == (State.CANCELLED, 0)
    assert presentation.money(deposit) == "taken"
    told = presentation.reason(deposit)
    assert told is not None
    assert told.code == "under_review"


@pytest.mark.parametrize("resolution", [Resolution.FAILED, Resolution.DECLINED])
def test_what_is_booked_as_taken_cannot_be_called_failed(mismatch: Case, resolution: Case.Resolution) -> None:
    with pytest.raises(Refusal, match="credit it or keep it"):
        resolve.propose(mismatch.pk, clerk("anna"), resolution, WHY)


def test_the_carriers_answer_closes_the_case_without_people(carrier: Carrier, unanswered: Case) -> None:
    resolve.propose(unanswered.pk, clerk("anna"), Resolution.FAILED, WHY)
    carrier.set(faults={})
    assert unanswered.deposit is not None
    carrier.work(unanswered.deposit)
    with pytest.raises(NotPossibleNow, match="by now"):
        resolve.confirm(unanswered.pk, clerk("bert"), Resolution.FAILED, WHY)
    cases.keep_up()
    unanswered.refresh_from_db()
    assert (unanswered.state, unanswered.resolution) == (Case.State.CLOSED, Resolution.ANSWERED)
    assert unanswered.closed_by is None


def test_a_worker_that_holds_the_lease_while_people_settle_moves_nothing_any_more(unanswered: Case) -> None:
    Deposit.objects.filter(cases=unanswered).update(next_action_at=Now())
    claimed = transitions.claim(20, "worker", {"sandbox-mobile": 60})
    (held,) = (one for one in claimed if one.id == unanswered.deposit_id)
    deposit = settle(unanswered, Resolution.FAILED)
    late = transitions.result(held, Event.SILENCE, outcome="unknown", next_in_s=1.0)
    assert transitions.record([late]) == set()
    deposit.refresh_from_db()
    assert deposit.state == State.FAILED


# Late success.


@pytest.fixture
def late(carrier: Carrier) -> Case:
    """A case of a deposit that was declined, and charged all the same."""
    deposit = carrier.deposit()
    carrier.script(
        deposit.phone_number,
        {"charge": True, "status": 403, "body": _DENIED, "headers": {"Content-Type": "application/json"}},
    )
    carrier.work(deposit)
    deposit.refresh_from_db()
    assert deposit.state == State.DECLINED
    transitions.wake(deposit.pk, "payment-completed", deposit.carrier)
    carrier.work()
    cases.keep_up()
    return Case.objects.get(deposit=deposit)


_DENIED = '{"status": 403, "code": "CARRIER_BILLING.PAYMENT_DENIED", "message": "no"}'


def test_a_late_success_keeps_the_state_and_is_booked_as_nobodys(carrier: Carrier, late: Case) -> None:
    deposit = deposit_of(late)
    assert late.kind == Case.Kind.LATE_SUCCESS
    assert (deposit.state, deposit.taken_minor, balance_minor(deposit)) == (State.DECLINED, 2_000, 0)
    assert deposit.reason_code == "carrier_declined"
    assert deposit.carrier_code == "CARRIER_BILLING.PAYMENT_DENIED"
    assert [entry.kind for entry in LedgerEntry.objects.filter(source=deposit.pk)] == ["unallocated"]
    assert presentation.money(deposit) == "taken"
    # The limits were given back once, and are not given back again.
    assert counted("phone_number", deposit.phone_number) == 0
    transitions.wake(deposit.pk, "payment-completed", deposit.carrier)
    carrier.work()
    assert LedgerEntry.objects.filter(source=deposit.pk).count() == 1


def test_a_late_success_is_credited_by_two_people(late: Case) -> None:
    deposit = settle(late, Resolution.CREDITED)
    assert (deposit.state, balance_minor(deposit)) == (State.DECLINED, 2_000)
    assert presentation.money(deposit) == "credited"
    told = presentation.reason(deposit)
    assert told is not None
    assert told.code == "carrier_late_success"


def test_a_late_success_that_the_carrier_takes_back_is_nobodys_any_more(carrier: Carrier, late: Case) -> None:
    assert late.deposit is not None
    before = unallocated_minor(late.deposit)
    carrier.sandbox.call("POST", "/sandbox/reversals", {"reference": late.deposit.reference})
    transitions.wake(late.deposit.pk, "payment-cancelled", late.deposit.carrier)
    carrier.work()
    assert unallocated_minor(late.deposit) == before - 2_000
    with pytest.raises(Refusal, match="taken the money back"):
        resolve.propose(late.pk, clerk("anna"), Resolution.CREDITED, WHY)


# In the browser.


def browser(name: str) -> Client:
    """A superuser's browser."""
    user, _ = User.objects.get_or_create(
        username=f"browser-{name}", defaults={"is_staff": True, "is_superuser": True}
    )
    client = Client()
    client.force_login(user)
    return client


def act(client: Client, case: Case, name: str, **given: str) -> str:
    """Open an act's form and send it; return the page that follows."""
    address = f"/admin/deposits/case/{case.pk}/{name}/"
    form = client.get(address).context["form"]
    once = form["once"].value()
    body = {"once": once, "reason": WHY, "resolution": str(form.initial.get("resolution", "")), **given}
    return str(client.post(address, body, follow=True).content.decode())


def test_two_people_settle_a_case_in_the_browser(unanswered: Case) -> None:
    anna, bert = browser("anna"), browser("bert")
    address = f"/admin/deposits/case/?q={unanswered.subject}"
    queue = anna.get(address).content.decode()
    assert f"/admin/deposits/case/{unanswered.pk}/change/" in queue
    page = act(anna, unanswered, "take")
    assert "What the carrier answered" in page
    act(anna, unanswered, "propose", resolution="credited")
    assert (
        f"/admin/deposits/case/{unanswered.pk}/confirm/"
        not in anna.get(f"/admin/deposits/case/{unanswered.pk}/change/").content.decode()
    )
    assert "Another person has to confirm" in act(anna, unanswered, "confirm")
    assert "The case is closed." in act(bert, unanswered, "confirm")
    unanswered.refresh_from_db()
    assert unanswered.state == Case.State.CLOSED
    assert deposit_of(unanswered).state == State.CREDITED
    assert f"/admin/deposits/case/{unanswered.pk}/change/" not in anna.get(address).content.decode()


def test_without_the_permission_nothing_can_be_done(unanswered: Case) -> None:
    user, _ = User.objects.get_or_create(username="evidence-guest", defaults={"is_staff": True})
    client = Client()
    client.force_login(user)
    for name in ("take", "hand-over", "ask", "propose", "confirm", "reject"):
        assert client.get(f"/admin/deposits/case/{unanswered.pk}/{name}/").status_code == 403
        assert client.post(f"/admin/deposits/case/{unanswered.pk}/{name}/", {}).status_code == 403


def test_what_a_case_is_about_cannot_change_and_a_closed_one_not_at_all(unanswered: Case) -> None:
    with pytest.raises(IntegrityError, match="cannot change"), transaction.atomic():
        Case.objects.filter(pk=unanswered.pk).update(evidence={})
    settle(unanswered, Resolution.CREDITED)
    with pytest.raises(IntegrityError, match="is closed"), transaction.atomic():
        Case.objects.filter(pk=unanswered.pk).update(state=Case.State.OPEN)
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("DELETE FROM deposits_case WHERE id = %s", [unanswered.pk])
