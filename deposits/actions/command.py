"""Confirm and cancel: what a player or partner asks of an accepted deposit, once per idempotency key.

The request only changes the row and rings; a worker talks to the carrier.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from accounts.conflicts import again_on_conflict
from carriers import registry
from deposits import doorbell, transitions
from deposits.actions.accept import canonical
from deposits.actions.refusal import IdempotencyConflict, NotPossibleNow, Refusal
from deposits.models import Command, Deposit
from deposits.states import Event, State

_CODE = re.compile(r"\d{4,8}\Z")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the scope of the idempotency key, and the name for the event."""

    client: str
    kind: str
    actor: str


def typed_code(text: str) -> str | None:
    """Return the digits of a code as a player typed it, spaces and dashes left out; None for what cannot be one."""
    digits = re.sub(r"[\s\u00a0-]", "", text)
    return digits if _CODE.match(digits) and digits.isascii() else None


@again_on_conflict
def confirm(deposit_id: UUID, code: str, caller: Caller, idempotency_key: str) -> Deposit:
    """Hand the player's one-time `code` to a worker, and return the deposit as it is now.

    Spaces and dashes in the code do not count. Raises `Refusal` for what cannot be a code, `NotPossibleNow` when no
    code is awaited, `IdempotencyConflict`.
    """
    digits = typed_code(code)
    if digits is None:
        raise Refusal("code_malformed", "Send the code as 4 to 8 digits.", "code")
    with transaction.atomic():
        deposit = Deposit.objects.select_for_update().get(pk=deposit_id)
        if not _first_time(deposit, Command.Kind.CONFIRM, caller, idempotency_key, {"code": digits}):
            return deposit
        # What is approved elsewhere has no code.
        if not _awaits_player(deposit) or deposit.consent_id:
            raise NotPossibleNow(f"No code is awaited: the deposit is {deposit.get_state_display()}.")
        # By the database's clock, as everything about deadlines.
        if not Deposit.objects.filter(pk=deposit_id, action_expires_at__gt=Now()).exists():
            raise NotPossibleNow("The time for the code has run out.")
        transitions.move(
            deposit,
            Event.CODE_ENTERED,
            actor_kind=caller.kind,
            actor=caller.actor,
            one_time_code=digits,
            reason_code="",
            next_step=Deposit.Next.CONFIRM,
            next_action_at=Now(),
        )
        doorbell.ring()
    return deposit


@again_on_conflict
def cancel(deposit_id: UUID, caller: Caller, idempotency_key: str) -> Deposit:
    """Cancel a deposit that has not been sent, or have the carrier void one that waits for a code.

    Returns the deposit as it is now. Raises `NotPossibleNow` once the carrier may be taking the money.
    """
    with transaction.atomic():
        deposit = Deposit.objects.select_for_update().get(pk=deposit_id)
        if not _first_time(deposit, Command.Kind.CANCEL, caller, idempotency_key, {}):
            return deposit
        who = {"actor_kind": caller.kind, "actor": caller.actor}
        if _is_ours_alone(deposit):
            transitions.move(deposit, Event.CANCELLED, **who)
        elif _awaits_player(deposit):
            transitions.move(
                deposit,
                Event.CANCEL_REQUESTED,
                **who,
                action_expires_at=None,
                next_step=Deposit.Next.CANCEL,
                next_action_at=Now(),
            )
            doorbell.ring()
        elif deposit.state != State.CANCELLED:
            raise NotPossibleNow(
                f"It cannot be cancelled any more: the deposit is {deposit.get_state_display()}."
            )
    return deposit


def can_cancel(deposit: Deposit) -> bool:
    """Whether `cancel` would be accepted for the deposit as it was read."""
    return _is_ours_alone(deposit) or (
        deposit.state == State.ACTION_REQUIRED and deposit.next_step != Deposit.Next.CONFIRM
    )


def _is_ours_alone(deposit: Deposit) -> bool:
    """Whether it waits to be sent and nobody can be taking the money for it.

    What was sent to a bank before the player's approval is no order.
    """
    never_ordered = deposit.method_type == registry.BANK and not (deposit.approval_code or deposit.credential)
    return deposit.state == State.RECEIVED and (deposit.first_sent_at is None or never_ordered)


def _awaits_player(deposit: Deposit) -> bool:
    """Whether the player may act now. A worker that only asks how it stands is no hindrance: it loses its lease."""
    asked_about = deposit.next_step == Deposit.Next.INQUIRE
    return deposit.state == State.ACTION_REQUIRED and (asked_about or not deposit.lease_owner)


def _first_time(deposit: Deposit, kind: Command.Kind, caller: Caller, key: str, body: object) -> bool:
    """Note the command under its key; False when it was given before. Raises `IdempotencyConflict`.

    The caller has locked the deposit's row, so two of the same cannot pass each other here.
    """
    digest = hashlib.sha256(canonical([deposit.reference, kind.value, body])).digest()
    command, created = Command.objects.get_or_create(
        client=caller.client,
        idempotency_key=key,
        defaults={"deposit": deposit, "kind": kind, "idempotency_hash": digest},
    )
    if not created and bytes(command.idempotency_hash) != digest:
        raise IdempotencyConflict
    return created
