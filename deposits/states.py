"""The lifecycle of a deposit as data: states, events, and which event leads from where to where.

`transitions.py` is the only writer of states and looks here; a database trigger refuses any pair that is not here
(a test compares the two). Who and why is in the event rows, so there are few states.
"""

from __future__ import annotations

from django.db import models


class State(models.TextChoices):
    """Where a deposit stands. `failed` means that certainly nothing was taken."""

    RECEIVED = "received", "received"
    SUBMITTING = "submitting", "submitting"
    ACTION_REQUIRED = "action_required", "action required"
    PENDING = "pending", "pending"
    UNKNOWN = "unknown", "unknown"
    REVIEW = "review", "in review"
    CREDITED = "credited", "credited"
    DECLINED = "declined", "declined"
    FAILED = "failed", "failed"
    CANCELLED = "cancelled", "cancelled"
    EXPIRED = "expired", "expired"


class Event(models.TextChoices):
    """What happened to a deposit."""

    ACCEPTED = "accepted", "accepted"
    SENDING = "sending", "about to be sent to the carrier"
    LEASE_LOST = "lease_lost", "worker lost before it recorded an answer"
    NOT_SENT = "not_sent", "could not be sent"
    NOT_DONE = "not_done", "carrier did not process it"
    REFUSED = "refused", "carrier refused our request, not the player"
    APPROVED = "approved", "approved by the carrier"
    DECLINED = "declined", "declined by the carrier"
    PENDING = "pending", "carrier is working on it"
    RESERVED = "reserved", "amount reserved by the carrier"
    CODE_REQUIRED = "code_required", "code sent to the player"
    CODE_REJECTED = "code_rejected", "wrong code"
    CODE_ENTERED = "code_entered", "player entered a code"
    REDIRECT_REQUIRED = "redirect_required", "player sent elsewhere to approve"
    APPROVAL_RETURNED = "approval_returned", "player came back with an approval"
    APPROVAL_EXCHANGED = "approval_exchanged", "approval taken up, payment to be ordered"
    CANCEL_REQUESTED = "cancel_requested", "cancel requested"
    CANCELLED = "cancelled", "cancelled"
    EXPIRED = "expired", "ran out"
    SILENCE = "silence", "no usable answer"
    NOT_FOUND = "not_found", "carrier does not know it yet"
    REROUTED = "rerouted", "given to another route"
    RESENT = "resent", "to be sent again under the same reference"
    MISMATCH = "mismatch", "carrier took something else"
    OVERDUE = "overdue", "unanswered for too long"
    NOTIFIED = "notified", "notification received"
    REVERSED = "reversed", "reversed by the carrier"
    BARRED = "barred", "not sent: the player may not deposit any more"
    TOMBSTONED = "tombstoned", "closed at the carrier, nothing was taken"
    LATE_SUCCESS = "late_success", "taken by the carrier after it had ended"
    SETTLED = "settled", "taken by the carrier's settlement file"
    SET_ASIDE = "set_aside", "set aside, its processing comes to nothing"
    STAFF_CREDITED = "staff_credited", "credited by two people"
    STAFF_DECLINED = "staff_declined", "declined by two people"
    STAFF_FAILED = "staff_failed", "failed by two people"
    STAFF_KEPT = "staff_kept", "kept for return by two people"


S, E = State, Event

#: (state, event) → state. An event that leaves the state as it is stands here too: nothing unlisted can happen.
TRANSITIONS: dict[tuple[State, Event], State] = {
    (S.RECEIVED, E.SENDING): S.SUBMITTING,
    (S.RECEIVED, E.CANCELLED): S.CANCELLED,
    (S.RECEIVED, E.REROUTED): S.RECEIVED,
    (S.RECEIVED, E.OVERDUE): S.FAILED,
    (S.SUBMITTING, E.LEASE_LOST): S.UNKNOWN,
    (S.SUBMITTING, E.NOT_SENT): S.RECEIVED,
    (S.SUBMITTING, E.NOT_DONE): S.RECEIVED,
    (S.SUBMITTING, E.REFUSED): S.RECEIVED,
    (S.SUBMITTING, E.SILENCE): S.UNKNOWN,
    (S.SUBMITTING, E.NOT_FOUND): S.UNKNOWN,
    # A break or exclusion begun after it was accepted, and before a byte had left.
    (S.SUBMITTING, E.BARRED): S.DECLINED,
    # Or after the approval, and before the payment was ordered.
    (S.PENDING, E.BARRED): S.DECLINED,
    # A code that could not be delivered to the carrier, or was wrong: the player is asked again.
    (S.SUBMITTING, E.CODE_REJECTED): S.ACTION_REQUIRED,
    (S.ACTION_REQUIRED, E.CODE_ENTERED): S.ACTION_REQUIRED,
    (S.ACTION_REQUIRED, E.SENDING): S.SUBMITTING,
    (S.ACTION_REQUIRED, E.CANCEL_REQUESTED): S.ACTION_REQUIRED,
    # Approved elsewhere, and exchanged for the right to order the payment: that is the next step, and due at once.
    (S.ACTION_REQUIRED, E.APPROVAL_RETURNED): S.ACTION_REQUIRED,
    (S.SUBMITTING, E.APPROVAL_EXCHANGED): S.PENDING,
    # A cancel or an inquiry about an awaited code that came to nothing: it is tried again.
    (S.ACTION_REQUIRED, E.SILENCE): S.ACTION_REQUIRED,
    (S.PENDING, E.SENDING): S.SUBMITTING,
    (S.PENDING, E.SILENCE): S.PENDING,
    (S.PENDING, E.NOT_FOUND): S.PENDING,
    (S.UNKNOWN, E.SILENCE): S.UNKNOWN,
    (S.UNKNOWN, E.NOT_FOUND): S.UNKNOWN,
    (S.UNKNOWN, E.RESENT): S.RECEIVED,
    (S.UNKNOWN, E.OVERDUE): S.REVIEW,
    (S.PENDING, E.OVERDUE): S.REVIEW,
    (S.REVIEW, E.SILENCE): S.REVIEW,
    (S.REVIEW, E.NOT_FOUND): S.REVIEW,
    (S.REVIEW, E.PENDING): S.REVIEW,
    (S.REVIEW, E.MISMATCH): S.REVIEW,
    # What waits for the player is waited for a day at most, whatever the carrier says to our cancel.
    (S.ACTION_REQUIRED, E.OVERDUE): S.REVIEW,
    # Nobody may ask its carrier any more.
    (S.SUBMITTING, E.OVERDUE): S.REVIEW,
    # The carrier has voided what may have been with it, and refuses our reference from now on (docs/decisions/0007).
    (S.UNKNOWN, E.TOMBSTONED): S.FAILED,
    (S.PENDING, E.TOMBSTONED): S.FAILED,
    # A line of a settlement file is the carrier's word.
    (S.UNKNOWN, E.SETTLED): S.CREDITED,
    (S.PENDING, E.SETTLED): S.CREDITED,
    (S.REVIEW, E.SETTLED): S.CREDITED,
    # Two people, with the evidence before them.
    (S.REVIEW, E.STAFF_CREDITED): S.CREDITED,
    (S.REVIEW, E.STAFF_DECLINED): S.DECLINED,
    (S.REVIEW, E.STAFF_FAILED): S.FAILED,
    (S.REVIEW, E.STAFF_KEPT): S.CANCELLED,
    # What it took instead of what was asked, the carrier has given back.
    (S.REVIEW, E.REVERSED): S.CANCELLED,
    # A notification may wake an inquiry about a credited deposit; only a reversal means anything.
    (S.CREDITED, E.SILENCE): S.CREDITED,
    (S.CREDITED, E.REVERSED): S.CREDITED,
}
#: What the carrier says about a deposit that may be with it, whoever asked and whenever.
_ANSWERS = {
    E.APPROVED: S.CREDITED,
    E.DECLINED: S.DECLINED,
    E.CANCELLED: S.CANCELLED,
    E.EXPIRED: S.EXPIRED,
    E.PENDING: S.PENDING,
    E.RESERVED: S.PENDING,
    E.CODE_REQUIRED: S.ACTION_REQUIRED,
    E.REDIRECT_REQUIRED: S.ACTION_REQUIRED,
    E.MISMATCH: S.REVIEW,
}
for _state in (S.SUBMITTING, S.ACTION_REQUIRED, S.PENDING, S.UNKNOWN):
    TRANSITIONS.update({(_state, event): target for event, target in _ANSWERS.items()})
# A deposit in review is settled by a plain answer to a later inquiry; what is unclear stays with people.
for _event in (E.APPROVED, E.DECLINED, E.CANCELLED):
    TRANSITIONS[(S.REVIEW, _event)] = _ANSWERS[_event]

FINAL = frozenset({S.CREDITED, S.DECLINED, S.FAILED, S.CANCELLED, S.EXPIRED})
#: Certainly nothing was taken: what was reserved against limits is given back.
NOTHING_TAKEN = frozenset({S.DECLINED, S.FAILED, S.CANCELLED, S.EXPIRED})

# An ended deposit keeps its state, whatever becomes known later: a late success is a case, and nobody's money yet.
for _state in NOTHING_TAKEN:
    TRANSITIONS.update({(_state, event): _state for event in (E.SILENCE, E.LATE_SUCCESS, E.REVERSED)})
# What kills its workers or raises each time is for people, in whatever state; an ended one is only left alone.
for _state in (S.SUBMITTING, S.ACTION_REQUIRED, S.PENDING, S.UNKNOWN, S.REVIEW):
    TRANSITIONS[(_state, E.SET_ASIDE)] = S.REVIEW
for _state in FINAL:
    TRANSITIONS[(_state, E.SET_ASIDE)] = _state

#: The pairs that the database trigger lets pass, derived so that it cannot disagree with the table.
LEGAL_MOVES = frozenset((source, target) for (source, _), target in TRANSITIONS.items() if source != target)


#: What a worker may claim besides `received`: where even no answer has a meaning. Not what has ended without a credit,
#: and not a state that only newer code knows: such rows are left alone.
CLAIMABLE = tuple(state.value for state in State if (state, E.SILENCE) in TRANSITIONS)


_BY_NAME = {state.value: state for state in State}


def known(value: str) -> State | None:
    """Return the state with this name, or None for one that this version of the code does not know."""
    return _BY_NAME.get(value)


class IllegalTransition(Exception):
    """An event that cannot happen to a deposit in this state."""


def after(state: State, event: Event) -> State:
    """Return the state that `event` leads to from `state`. Raises `IllegalTransition` where none is listed."""
    try:
        return TRANSITIONS[(state, event)]
    except KeyError:
        raise IllegalTransition(f"{event} cannot happen to a deposit that is {state}") from None
