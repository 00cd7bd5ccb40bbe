"""What each bank plays, and the faults that can be drawn for the others. All times in seconds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from carriers.sandbox.bank.records import PaymentStatus
from carriers.sandbox.settings import Settings
from carriers.sandbox.stories import draw

GAMBLING = ("AG01", "The customer has asked this bank to block gambling payments.")
NO_MONEY = ("AM04", "The account does not have enough money.")
CLOSED = ("AC04", "The creditor's account is closed.")
REFUSED = ("U033", "The customer refused the payment.")
NOT_COMPLETED = ("U036", "The customer did not approve in time.")

# Statuses on the way, as parts of the time to settlement. The specification starts every payment with RCVD.
_WAY: tuple[tuple[float, PaymentStatus], ...] = (
    (0.1, "PDNG"),
    (0.2, "ACTC"),
    (0.3, "ACCP"),
    (0.4, "ACFC"),
    (0.5, "ACSP"),
)


@dataclass(frozen=True, slots=True)
class Flow:
    """How a payment goes once it is taken. `reason` of a rejection; empty: the setting `bank_reject_reason`."""

    after_s: float = 0.5
    ends: tuple[PaymentStatus, ...] = ("ACSC", "ACCC")
    reason: tuple[str, str] = ("", "")
    answer_lost: bool = False

    def steps(self, scale: float) -> list[tuple[float, PaymentStatus]]:
        """Seconds after the order, and the status then. `scale` is what a second becomes."""
        way = [(part * self.after_s * scale, status) for part, status in _WAY]
        last = [(self.after_s * (1 + n) * scale, status) for n, status in enumerate(self.ends)]
        return way + last


USUAL = Flow()


@dataclass(frozen=True, slots=True)
class BankStory:
    """One bank. `name` is shown on its page; `holder` is who the accounts belong to, empty: the usual customer."""

    text: str
    name: str
    payment: Flow = USUAL
    refund: Flow = USUAL
    holder: str = ""
    down: bool = False


APPROVED = BankStory("whatever is tapped on the approval page decides", "Sandbox Bank")

BANKS = {
    "sandbox-bank": APPROVED,
    "sandbox-bank-slow": BankStory("settles after 15 s", "Slow Bank", Flow(after_s=15)),
    "sandbox-bank-rejects": BankStory(
        "accepted, rejected 2 s later (MS03, or the reason set)",
        "Stern Bank",
        Flow(after_s=2, ends=("RJCT",)),
    ),
    "sandbox-bank-blocks": BankStory(
        "accepted, rejected 2 s later by the customer's gambling block (AG01)",
        "Careful Bank",
        Flow(after_s=2, ends=("RJCT",), reason=GAMBLING),
    ),
    "sandbox-bank-holds": BankStory(
        "accepted without posting (ACWP) after 2 s, blocked (BLCK) after 4 s",
        "Holding Bank",
        Flow(after_s=2, ends=("ACWP", "BLCK")),
    ),
    "sandbox-bank-lost": BankStory(
        "paid, and the connection drops before the 201; the same order again is answered",
        "Faraway Bank",
        Flow(answer_lost=True),
    ),
    "sandbox-bank-name": BankStory(
        "paid from an account in another name", "Family Bank", holder="Somebody Else"
    ),
    "sandbox-bank-down": BankStory("answers 503 to everything", "Closed Bank", down=True),
    "sandbox-bank-refund-slow": BankStory(
        "as sandbox-bank; a payment back settles after 15 s", "Patient Bank", refund=Flow(after_s=15)
    ),
    "sandbox-bank-refund-rejects": BankStory(
        "as sandbox-bank; a payment back is rejected 2 s later (AC04, account closed)",
        "Moved Bank",
        refund=Flow(after_s=2, ends=("RJCT",), reason=CLOSED),
    ),
    "sandbox-bank-refund-lost": BankStory(
        "as sandbox-bank; the 201 of a payment back is lost once",
        "Distant Bank",
        refund=Flow(answer_lost=True),
    ),
}

PAYMENT_FAULTS = {
    "drop_after_payment": "paid, connection reset",
    "drop_before_payment": "not paid, connection reset",
    "error_500_paid": "paid, 500",
    "error_500_not_paid": "not paid, 500",
    "error_503_not_paid": "not paid, 503",
    "hang_paid": "paid, no answer",
    "garbage_paid": "paid, HTML with status 200",
    "wrong_signature": "paid; the answer's signature is for other bytes",
    "no_signature": "paid; the answer is not signed",
    "wrong_amount": "paid; the answer names £1.00 more",
    "other_consent": "paid; the answer names another consent",
    "payment_rejected": "taken, and rejected after 0.5 s",
}
CONSENT_FAULTS = {
    "consent_lost": "kept, connection reset",
    "consent_error_500": "not kept, 500",
    "consent_wrong_signature": "kept; the answer's signature is for other bytes",
}
EXCHANGE_FAULTS = {
    "exchange_lost": "the code is spent, connection reset",
    "exchange_error_500": "the code is not spent, 500",
    "other_consents_token": "the token is for another consent",
}
READ_FAULTS = {
    "read_error_500": "500",
    "read_wrong_signature": "the answer's signature is for other bytes",
}
BANK_FAULTS = {**CONSENT_FAULTS, **EXCHANGE_FAULTS, **PAYMENT_FAULTS, **READ_FAULTS}

DECISIONS = {
    "approve": "approves",
    "refuse": "refuses",
    "close": "closes the page: nothing is decided, nobody comes back",
    "no_money": "chooses an account without the money, and approves",
    "gambling_block": "has gambling payments blocked",
    "approve_no_return": "approves, and never comes back",
    "approve_twice": "approves twice, and comes back with two codes",
}


class BankFaults:
    """Draws faults and decisions from the settings: the forced ones first, then by probability."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._asked: Counter[tuple[str, str]] = Counter()

    def draw(self, kinds: dict[str, str], bank_id: str, key: str) -> str:
        """The fault of this request among `kinds`, or "". Banks with a story of their own keep it, unless forced."""
        settings = self._settings
        if not settings.bank_faults and not settings.bank_force:
            return ""
        for force in settings.bank_force:
            if force.fault in kinds and force.bank_id in ("", bank_id):
                if force.next_n is not None:
                    force.next_n -= 1
                    if force.next_n <= 0:
                        settings.bank_force.remove(force)
                return force.fault
        if BANKS[bank_id] is not APPROVED:
            return ""
        kind = next(iter(kinds))
        self._asked[kind, key] += 1
        return _pick(
            {name: settings.bank_faults.get(name, 0.0) for name in kinds},
            draw(settings.seed, "bank", kind, key, self._asked[kind, key]),
        )

    def decide(self, consent_reference: str) -> str:
        """The decision that the settings take for the customer, or "" when the page is to ask."""
        decisions = self._settings.bank_decisions
        return _pick(decisions, draw(self._settings.seed, "decision", consent_reference)) if decisions else ""


def _pick(probabilities: dict[str, float], left: float) -> str:
    for name, probability in probabilities.items():
        left -= probability
        if left < 0:
            return name
    return ""
