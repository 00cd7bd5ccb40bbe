"""What a carrier's answer means, as types. Silence is `Unknown`, never a decline (design §4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Approved:
    """The carrier says it took the money. The caller compares amount, currency and reference before it credits."""

    payment_id: str
    reference: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Declined:
    """A documented refusal: certainly nothing was taken.

    `reason` is our unified code (carriers/reasons.py); `carrier_code` is the carrier's own, kept for staff.
    """

    reason: str
    carrier_code: str = ""
    payment_id: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """Accepted, not settled. The outcome comes by inquiry, which a notification may wake."""

    payment_id: str


@dataclass(frozen=True, slots=True)
class Reserved:
    """The amount is held and waits for our confirm. Nothing is taken until then."""

    payment_id: str


@dataclass(frozen=True, slots=True)
class CodeRequired:
    """The carrier texted a one-time code to the player; the deposit waits for it."""

    payment_id: str
    authorization_id: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CodeLost:
    """The carrier waits for a code, and the answer that told us where to check it never reached us."""

    payment_id: str


@dataclass(frozen=True, slots=True)
class CodeRejected:
    """That was not the code. The player may try again until the carrier says no more."""

    payment_id: str
    carrier_code: str = ""


@dataclass(frozen=True, slots=True)
class RedirectRequired:
    """The player must approve elsewhere, at `url`. Nothing can be taken until they come back from there.

    `expires_at` is the end that the other side has set, when it has set one.
    """

    consent_id: str
    url: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ApprovalExchanged:
    """The player's approval has become `credential`, with which the payment may be ordered. Nothing is taken yet.

    The credential is secret: whoever keeps it seals it (accounts/sealing.py). It is good until `expires_at`, when told.
    """

    credential: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Undecided:
    """An inquiry cannot tell what became of the order. Sent again unchanged, it is replayed and not done twice.

    That holds for as long as the carrier keeps our reference (`CarrierProfile.reference_kept_s`).
    """

    detail: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The carrier confirms that the payment is void: nothing was taken, or it was given back."""

    payment_id: str


@dataclass(frozen=True, slots=True)
class AlreadyKnown:
    """The carrier refuses our reference because it already has it: inquire now, never decline."""

    carrier_code: str = ""


@dataclass(frozen=True, slots=True)
class NotFound:
    """An inquiry found nothing under our reference. Not an ending by itself: it may still arrive."""


@dataclass(frozen=True, slots=True)
class NotDone:
    """The carrier says it did not process the request (429, documented 503). Send the same again later.

    `throttled`: it asks all of us to wait that long, not only for this order.
    """

    retry_after_s: float
    detail: str = ""
    throttled: bool = False


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte of a request that could move money left this process."""

    detail: str


@dataclass(frozen=True, slots=True)
class OurFault:
    """The carrier refuses us, not the player (undocumented 401 or 403, 404 on POST). Nothing was taken."""

    detail: str


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Success, but for something we did not ask: another amount, currency or reference. For people, never a credit.

    `amount_minor` and `currency` are what the carrier says it took, when it says so legibly.
    """

    payment_id: str
    detail: str
    amount_minor: int | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Refunded:
    """The money is with the player again. The caller compares amount, currency and reference before it believes it."""

    refund_id: str
    reference: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class RefundPending:
    """The refund is accepted and not carried out yet. What becomes of it comes by inquiry."""

    refund_id: str


@dataclass(frozen=True, slots=True)
class RefundRefused:
    """A documented refusal of a refund: certainly nothing was given back. `carrier_code` is kept for staff."""

    carrier_code: str
    detail: str = ""
    refund_id: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Anything else: the money may or may not have moved. Only an inquiry, a settlement line or people close it."""

    detail: str


#: What is only said about a refund.
OfRefund = Refunded | RefundPending | RefundRefused
Outcome = (
    Approved
    | Declined
    | Pending
    | Reserved
    | CodeRequired
    | CodeLost
    | CodeRejected
    | RedirectRequired
    | ApprovalExchanged
    | Undecided
    | Cancelled
    | AlreadyKnown
    | NotFound
    | NotDone
    | NotSent
    | OurFault
    | Mismatch
    | OfRefund
    | Unknown
)
