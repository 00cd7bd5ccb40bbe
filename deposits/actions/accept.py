"""Accept a deposit: check it, insert it with its limits in one statement, ring the bell. No carrier, no Redis wait."""

from __future__ import annotations

import hashlib
from contextlib import nullcontext
from dataclasses import dataclass

import msgspec
import structlog
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts import api_keys, ledger
from accounts.conflicts import again_on_conflict
from accounts.models import Player, PlayerPhone
from accounts.protections.bars import DETAILS, Bar, checked_in
from carriers import registry
from carriers.profiles import CarrierProfile
from deposits import doorbell, limits, transitions
from deposits.actions.refusal import IdempotencyConflict, KeyRefused, Refusal
from deposits.crash_points import reach
from deposits.models import Deposit
from deposits.references import new_id, new_reference
from deposits.states import State

log = structlog.get_logger("deposits.accept")

CARRIER_BILLING = "carrier_billing"
#: SQLSTATE that the accept statement raises when a limit would be passed.
_LIMIT_REFUSED = "PSL01"
#: Two deposits draw the same reference once in a very long while; then another is drawn.
_REFERENCE_TRIES = 3


@dataclass(frozen=True, slots=True)
class DepositRequest:
    """A request to deposit by phone bill, read but not yet checked against carriers, limits and players."""

    partner_id: int
    player: str
    amount_minor: int
    currency: str
    phone_number: str
    client: str
    idempotency_key: str
    canonical_body: bytes
    actor_kind: str
    actor: str
    key_id: int | None = None
    test_mode: bool = False
    partner_reference: str = ""
    return_url: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The deposit as it is now. `replayed`: the key was used before, and nothing new happened."""

    deposit: Deposit
    replayed: bool


def accept(request: DepositRequest) -> Accepted:
    """Accept `request` exactly once per client and key, and have a worker called.

    Raises `Refusal`, `IdempotencyConflict` (same key, other body) or `KeyRefused`; nothing was done then.
    """
    digest = hashlib.sha256(request.canonical_body).digest()
    profile = _route(request)
    for _ in range(_REFERENCE_TRIES):
        acceptance = _acceptance(request, profile, digest)
        reach("web.before_commit")
        try:
            accepted = _insert(acceptance)
        except IntegrityError as error:
            if "reference" not in str(error):
                raise
            continue
        except DatabaseError as error:
            if getattr(error.__cause__, "sqlstate", "") == _LIMIT_REFUSED:
                raise _limit_refusal(request, profile, acceptance) from None
            raise
        if accepted is None:
            # Before anything else is told: the statement is silent for a key that has ended, too.
            if request.key_id is not None and not api_keys.is_usable(request.key_id):
                raise KeyRefused
            if Deposit.objects.filter(
                client=request.client, idempotency_key=request.idempotency_key
            ).exists():
                return _replay(request, digest, None)
            _create_player(request)
            continue
        if accepted.created:
            _log_as(acceptance.reference)
            reach("web.after_commit")
            doorbell.ring()
            reach("web.before_answer")
            return Accepted(_as_deposit(acceptance, accepted), replayed=False)
        return _replay(request, digest, accepted.bar)
    raise RuntimeError("no free reference was found")


def _route(request: DepositRequest) -> CarrierProfile:
    """Find the carrier of the number, and refuse what it certainly would not take."""
    profile = registry.route(request.phone_number, request.currency)
    if profile is None:
        currencies = registry.currencies_of(request.phone_number)
        if not currencies:
            raise Refusal(
                "carrier_not_supported",
                "No carrier that we work with serves this number.",
                "method.phone_number",
            )
        raise Refusal("currency_not_supported", f"This number pays in {', '.join(currencies)}.", "currency")
    if not profile.minimum_minor <= request.amount_minor <= profile.maximum_minor:
        raise Refusal(
            "amount_out_of_range",
            f"Send an amount from {profile.minimum_minor} to {profile.maximum_minor} minor units for {profile.name}.",
            "amount",
            {"minimum_minor": profile.minimum_minor, "maximum_minor": profile.maximum_minor},
        )
    return profile


def _acceptance(request: DepositRequest, profile: CarrierProfile, digest: bytes) -> transitions.Acceptance:
    return transitions.Acceptance(
        id=new_id(),
        reference=new_reference(),
        partner_id=request.partner_id,
        player=request.player,
        client=request.client,
        idempotency_key=request.idempotency_key,
        idempotency_hash=digest,
        amount_minor=request.amount_minor,
        currency=request.currency,
        method_type=CARRIER_BILLING,
        phone_number=request.phone_number,
        carrier=profile.code,
        monthly_cap_minor=profile.monthly_cap_minor,
        counted_on=limits.today(),
        checked_in=checked_in(),
        actor_kind=request.actor_kind,
        actor=request.actor,
        key_id=request.key_id,
        # A sandbox number needs no proof: no real phone is charged.
        assume_proved=request.test_mode,
        partner_reference=request.partner_reference,
        return_url=request.return_url,
        request_id=request.request_id,
    )


@again_on_conflict
def _insert(acceptance: transitions.Acceptance) -> transitions.Accepted | None:
    # One statement is its own transaction; a savepoint is needed only inside somebody else's.
    with transaction.atomic() if connection.in_atomic_block else nullcontext():
        return transitions.accept(acceptance)


@again_on_conflict
def _create_player(request: DepositRequest) -> None:
    """In test mode a player not seen before springs into being, so that the first curl works."""
    if not request.test_mode:
        raise Refusal("player_unknown", "Create the player first: we do not know this one.", "player")
    with transaction.atomic():
        player, _ = Player.objects.get_or_create(
            partner_id=request.partner_id,
            external_id=request.player,
            defaults={"is_test": True, "identity_state": Player.Identity.VERIFIED},
        )
        PlayerPhone.objects.get_or_create(player=player, number=request.phone_number)
        ledger.player_account_id(player.pk, request.currency)


def _replay(request: DepositRequest, digest: bytes, bar: Bar | None) -> Accepted:
    deposit = Deposit.objects.filter(client=request.client, idempotency_key=request.idempotency_key).first()
    if deposit is None:
        if bar:
            raise barred(bar)
        raise RuntimeError("the key is taken by a deposit that cannot be read")
    if bytes(deposit.idempotency_hash) != digest:
        raise IdempotencyConflict
    _log_as(deposit.reference)
    return Accepted(deposit, replayed=True)


def barred(bar: Bar) -> Refusal:
    """Return the refusal of a player who may not deposit."""
    return Refusal(bar.code, DETAILS[bar.code], "player", {"ends_at": bar.ends_at} if bar.ends_at else {})


def _log_as(reference: str) -> None:
    """From here on the lines of this request name the deposit, the access line too."""
    structlog.contextvars.bind_contextvars(reference=reference)


def _limit_refusal(
    request: DepositRequest, profile: CarrierProfile, acceptance: transitions.Acceptance
) -> Refusal:
    """Say which limit it was, with its figures."""
    player = Player.objects.get(partner_id=request.partner_id, external_id=request.player)
    phone = limits.allowance(
        limits.Subject.PHONE_MONTH,
        request.phone_number,
        request.currency,
        profile.monthly_cap_minor,
        acceptance.counted_on,
    )
    own = limits.allowance(
        limits.Subject.PLAYER_WEEK,
        str(player.pk),
        request.currency,
        player.weekly_limit_minor,
        acceptance.counted_on,
    )
    passed = own if own.left_minor is not None and own.left_minor < request.amount_minor else phone
    facts = {
        "used_minor": passed.used_minor,
        "most_minor": passed.most_minor,
        "left_minor": passed.left_minor,
        "resets_on": passed.resets_on,
        "network": profile.name,
    }
    if passed is phone:
        return Refusal(
            "carrier_monthly_limit", "The number has used up its limit for this month.", "amount", facts
        )
    code = "limit_reached" if not passed.left_minor else "limit_would_exceed"
    return Refusal(code, f"The player has {passed.left_minor} minor units left this week.", "amount", facts)


def _as_deposit(acceptance: transitions.Acceptance, accepted: transitions.Accepted) -> Deposit:
    """The row just inserted, as a model, without reading it back."""
    now = accepted.created_at
    assert now is not None
    return Deposit(
        id=acceptance.id,
        reference=acceptance.reference,
        partner_id=acceptance.partner_id,
        player_id=accepted.player_id,
        partner_reference=acceptance.partner_reference,
        return_url=acceptance.return_url,
        amount_minor=acceptance.amount_minor,
        currency=acceptance.currency,
        method_type=acceptance.method_type,
        phone_number=acceptance.phone_number,
        carrier=acceptance.carrier,
        counted_on=acceptance.counted_on,
        state=State.RECEIVED,
        created_at=now,
        updated_at=now,
    )


def canonical(body: object) -> bytes:
    """Return the canonical bytes of a request's content: keys sorted, no white space, so that only meaning counts."""
    return msgspec.json.encode(body, order="sorted")
