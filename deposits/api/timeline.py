"""What happened to a deposit, in order and in plain words, without what went over the wire."""

from __future__ import annotations

from typing import Any

from carriers import registry
from deposits.models import Attempt, Deposit, DepositEvent, Refund, RefundEvent
from deposits.presentation import as_time
from deposits.references import public_id, public_refund_id
from deposits.refund_states import Event as OfRefund
from deposits.refunds_shown import status
from deposits.states import Event

#: An unanswered deposit is asked about every half hour for as long as it takes; the latest of it is what matters.
MOST_ATTEMPTS = 200

TEXTS: dict[str, str] = {
    Event.ACCEPTED: "The deposit was accepted.",
    Event.SENDING: "It is being sent to the carrier.",
    Event.LEASE_LOST: "We lost track of the request to the carrier and are asking what became of it.",
    Event.NOT_SENT: "The carrier could not be reached. Nothing was sent; it will be tried again.",
    Event.NOT_DONE: "The carrier was too busy and did nothing. It will be tried again.",
    Event.REFUSED: "The carrier refused our request, not the player. Nothing was taken; it will be tried again.",
    Event.APPROVED: "The carrier took the money, and the player was credited.",
    Event.DECLINED: "The carrier declined. Nothing was taken.",
    Event.PENDING: "The carrier is working on it.",
    Event.RESERVED: "The carrier has reserved the amount.",
    Event.CODE_REQUIRED: "The carrier sent the player a one-time code.",
    Event.CODE_REJECTED: "The code was not accepted. The player can enter it again.",
    Event.CODE_ENTERED: "A code was entered.",
    Event.REDIRECT_REQUIRED: "The player is to approve it at the bank.",
    Event.APPROVAL_RETURNED: "The player came back from the bank with an approval.",
    Event.APPROVAL_EXCHANGED: "The bank has taken up the approval. The payment is about to be ordered.",
    Event.CANCEL_REQUESTED: "It is to be cancelled; the carrier has to confirm that.",
    Event.CANCELLED: "It was cancelled. Nothing was taken.",
    Event.EXPIRED: "It ran out. Nothing was taken.",
    Event.SILENCE: "No usable answer came. We do not know yet if money was taken, and are asking.",
    Event.NOT_FOUND: "The carrier does not know it yet. We will ask again.",
    Event.REROUTED: "The carrier certainly does not have it. It goes by another route to the same network.",
    Event.RESENT: "The carrier certainly never got it. It will be sent again, under the same reference.",
    Event.MISMATCH: "The carrier took something else than was asked for. People are looking at it.",
    Event.OVERDUE: "It has been open for too long.",
    Event.NOTIFIED: "The carrier says that there is news. We are asking what it is.",
    Event.REVERSED: "The carrier took the money back, and the credit was reversed.",
    Event.BARRED: "The player may not deposit any more. Nothing was sent to the carrier.",
    Event.TOMBSTONED: "The carrier has closed our reference. Nothing was taken, and nothing can be any more.",
    Event.LATE_SUCCESS: "The carrier took the money after the deposit had ended. People are looking at it.",
    Event.SETTLED: "The carrier's settlement file says that the money was taken. The player is credited.",
    Event.SET_ASIDE: "It could not be worked on. People are looking at it.",
    Event.STAFF_CREDITED: "Two people have looked at it: the money was taken, and the player is credited.",
    Event.STAFF_DECLINED: "Two people have looked at it: the carrier declined, and nothing was taken.",
    Event.STAFF_FAILED: "Two people have looked at it: nothing was taken.",
    Event.STAFF_KEPT: "Two people have looked at it: what was taken is kept to be returned.",
}

REFUND_TEXTS: dict[str, str] = {
    OfRefund.REQUESTED: "A refund was requested. Its amount was taken from the player's balance.",
    OfRefund.APPROVED: "A second person agreed.",
    OfRefund.REJECTED: "It was not agreed to. The amount is in the player's balance again.",
    OfRefund.SENDING: "It is being sent.",
    OfRefund.LEASE_LOST: "We lost track of the request and are asking what became of it.",
    OfRefund.NOT_SENT: "Nobody could be reached. Nothing was sent; it will be tried again.",
    OfRefund.NOT_DONE: "Nothing was done for being too busy. It will be tried again.",
    OfRefund.OUR_FAULT: "Our request was refused, not the refund. It will be tried again.",
    OfRefund.PENDING: "It is accepted and on its way.",
    OfRefund.RETURNED: "The money was returned to the player.",
    OfRefund.REFUSED: "It was refused. The amount is in the player's balance again.",
    OfRefund.SILENCE: "No usable answer came. We do not know yet if money was returned, and are asking.",
    OfRefund.NOT_FOUND: "It is not known there yet. We will ask again.",
    OfRefund.RESENT: "It is sent again, under the same reference, so that it can happen only once.",
    OfRefund.MISMATCH: "Something else was returned than was asked for. People are looking at it.",
    OfRefund.OVERDUE: "It has been open for too long. People are looking at it.",
    OfRefund.GIVEN_UP: "It could not be sent. The amount is in the player's balance again.",
    OfRefund.SETTLED: "The carrier's settlement file says that the money was returned.",
    OfRefund.SET_ASIDE: "It could not be worked on. People are looking at it.",
    OfRefund.STAFF_RETURNED: "Two people have looked at it: the money was returned.",
    OfRefund.STAFF_FAILED: "Two people have looked at it: nothing was returned. It is in the balance again.",
}

#: While old and new code run side by side, the new one may write what the old one has no words for.
_OF_NEWER_CODE = "It went on."


def as_timeline(deposit: Deposit) -> dict[str, Any]:
    """Return the events and attempts of `deposit`, each in the order in which they happened."""
    by_bank = deposit.method_type == registry.BANK
    attempts = list(deposit.attempts.order_by("-epoch")[:MOST_ATTEMPTS])
    return {
        "object": "timeline",
        "deposit": public_id(deposit.id),
        "events": [_event(event, by_bank=by_bank) for event in deposit.events.order_by("id")],
        "attempts": [_attempt(attempt) for attempt in reversed(attempts)],
        "refunds": [_refund(one) for one in deposit.refunds.prefetch_related("events").order_by("id")],
    }


def _event(event: DepositEvent, *, by_bank: bool) -> dict[str, Any]:
    text = TEXTS.get(event.event, _OF_NEWER_CODE)
    return {
        "type": event.event,
        # Whoever takes the money is called what it is.
        "text": text.replace("carrier", "bank") if by_bank else text,
        "from_state": event.from_state or None,
        "to_state": event.to_state,
        "actor": event.actor_kind,
        "at": as_time(event.at),
    }


def _refund(refund: Refund) -> dict[str, Any]:
    events: list[RefundEvent] = sorted(refund.events.all(), key=lambda event: event.pk)
    return {
        "refund": public_refund_id(refund.id),
        "reference": refund.reference,
        "amount": refund.amount_minor,
        "status": status(refund),
        "events": [
            {
                "type": event.event,
                "text": REFUND_TEXTS.get(event.event, _OF_NEWER_CODE),
                "from_state": event.from_state or None,
                "to_state": event.to_state,
                "at": as_time(event.at),
            }
            for event in events
        ],
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "number": attempt.epoch,
        "step": attempt.step,
        "outcome": attempt.outcome,
        "started_at": as_time(attempt.started_at),
        "finished_at": as_time(attempt.finished_at),
    }
