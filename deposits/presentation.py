"""How a deposit is told to people and partners: status, money, reason and next action, the same words everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, overload

from django.utils import timezone

from accounts.protections.bars import ENDING, told_end
from carriers import reasons, registry
from carriers.redaction import mask_msisdn
from deposits import limits, rules
from deposits.actions.decide import CODE_TRIES
from deposits.actions.refusal import Refusal
from deposits.formats import format_cap_period, format_moment, format_money, format_period, format_wait
from deposits.models import Deposit, Rule
from deposits.references import public_id
from deposits.rules import Scope
from deposits.states import State, known

#: Next steps that no reason offers: no carrier sends a new code, and a text about the result is the page's own offer,
#: which a partner's site could not make.
UNAVAILABLE = frozenset({"notify_me", "new_code", "refund", "ask_carrier", "confirm_details"})

_STATUS = {
    State.RECEIVED: "processing",
    State.SUBMITTING: "processing",
    State.PENDING: "processing",
    State.UNKNOWN: "processing",
    State.REVIEW: "processing",
    State.ACTION_REQUIRED: "action_required",
    State.CREDITED: "succeeded",
    State.DECLINED: "failed",
    State.FAILED: "failed",
    State.EXPIRED: "failed",
    State.CANCELLED: "cancelled",
}


def status(deposit: Deposit) -> str:
    """Return the coarse state that partners act on."""
    # While old and new code run side by side a row may be in a state that the old one does not know. It claims nothing
    # about such a row but what it sees: it has been accepted.
    state = known(deposit.state)
    return "processing" if state is None else _STATUS[state]


def money(deposit: Deposit) -> str:
    """Return where the money is: none, reserved, taken, credited, unknown or returned."""
    match known(deposit.state):
        case None:
            return "unknown"
        case State.CREDITED:
            return "returned" if _is_returned(deposit) else "credited"
        case State.REVIEW:
            return "taken" if deposit.taken_minor else "unknown"
        case State.SUBMITTING | State.UNKNOWN:
            return "none" if _not_ordered(deposit) else "unknown"
        case State.PENDING:
            if deposit.next_step != Deposit.Next.CONFIRM:
                return "unknown"
            # With the player's approval in hand the payment is about to be ordered.
            return "none" if deposit.credential else "reserved"
        case State.DECLINED | State.FAILED | State.CANCELLED | State.EXPIRED if deposit.taken_minor:
            # Taken after it had ended, or kept to be returned.
            if _is_returned(deposit):
                return "returned"
            return "credited" if deposit.credited_late else "taken"
        case State.RECEIVED:
            # Sent before and not found since, or ordered with an approval and not answered: it may still arrive.
            return "unknown" if deposit.not_found_seen or deposit.credential else "none"
        case _:
            return "none"


def _is_returned(deposit: Deposit) -> bool:
    """Whether all of it has gone back: taken back by the carrier, or given back by refunds."""
    taken_minor = deposit.taken_minor or deposit.amount_minor
    return deposit.reversed_at is not None or deposit.refunded_minor >= taken_minor


def _not_ordered(deposit: Deposit) -> bool:
    """Whether the bank certainly has no order yet: there is no approval with which one could have been given."""
    return deposit.method_type == registry.BANK and not (deposit.credential or deposit.carrier_payment_id)


def reason(deposit: Deposit) -> reasons.RenderedReason | None:
    """Return why the deposit is not simply done or on its way, in the words that the page shows; or None."""
    code = "carrier_timeout" if deposit.state == State.UNKNOWN else deposit.reason_code
    if known(deposit.state) is None:
        return None
    charge: reasons.Charge | None = None
    if (
        deposit.method_type == registry.BANK
        and deposit.state == State.PENDING
        and money(deposit) == "unknown"
    ):
        code = "bank_pending"
    if deposit.state == State.UNKNOWN and money(deposit) == "none":
        charge = "not_charged"
    if deposit.state == State.REVIEW:
        charge = "charged" if deposit.taken_minor else "unknown"
    elif money(deposit) == "taken":
        # It ended, and then the carrier took the money: whatever was said before is not true any more.
        code, charge = "under_review", "charged"
    elif deposit.credited_late and not _is_returned(deposit):
        code, charge = "carrier_late_success", "charged"
    if not code:
        return None
    return reasons.render(
        code, methods=methods(), unavailable=UNAVAILABLE, charge=charge, **_facts(deposit, code)
    )


def methods() -> frozenset[str]:
    """Return the ways to pay that this installation offers; a reason's text never points at another."""
    return frozenset(profile.method_type for profile in registry.registry().profiles.values())


def _facts(deposit: Deposit, code: str) -> dict[str, str | int | None]:
    """What the text of this reason may name about the deposit; nothing that is not known to be true."""
    profile = registry.profile(deposit.carrier)
    facts: dict[str, str | int | None] = {
        "network": profile.name,
        "bank": profile.name if profile.method_type == registry.BANK else None,
        "amount": format_money(deposit.amount_minor, deposit.currency, short=True),
        "exact_amount": format_money(deposit.amount_minor, deposit.currency),
    }
    if code == "code_wrong":
        facts["tries"] = max(CODE_TRIES - deposit.code_tries, 0)
    if code in ENDING:
        player = deposit.player
        ends_at = told_end(player.pk, player.barred_until) if player.barred_reason == code else None
        if ends_at is not None:
            facts["date"] = format_moment(ends_at)
    if code == "under_age":
        facts["years"] = rules.minimum_age(deposit.player.jurisdiction)
    if code == "carrier_monthly_limit":
        scope = Scope(
            deposit.partner_id, deposit.currency, deposit.carrier, deposit.method_type, deposit.phone_number
        )
        if ends := limits.cap_ends(scope, deposit.created_at):
            facts["date"] = format_moment(ends)
    return facts


def refusal_reason(refusal: Refusal, currency: str) -> reasons.RenderedReason | None:
    """Return the player's words for a request that was refused outright; None where there are none."""
    if refusal.code not in reasons.REASONS:
        return None
    given = refusal.facts
    facts: dict[str, str | int | None] = {
        name: format_money(given[f"{name}_minor"], currency, short=True)
        for name in ("minimum", "maximum", "left", "used")
        if given.get(f"{name}_minor") is not None
    }
    if given.get("most_minor") is not None:
        facts["maximum"] = format_money(given["most_minor"], currency, short=True)
    if given.get("resets_at") is not None:
        facts["date"] = format_moment(given["resets_at"])
    if "ends_at" in given:
        facts["date"] = format_moment(given["ends_at"])
        facts["wait"] = format_wait(given["ends_at"] - timezone.now())
    if "window" in given:
        facts["period"] = format_period(given["window"], given.get("length", ""))
        if refusal.code == "carrier_monthly_limit":
            facts["cap_period"] = format_cap_period(given["window"], given.get("length", ""))
    facts |= {name: given[name] for name in ("network", "years") if name in given}
    return reasons.render(refusal.code, methods=methods(), unavailable=UNAVAILABLE, charge=None, **facts)


def format_most(rule: Rule) -> str:
    """Return what a rule lets through, for staff: "£40.00", "10 failed attempts", "from 18 years on", "no limit"."""
    if rule.own:
        return "the player's own amount"
    if rule.price_points:
        return "one of " + ", ".join(
            format_money(one, rule.currency, short=True) for one in rule.price_points
        )
    match rule.measure:
        case Rule.Measure.IDENTITY:
            return "verified players"
        case _ if rule.amount is None:
            return "no limit"
        case Rule.Measure.AGE:
            return f"from {rule.amount} years on"
        case Rule.Measure.COUNT:
            return f"at most {rule.amount}"
        case Rule.Measure.FAILURES:
            return f"fewer than {rule.amount}, otherwise nothing for {rule.lasts}"
    if rule.effect != Rule.Effect.REFUSE:
        money = format_money(rule.amount, rule.currency)
        return f"less than {money}, otherwise: {rule.get_effect_display()}; again after {rule.lasts}"
    return f"at most {format_money(rule.amount, rule.currency)}"


def awaits_approval(deposit: Deposit) -> bool:
    """Whether the player is to approve the deposit at the bank now, at `action_url`."""
    return (
        deposit.state == State.ACTION_REQUIRED
        and bool(deposit.action_url)
        and deposit.action_expires_at is not None
        and deposit.next_step != Deposit.Next.CONFIRM
    )


def next_action(deposit: Deposit) -> dict[str, Any] | None:
    """Return what the player has to do now, or None."""
    if deposit.state != State.ACTION_REQUIRED or deposit.next_step == Deposit.Next.CONFIRM:
        return None
    if deposit.method_type == registry.BANK:
        if not awaits_approval(deposit):
            return None
        return {
            "type": "redirect",
            "url": deposit.action_url,
            "expires_at": as_time(deposit.action_expires_at),
        }
    return {
        "type": "one_time_code",
        "expires_at": as_time(deposit.action_expires_at),
        "sent_to": mask_msisdn(deposit.phone_number),
    }


def as_object(deposit: Deposit, player: str, page_url: str) -> dict[str, Any]:
    """Return the deposit as the API shows it (design §9). `player` is the partner's own name for the player."""
    why = reason(deposit)
    return {
        "id": public_id(deposit.id),
        "object": "deposit",
        "reference": deposit.reference,
        "status": status(deposit),
        "money": money(deposit),
        "amount": deposit.amount_minor,
        "currency": deposit.currency,
        "refunded_amount": deposit.amount_minor if deposit.reversed_at else deposit.refunded_minor,
        "player": player,
        "partner_reference": deposit.partner_reference or None,
        "method": shown_method(deposit.method_type, deposit.carrier, deposit.phone_number),
        "reason": None if why is None else as_reason(why),
        "next_action": next_action(deposit),
        "page_url": page_url,
        "return_url": deposit.return_url or None,
        "created_at": as_time(deposit.created_at),
        "updated_at": as_time(deposit.updated_at),
    }


def shown_method(method_type: str, carrier: str, phone_number: str) -> dict[str, str]:
    """Return a way to pay as the API shows it: numbers are masked."""
    if method_type == registry.BANK:
        return {"type": registry.BANK, "bank_id": carrier, "bank": carrier_name(carrier)}
    return {"type": method_type, "phone_number": mask_msisdn(phone_number), "carrier": carrier}


def carrier_name(code: str) -> str:
    """Return the name of a carrier or bank as players know it; its code when it is not configured any more."""
    profile = registry.registry().profiles.get(code)
    return profile.name if profile else code


def as_reason(why: reasons.RenderedReason) -> Mapping[str, Any]:
    """Return a reason as the API shows it: the charge statement belongs to the text."""
    return {
        "code": why.code,
        "title": why.title,
        "text": " ".join(part for part in (why.text, why.charge_statement) if part),
        "next": [{"label": step.label, "action": step.action} for step in why.next],
    }


@overload
def as_time(moment: datetime) -> str: ...
@overload
def as_time(moment: None) -> None: ...
@overload
def as_time(moment: datetime | None) -> str | None: ...
def as_time(moment: datetime | None) -> str | None:
    """Return a moment as the API writes it (RFC 3339, UTC); None for none."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
