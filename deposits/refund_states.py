"""The lifecycle of a refund as data: states, events, and which event leads from where to where.

Beside that of a deposit (states.py) and smaller. `refund_transitions.py` is the only writer of these states; a
database trigger refuses any pair that is not here, and a test compares the two.
"""

from __future__ import annotations

from django.db import models


class State(models.TextChoices):
    """Where a refund stands. The money is the player's again in `refused` and `failed`, and gone in `returned`."""

    REQUESTED = "requested", "waits for a second person"
    APPROVED = "approved", "to be sent"
    SUBMITTING = "submitting", "being sent"
    PENDING = "pending", "on its way"
    UNKNOWN = "unknown", "unknown"
    REVIEW = "review", "in review"
    RETURNED = "returned", "returned"
    REFUSED = "refused", "refused"
    FAILED = "failed", "failed"


class Event(models.TextChoices):
    """What happened to a refund."""

    REQUESTED = "requested", "requested"
    APPROVED = "approved", "approved by a second person"
    REJECTED = "rejected", "rejected by a second person"
    SENDING = "sending", "about to be sent"
    LEASE_LOST = "lease_lost", "worker lost before it recorded an answer"
    NOT_SENT = "not_sent", "could not be sent"
    NOT_DONE = "not_done", "not processed"
    OUR_FAULT = "our_fault", "our request refused, not the refund"
    PENDING = "pending", "accepted, on its way"
    RETURNED = "returned", "returned to the player"
    REFUSED = "refused", "refused"
    SILENCE = "silence", "no usable answer"
    NOT_FOUND = "not_found", "not known there yet"
    RESENT = "resent", "to be sent again under the same reference"
    MISMATCH = "mismatch", "something else was returned"
    OVERDUE = "overdue", "unanswered for too long"
    GIVEN_UP = "given_up", "could not be sent for too long"
    SETTLED = "settled", "returned by the carrier's settlement file"
    SET_ASIDE = "set_aside", "set aside, its processing comes to nothing"
    STAFF_RETURNED = "staff_returned", "returned, by the word of two people"
    STAFF_FAILED = "staff_failed", "not returned, by the word of two people"


S, E = State, Event

#: (state, event) → state. An event that leaves the state as it is stands here too: nothing unlisted can happen.
TRANSITIONS: dict[tuple[State, Event], State] = {
    (S.REQUESTED, E.APPROVED): S.APPROVED,
    (S.REQUESTED, E.REJECTED): S.REFUSED,
    (S.APPROVED, E.SENDING): S.SUBMITTING,
    # Every attempt proves that nothing was returned, or there was none.
    (S.APPROVED, E.GIVEN_UP): S.FAILED,
    # To be sent again after a doubt, and nobody may any more.
    (S.APPROVED, E.OVERDUE): S.REVIEW,
    (S.SUBMITTING, E.LEASE_LOST): S.UNKNOWN,
    (S.SUBMITTING, E.NOT_SENT): S.APPROVED,
    (S.SUBMITTING, E.NOT_DONE): S.APPROVED,
    (S.SUBMITTING, E.OUR_FAULT): S.APPROVED,
    (S.UNKNOWN, E.RESENT): S.APPROVED,
    (S.SUBMITTING, E.SILENCE): S.UNKNOWN,
    (S.SUBMITTING, E.NOT_FOUND): S.UNKNOWN,
    (S.SUBMITTING, E.OVERDUE): S.REVIEW,
    (S.PENDING, E.SILENCE): S.PENDING,
    (S.PENDING, E.NOT_FOUND): S.PENDING,
    (S.PENDING, E.OVERDUE): S.REVIEW,
    (S.UNKNOWN, E.SILENCE): S.UNKNOWN,
    (S.UNKNOWN, E.NOT_FOUND): S.UNKNOWN,
    (S.UNKNOWN, E.OVERDUE): S.REVIEW,
    (S.REVIEW, E.SILENCE): S.REVIEW,
    (S.REVIEW, E.NOT_FOUND): S.REVIEW,
    (S.REVIEW, E.PENDING): S.REVIEW,
    (S.REVIEW, E.MISMATCH): S.REVIEW,
    (S.REVIEW, E.SET_ASIDE): S.REVIEW,
    # A line of a settlement file is the carrier's word.
    (S.PENDING, E.SETTLED): S.RETURNED,
    (S.UNKNOWN, E.SETTLED): S.RETURNED,
    (S.REVIEW, E.SETTLED): S.RETURNED,
    # Two people, with the evidence before them.
    (S.REVIEW, E.STAFF_RETURNED): S.RETURNED,
    (S.REVIEW, E.STAFF_FAILED): S.FAILED,
    # A plain answer to a later inquiry settles what people have not.
    (S.REVIEW, E.RETURNED): S.RETURNED,
    (S.REVIEW, E.REFUSED): S.REFUSED,
}
for _state in (S.SUBMITTING, S.PENDING, S.UNKNOWN):
    TRANSITIONS |= {
        (_state, E.PENDING): S.PENDING,
        (_state, E.RETURNED): S.RETURNED,
        (_state, E.REFUSED): S.REFUSED,
        (_state, E.MISMATCH): S.REVIEW,
        (_state, E.SET_ASIDE): S.REVIEW,
    }

FINAL = frozenset({S.RETURNED, S.REFUSED, S.FAILED})
#: Certainly nothing was returned: what was taken from the player's balance is put back.
NOTHING_RETURNED = frozenset({S.REFUSED, S.FAILED})
#: What a worker may ask about, and what it may claim: that, and what is to be sent.
ASKED_ABOUT = tuple(state.value for state in State if (state, E.SILENCE) in TRANSITIONS)
CLAIMABLE = (S.APPROVED.value, *ASKED_ABOUT)

#: The pairs that the database trigger lets pass, derived so that it cannot disagree with the table.
LEGAL_MOVES = frozenset((source, target) for (source, _), target in TRANSITIONS.items() if source != target)


class IllegalTransition(Exception):
    """An event that cannot happen to a refund in this state."""


def after(state: State, event: Event) -> State:
    """Return the state that `event` leads to from `state`. Raises `IllegalTransition` where none is listed."""
    try:
        return TRANSITIONS[(state, event)]
    except KeyError:
        raise IllegalTransition(f"{event} cannot happen to a refund that is {state}") from None
