"""What a player was told and agreed to, as evidence: the same for staff, and for partners in a dispute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deposits.models import Consent, Deposit, DepositEvent, Rule
from deposits.presentation import as_time, shown_method
from deposits.references import public_id
from deposits.states import Event

#: What the player did beside tapping the button: a code asked for, entered, found wrong; an approval at the bank.
PROOFS = (
    Event.CODE_REQUIRED,
    Event.CODE_ENTERED,
    Event.CODE_REJECTED,
    Event.REDIRECT_REQUIRED,
    Event.APPROVAL_RETURNED,
    Event.APPROVAL_EXCHANGED,
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is kept of one deposit. `own_limits` are (period, minor units) of what the player had set by then."""

    consent: Consent
    rules: tuple[Rule, ...]
    proofs: tuple[DepositEvent, ...]

    @property
    def shown_by(self) -> str:
        """Who showed the player the words: "page", ours, or "partner"."""
        return "page" if self.consent.channel == "page" else "partner"

    @property
    def own_limits(self) -> list[tuple[Rule.Own, int]]:
        """The player's own limits at that moment."""
        given = zip(Rule.Own, self.consent.own_limits, strict=False)
        return [(period, minor) for period, minor in given if minor is not None]


def evidence(deposit: Deposit) -> Evidence | None:
    """Return what is kept of `deposit`; None for one that was accepted before evidence was."""
    consent = Consent.objects.filter(pk=deposit.pk).first()
    if consent is None:
        return None
    rules = Rule.objects.filter(pk__in=consent.rules).order_by("code")
    proofs = deposit.events.filter(event__in=PROOFS).order_by("id")
    return Evidence(consent, tuple(rules), tuple(proofs))


def as_object(deposit: Deposit, kept: Evidence) -> dict[str, Any]:
    """Return the evidence as the API shows it."""
    return {
        "object": "consent",
        "deposit": public_id(deposit.pk),
        "shown_by": kept.shown_by,
        "words": kept.consent.words or None,
        "language": kept.consent.language or None,
        "amount": deposit.amount_minor,
        "currency": deposit.currency,
        "method": shown_method(deposit.method_type, deposit.carrier, deposit.phone_number),
        "at": as_time(kept.consent.at),
        "proofs": [{"type": one.event, "at": as_time(one.at)} for one in kept.proofs],
        "rules": [{"rule": one.code, "version": one.version, "source": one.source} for one in kept.rules],
        "own_limits": [{"period": period.value, "amount": minor} for period, minor in kept.own_limits],
    }
