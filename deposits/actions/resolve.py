"""Two people settle a case: one proposes with a reason, another confirms, and then the money moves, once."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from accounts import ledger
from accounts.models import LedgerAccount, Player
from deposits import limits, retry, transitions
from deposits.actions import book, cases, vulnerability
from deposits.actions.cases import Clerk
from deposits.actions.refunds import settle
from deposits.actions.refusal import NotPossibleNow, Refusal
from deposits.models import Attempt, Case, Deposit
from deposits.states import Event, State

#: An inquiry this young that says "taken" forbids to say that nothing was.
RECENT_INQUIRY_S = 300
_SAYS_TAKEN = ("approved", "mismatch")
_NOTHING_TAKEN = (Case.Resolution.FAILED, Case.Resolution.DECLINED)
_OF_REVIEW = (
    Case.Resolution.CREDITED,
    Case.Resolution.FAILED,
    Case.Resolution.DECLINED,
    Case.Resolution.KEPT,
)

#: What may become of a case, by its kind.
RESOLUTIONS: dict[Case.Kind, tuple[Case.Resolution, ...]] = {
    Case.Kind.UNANSWERED: _OF_REVIEW,
    Case.Kind.MISMATCH: _OF_REVIEW,
    Case.Kind.POISON: (*_OF_REVIEW, Case.Resolution.EXPLAINED),
    Case.Kind.LATE_SUCCESS: (Case.Resolution.CREDITED, Case.Resolution.KEPT),
    Case.Kind.REVERSAL_SHORTFALL: (Case.Resolution.WRITTEN_OFF, Case.Resolution.EXPLAINED),
    Case.Kind.SETTLEMENT_DIFFERENCE: (Case.Resolution.EXPLAINED,),
    Case.Kind.UNMATCHED_NOTIFICATION: (Case.Resolution.EXPLAINED,),
    Case.Kind.REFUND: settle.RESOLUTIONS,
    Case.Kind.VULNERABILITY: (Case.Resolution.EXPLAINED,),
}
_EVENTS = {
    Case.Resolution.CREDITED: Event.STAFF_CREDITED,
    Case.Resolution.FAILED: Event.STAFF_FAILED,
    Case.Resolution.DECLINED: Event.STAFF_DECLINED,
    Case.Resolution.KEPT: Event.STAFF_KEPT,
}
_REASON_CODES = {
    Case.Resolution.CREDITED: "",
    Case.Resolution.FAILED: "carrier_unavailable",
    Case.Resolution.DECLINED: "carrier_declined",
    Case.Resolution.KEPT: "under_review",
}


def propose(case_id: int, by: Clerk, resolution: Case.Resolution, reason: str) -> None:
    """Propose how a case ends; a different person has to confirm it. Proposing again replaces the proposal.

    Raises `Refusal` for what cannot become of it, `NotPossibleNow` when it is closed.
    """
    with transaction.atomic():
        case, deposit = _locked(case_id)
        _check(case, deposit, resolution)
        before = {"state": case.state, "resolution": case.resolution}
        Case.objects.filter(pk=case_id).update(
            state=Case.State.PROPOSED,
            resolution=resolution,
            proposed_by=by.user_id,
            proposed_at=Now(),
            proposal_reason=reason[:500],
            owner=by.user_id,
        )
        cases.note(
            case, "case.proposed", by, before, {"state": "proposed", "resolution": resolution.value}, reason
        )


def reject(case_id: int, by: Clerk, reason: str) -> None:
    """Send a proposal back to the queue. Raises `NotPossibleNow` when there is none."""
    with transaction.atomic():
        case = cases.locked(case_id)
        if case.state != Case.State.PROPOSED:
            raise NotPossibleNow("Nothing is proposed for this case.")
        before = {"state": case.state, "resolution": case.resolution}
        Case.objects.filter(pk=case_id).update(
            state=Case.State.OPEN, resolution="", proposed_by=None, proposed_at=None, proposal_reason=""
        )
        cases.note(case, "case.rejected", by, before, {"state": "open"}, reason)


def confirm(case_id: int, by: Clerk, resolution: Case.Resolution, reason: str) -> None:
    """Carry out what another person proposed: the deposit's state, the ledger and the case, in one transaction.

    `resolution` is what `by` has read: a proposal that was replaced meanwhile is not confirmed. Raises `Refusal`
    for the person who proposed it and for what the evidence forbids by now, `NotPossibleNow` when there is no
    proposal or the case is closed.
    """
    with transaction.atomic():
        case, deposit = _locked(case_id)
        if case.state != Case.State.PROPOSED:
            raise NotPossibleNow("Nothing is proposed for this case.")
        if case.proposed_by_id == by.user_id:
            raise Refusal("same_person", "Another person has to confirm what you proposed.", "confirm")
        if case.resolution != resolution:
            raise NotPossibleNow("The proposal has changed: read it again.")
        _check(case, deposit, resolution)
        if case.kind == Case.Kind.REFUND:
            settle.carry_out(settle.locked(case.subject), resolution, by, reason)
        elif deposit is not None:
            _carry_out(case, deposit, resolution, by, reason)
        if case.kind == Case.Kind.VULNERABILITY:
            vulnerability.looked_at(case, by, reason)
        cases.close(case, resolution, by, reason)


def says_taken(deposit: Deposit) -> bool:
    """Return whether the carrier's latest answer is young and says that it took the money."""
    since = Now() - timedelta(seconds=retry.scaled(RECENT_INQUIRY_S))
    latest: Attempt | None = deposit.attempts.exclude(finished_at=None).order_by("-finished_at").first()
    if latest is None or latest.outcome not in _SAYS_TAKEN:
        return False
    return Attempt.objects.filter(pk=latest.pk, finished_at__gte=since).exists()


def _locked(case_id: int) -> tuple[Case, Deposit | None]:
    """Lock deposit and case, in the order in which everybody does. Raises `NotPossibleNow` for a closed case.

    A case of a refund is about that alone: its row is locked, and no deposit returned.
    """
    kind, subject, deposit_id = Case.objects.values_list("kind", "subject", "deposit_id").get(pk=case_id)
    if kind == Case.Kind.REFUND:
        settle.locked(subject)
        return cases.locked(case_id), None
    deposit = Deposit.objects.select_for_update().get(pk=deposit_id) if deposit_id else None
    return cases.locked(case_id), deposit


def _check(case: Case, deposit: Deposit | None, resolution: Case.Resolution) -> None:
    """Raise `Refusal` where the kind of the case, its deposit or the evidence does not allow `resolution`."""
    allowed = RESOLUTIONS[Case.Kind(case.kind)]
    if resolution not in allowed:
        raise Refusal(
            "not_for_this_case",
            f"This case can end as: {', '.join(one.label for one in allowed)}.",
            "resolution",
        )
    if case.kind == Case.Kind.REFUND:
        settle.check(settle.locked(case.subject), resolution)
    if deposit is None or resolution == Case.Resolution.EXPLAINED:
        return
    in_review = resolution in _EVENTS and case.kind != Case.Kind.LATE_SUCCESS
    if in_review and deposit.state != State.REVIEW:
        raise NotPossibleNow(
            f"The deposit is {deposit.get_state_display()} by now: there is nothing to settle."
        )
    if resolution in _NOTHING_TAKEN:
        if deposit.taken_minor is not None:
            raise Refusal(
                "was_taken", "The carrier took money, and it is booked: credit it or keep it.", "resolution"
            )
        if says_taken(deposit):
            raise Refusal(
                "was_taken",
                "The carrier's latest answer, not five minutes old, says that it took the money.",
                "resolution",
            )
    if resolution == Case.Resolution.KEPT and deposit.taken_minor is None:
        raise Refusal("nothing_kept", "Nothing is booked that could be kept.", "resolution")
    if case.kind == Case.Kind.LATE_SUCCESS and deposit.reversed_at is not None:
        raise Refusal("was_returned", "The carrier has taken the money back meanwhile.", "resolution")


def _carry_out(case: Case, deposit: Deposit, resolution: Case.Resolution, by: Clerk, reason: str) -> None:
    if resolution == Case.Resolution.WRITTEN_OFF:
        _write_off(deposit)
    elif case.kind == Case.Kind.LATE_SUCCESS:
        if resolution == Case.Resolution.CREDITED:
            _credit(deposit, "late_credit")
            limits.count_late(deposit)
            Deposit.objects.filter(pk=deposit.pk).update(credited_late=True, updated_at=Now())
    elif resolution in _EVENTS:
        if resolution == Case.Resolution.CREDITED:
            _credit(deposit, "deposit")
        transitions.move(
            deposit,
            _EVENTS[resolution],
            actor_kind="staff",
            actor=by.name[:80],
            detail=reason,
            reason_code=_REASON_CODES[resolution],
        )
    if resolution == Case.Resolution.CREDITED:
        vulnerability.look([deposit.player_id])


def _credit(deposit: Deposit, kind: str) -> None:
    """Credit the player with what was really taken: from what is booked as nobody's, else from the carrier."""
    account = ledger.player_account_id(deposit.player_id, deposit.currency)
    if deposit.taken_minor is not None:
        ledger.post([book.from_unallocated(kind, deposit, account, deposit.taken_minor)])
    else:
        ledger.post([book.from_carrier(kind, deposit, account, deposit.amount_minor)])


def _write_off(deposit: Deposit) -> None:
    """Give up what the player owes for this deposit; who owes nothing more is not flagged any more."""
    owed_minor = ledger.shortfall_minor(deposit.pk)
    receivable = ledger.receivable_account_id(deposit.player_id, deposit.currency)
    given_up = ledger.written_off_account_id(deposit.currency)
    ledger.post(
        [
            ledger.Entry(
                kind="written_off",
                source=deposit.pk,
                currency=deposit.currency,
                postings=((given_up, -owed_minor), (receivable, owed_minor)),
                description=deposit.reference,
            )
        ]
    )
    if ledger.balance_minor(LedgerAccount.objects.get(pk=receivable)) >= 0:
        Player.objects.filter(pk=deposit.player_id).update(flagged_at=None)
