"""Accept a deposit: check it, insert it with its limits in one statement, ring the bell. No carrier, no Redis wait."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import structlog
from django.conf import settings
from django.db import DatabaseError, IntegrityError, OperationalError, connection, transaction
from django.db.models.base import ModelState
from psycopg_pool import PoolTimeout

from accounts import api_keys, ledger
from accounts.conflicts import CONFLICTS, LOCK_NOT_AVAILABLE, again_on_conflict, sqlstate_of
from accounts.models import Player, PlayerPhone
from accounts.protections.bars import DETAILS
from accounts.protections.register import NEVER_DUE
from carriers import registry
from carriers.profiles import CarrierProfile
from deposits import doorbell, limits, rules, transitions
from deposits.actions.eligibility import eligibility
from deposits.actions.refusal import IdempotencyConflict, KeyRefused, Refusal
from deposits.crash_points import reach
from deposits.gathering import Gathering, NotReached, NotTogether
from deposits.models import Deposit
from deposits.references import new_id, new_reference
from deposits.rules import Resolved, Scope
from deposits.states import State

log = structlog.get_logger("deposits.accept")

#: SQLSTATE that the accept statement raises when a limit would be passed.
_LIMIT_REFUSED = "PSL01"
#: What may have to be done again: a reference that is taken, a player who is new, rules that have changed, a limit that
#: has been raised between the refusal and its explanation.
_TRIES = 5
#: How many deposits one statement accepts at most.
_GROUP = 16
#: For how long a group waits for a lock. Who meets one then waits alone, and not all who came at the same moment.
_GROUP_PATIENCE_MS = 100
#: For how long one waits for those before: no longer than for a connection, and is told then to come again.
_QUEUE_PATIENCE_S = 2.0


class DepositRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request to deposit, read but not yet checked against carriers, limits and players.

    `method_type` says which of `phone_number` (E.164) and `bank_id` (a bank's code) is given; the other is "".
    """

    partner_id: int
    player: str
    amount_minor: int
    currency: str
    client: str
    idempotency_key: str
    canonical_body: bytes
    actor_kind: str
    actor: str
    method_type: str = registry.CARRIER_BILLING
    phone_number: str = ""
    bank_id: str = ""
    key_id: int | None = None
    test_mode: bool = False
    partner_reference: str = ""
    return_url: str = ""
    request_id: str = ""
    device: str = ""
    #: What the player read on the button, in which language (BCP 47), and where: kept as evidence.
    words: str = ""
    language: str = ""
    channel: str = "api"


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
    scope = Scope(
        request.partner_id, request.currency, profile.code, request.method_type, request.phone_number
    )
    for _ in range(_TRIES):
        if (accepted := _try(request, profile, scope, digest)) is not None:
            return accepted
    raise RuntimeError("neither accepted nor refused")


def _try(request: DepositRequest, profile: CarrierProfile, scope: Scope, digest: bytes) -> Accepted | None:
    """Accept, replay or refuse; None when something has to be looked at again first, and has been seen to."""
    resolved = rules.book().resolve(scope)
    if not all(one.counts or one.allows_amount(request.amount_minor) for one in resolved.rules):
        if (known := _find_replay(request, digest)) is None:
            _explain(request, profile)
        return known
    acceptance = _acceptance(request, profile, digest, resolved)
    reach("web.before_commit")
    try:
        accepted = _insert(acceptance)
    except IntegrityError as error:
        if "reference" not in str(error):
            raise
        return None
    except DatabaseError as error:
        if sqlstate_of(error) != _LIMIT_REFUSED:
            raise
        _explain(request, profile)
        return None
    if accepted is None:
        # Before anything else is told: the statement is silent for a key that has ended, too.
        if request.key_id is not None and not api_keys.is_usable(request.key_id):
            raise KeyRefused
        if (known := _find_replay(request, digest)) is None:
            _create_player(request)
        return known
    if accepted.created:
        _log_as(acceptance.reference)
        reach("web.after_commit")
        doorbell.ring()
        reach("web.before_answer")
        return Accepted(_as_deposit(acceptance, accepted), replayed=False)
    if (known := _find_replay(request, digest)) is not None:
        return known
    # By the rules that were asked about, which may have changed.
    if accepted.barred and accepted.fresh:
        _explain(request, profile)
        raise Refusal(accepted.barred, DETAILS[accepted.barred], "player")
    rules.refresh().resolve(scope, accepted.asked_at)
    return None


def _explain(request: DepositRequest, profile: CarrierProfile) -> None:
    """Raise the `Refusal` that says why, with its figures; nothing when by now nothing stops the deposit."""
    player = Player.objects.filter(partner_id=request.partner_id, external_id=request.player).first()
    found = eligibility(
        request.partner_id,
        player,
        profile,
        request.currency,
        request.method_type,
        request.phone_number,
        request.device,
    )
    if refusal := found.refusal(request.amount_minor):
        raise refusal


def _route(request: DepositRequest) -> CarrierProfile:
    """Find the carrier of the number, or the bank, and refuse what it certainly would not take."""
    by_bank = request.method_type == registry.BANK
    if by_bank:
        profile = registry.bank(request.bank_id, request.currency)
    else:
        profile = registry.route(request.phone_number, request.currency)
    if profile is None and by_bank:
        raise Refusal(
            "bank_unknown", "Send the id of one of our banks that pays in this currency.", "method.bank_id"
        )
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


def _acceptance(
    request: DepositRequest, profile: CarrierProfile, digest: bytes, resolved: Resolved
) -> transitions.Acceptance:
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
        method_type=request.method_type,
        phone_number=request.phone_number,
        carrier=profile.code,
        counted_on=limits.today(),
        rules=resolved,
        actor_kind=request.actor_kind,
        actor=request.actor,
        key_id=request.key_id,
        # A sandbox number needs no proof: no real phone is charged.
        assume_proved=request.test_mode,
        partner_reference=request.partner_reference,
        return_url=request.return_url,
        request_id=request.request_id,
        device=request.device,
        words=request.words,
        language=request.language,
        channel=request.channel,
    )


@again_on_conflict
def _insert(acceptance: transitions.Acceptance) -> transitions.Accepted | None:
    # One statement is its own transaction; a savepoint is needed only inside somebody else's.
    if connection.in_atomic_block:
        with transaction.atomic():
            return transitions.accept([acceptance])[0]
    try:
        return _together.ask(acceptance)
    except NotTogether:
        return transitions.accept([acceptance])[0]
    except NotReached:
        raise OperationalError("the database is busy with those who came before") from None


def _insert_all(acceptances: Sequence[transitions.Acceptance]) -> list[transitions.Accepted | None]:
    """Insert what has come together. Raises `NotTogether` where one of them, or a lock, stands in the way of all."""
    began = time.monotonic()
    try:
        return transitions.accept(acceptances, _GROUP_PATIENCE_MS)
    except DatabaseError as error:
        sqlstate = sqlstate_of(error)
        # For the lock of a whole table PostgreSQL has waited the session's time, before it read how long it should.
        waited_ms = (time.monotonic() - began) * 1_000
        is_held_up = sqlstate == LOCK_NOT_AVAILABLE and waited_ms < settings.DATABASE_LOCK_TIMEOUT_MS
        is_undone = not isinstance(error, OperationalError) or sqlstate in CONFLICTS
        if not is_held_up and not (is_undone and len(acceptances) > 1):
            raise
        log.info("not_accepted_together", deposits=len(acceptances), sqlstate=sqlstate)
        raise NotTogether from error


def _give_back_connection() -> None:
    # Who made the player has one. Were they all to wait with theirs, the pool might have none for whoever asks.
    connection.close()


def _has_no_connection(error: BaseException) -> bool:
    return isinstance(error.__cause__, PoolTimeout)


_together = Gathering(_insert_all, _GROUP, _QUEUE_PATIENCE_S, _give_back_connection, _has_no_connection)


@again_on_conflict
def _create_player(request: DepositRequest) -> None:
    """In test mode a player not seen before springs into being, so that the first curl works."""
    if not request.test_mode:
        raise Refusal("player_unknown", "Create the player first: we do not know this one.", "player")
    with transaction.atomic():
        player, _ = Player.objects.get_or_create(
            partner_id=request.partner_id,
            external_id=request.player,
            defaults={
                "is_test": True,
                "identity_state": Player.Identity.VERIFIED,
                "register_fresh_until": NEVER_DUE,
            },
        )
        if request.phone_number:
            PlayerPhone.objects.get_or_create(player=player, number=request.phone_number)
        ledger.player_account_id(player.pk, request.currency)


def _find_replay(request: DepositRequest, digest: bytes) -> Accepted | None:
    """Return the deposit that this client and key made before, or None. Raises `IdempotencyConflict`."""
    deposit = Deposit.objects.filter(client=request.client, idempotency_key=request.idempotency_key).first()
    if deposit is None:
        return None
    if bytes(deposit.idempotency_hash) != digest:
        raise IdempotencyConflict
    _log_as(deposit.reference)
    return Accepted(deposit, replayed=True)


def _log_as(reference: str) -> None:
    """From here on the lines of this request name the deposit, the access line too."""
    structlog.contextvars.bind_contextvars(reference=reference)


def _as_deposit(acceptance: transitions.Acceptance, accepted: transitions.Accepted) -> Deposit:
    """The row just inserted, as a model, without reading it back."""
    deposit = Deposit.__new__(Deposit)
    # Django's own way, field by field, takes longer than all else that is done here.
    deposit.__dict__ = {
        **_NEW.__dict__,
        "_state": ModelState(),
        "id": acceptance.id,
        "reference": acceptance.reference,
        "partner_id": acceptance.partner_id,
        "player_id": accepted.player_id,
        "partner_reference": acceptance.partner_reference,
        "return_url": acceptance.return_url,
        "amount_minor": acceptance.amount_minor,
        "currency": acceptance.currency,
        "method_type": acceptance.method_type,
        "phone_number": acceptance.phone_number,
        "carrier": acceptance.carrier,
        "counted_on": acceptance.counted_on,
        "created_at": accepted.asked_at,
        "updated_at": accepted.asked_at,
    }
    return deposit


#: What is the same for every deposit that has just been accepted.
_NEW = Deposit(state=State.RECEIVED)


def canonical(body: object) -> bytes:
    """Return the canonical bytes of a request's content: keys sorted, no white space, so that only meaning counts."""
    return msgspec.json.encode(body, order="sorted")
