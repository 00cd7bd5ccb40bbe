"""What every adapter offers, and what it is given.

An operation is a *conversation*: a generator that yields `HttpRequest`, is sent the `HttpAnswer`, and returns an
`Outcome`. Adapters do no I/O of their own, so recorded replies test them and one driver (carriers/driver.py) runs
many at once. When the network fails, the driver ends the conversation itself: `NotSent` when no request that moves
money had left, `Unknown` in every other case. An adapter therefore never has to guess about silence.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from carriers.outcomes import OurFault, Outcome, Unknown
from carriers.profiles import CarrierProfile


@dataclass(frozen=True, slots=True)
class Order:
    """One deposit as a carrier needs to know it. Amounts in minor units.

    `reference` is minted by us once, stored before the first byte leaves and the same on every try.
    """

    reference: str
    msisdn: str
    amount_minor: int
    currency: str
    description: str
    proof_needed: bool = False
    """The player has not yet proved that this number is theirs: ask the carrier to text a code."""
    payment_id: str = ""
    """The carrier's own id, once it has told us."""
    authorization_id: str = ""
    code: str = ""
    consent_id: str = ""
    """What the player is asked to approve elsewhere, once the carrier has named it."""
    approval_code: str = ""
    """What the player brought back from there; good once."""
    credential: str = ""
    """What the approval was exchanged for. With it the payment may have been ordered already."""
    player_name: str = ""
    """The player's own name, where it is known, to be compared with the account holder's."""
    created_at: datetime | None = None
    first_sent_at: datetime | None = None
    last_sent_at: datetime | None = None
    asked_at: datetime | None = None
    """The time by the database; a machine's own clock may be wrong."""


@dataclass(frozen=True, slots=True)
class RefundOrder:
    """Part or all of a payment, to be given back to the account or phone bill that it came from. Minor units.

    `reference` is the refund's own, minted by us once, stored before the first byte leaves and the same on every try.
    """

    reference: str
    payment_id: str
    """The carrier's own id of the payment; an order without one cannot be given back."""
    payment_reference: str
    """Ours, of the deposit."""
    amount_minor: int
    paid_minor: int
    """What the payment was; the amount never exceeds it."""
    currency: str
    description: str
    msisdn: str = ""
    refund_id: str = ""
    """The carrier's own id of the refund, once it has told us."""
    first_sent_at: datetime | None = None
    last_sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request to send. `moves_money` marks a request after which silence means `Unknown`.

    `certificate` and `certificate_key` are PEM text, for carriers that want mutual TLS.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    moves_money: bool = False
    certificate: str = ""
    certificate_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A complete answer: status, headers with lower-case names, and a body of at most 64 kB."""

    status: int
    headers: Mapping[str, str]
    body: bytes


Conversation = Generator[HttpRequest, HttpAnswer, Outcome]


@dataclass(frozen=True, slots=True)
class Notification:
    """What a carrier pushed to us. It wakes an inquiry and never credits by itself (design §5).

    `source` and `event_id` make it unique; `payment_id` and `reference` say which deposit to wake, when known.
    """

    source: str
    event_id: str
    kind: str
    payment_id: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Return:
    """What a browser brought back from the place where the player was to approve.

    `reference` is ours, proved by what came with it; `code` is what the approval can be exchanged for, or `error` says
    in the protocol's own word why there is none.
    """

    reference: str
    code: str = ""
    error: str = ""


class ReturnRefused(Exception):
    """What a browser brought back is not what we gave it, or not for this carrier. `detail` quotes none of it."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotificationRefused(Exception):
    """A pushed message that we refuse, with the HTTP `status` to answer and a text for the sender."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


class CarrierAdapter(ABC):
    """One protocol. Built once per process and carrier; shares nothing between orders but an access token."""

    #: Whether a repeated reference is refused or replayed by the carrier, so that sending it again cannot charge twice.
    resend_is_safe: bool = False
    #: Whether the carrier can be asked what became of our reference.
    can_inquire: bool = False
    #: Whether it gives money back by our order, as it is configured; then it has `refund` and `inquire_refund`.
    can_refund: bool = False

    def __init__(self, profile: CarrierProfile) -> None:
        self.profile = profile

    @abstractmethod
    def authorise(self, order: Order) -> Conversation:
        """Charge, or prepare the charge when the player must first prove the number."""

    @abstractmethod
    def confirm(self, order: Order) -> Conversation:
        """Check the player's code when `order.code` is set, then take the reserved amount.

        Where the player approves elsewhere: exchange `order.approval_code`, or order the payment with
        `order.credential`.
        """

    @abstractmethod
    def cancel(self, order: Order) -> Conversation:
        """Void a payment that was prepared and not taken. `Cancelled` only on the carrier's own word.

        An order that the carrier does not know is closed by a tombstone: something under its reference that can
        never be charged and makes the carrier refuse whatever still arrives. `NotFound` where it offers none.
        """

    @abstractmethod
    def inquire(self, order: Order) -> Conversation:
        """Ask what became of the order. Never moves money."""

    @abstractmethod
    def read_notification(self, headers: Mapping[str, str], body: bytes) -> Notification:
        """Check and read a pushed message. `headers` have lower-case names. Raises `NotificationRefused`."""

    def read_return(self, query: Mapping[str, str]) -> Return:
        """Check and read what a browser brought back: the parameters of the address. Raises `ReturnRefused`."""
        raise ReturnRefused("nobody is sent anywhere by this carrier")

    def public_keys(self) -> list[Mapping[str, str]]:
        """The keys with which the carrier checks our signatures, as JSON Web Keys (RFC 7517); public parts only."""
        return []

    def refund(self, order: RefundOrder) -> Conversation:
        """Order that money is given back: `Refunded`, `RefundPending`, `RefundRefused`, or why not yet."""
        yield from ()
        return OurFault(f"{self.profile.name} offers no refunds")

    def inquire_refund(self, order: RefundOrder) -> Conversation:
        """Ask what became of a refund. Never moves money. `NotFound` when nothing is known under our reference."""
        yield from ()
        return Unknown(f"{self.profile.name} offers no refunds")
