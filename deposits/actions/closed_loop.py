"""The closed loop: what a player deposited from where, what went back, and what is left to go back there.

A source is a way to pay as it was used: a phone number with its carrier, or a bank, in one currency. Banks' account
numbers are not kept: a refund learns them from the bank each time. Amounts in minor units.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce

from accounts import audit, withdrawals
from accounts.conflicts import again_on_conflict
from accounts.models import Player
from deposits import limits
from deposits.actions.accept import canonical
from deposits.actions.refusal import IdempotencyConflict, Refusal
from deposits.models import Deposit, Refund, Withdrawal
from deposits.references import new_id, public_withdrawal_id
from deposits.refund_states import FINAL
from deposits.states import State

_KEY = ("method_type", "carrier", "phone_number", "currency")
Key = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a player's deposits came from, and how much of them goes back there by which way."""

    player_id: int
    key: Key
    taken_minor: int
    """Credited, and not taken back by the carrier."""
    refunded_minor: int
    """Returned by refunds or on its way."""
    withdrawn_minor: int
    """Paid out by the partner, as far as it counts for this source."""

    @property
    def id(self) -> str:
        """The same for the same source of the same player, always: "src_" and 32 hexadecimal digits."""
        return f"src_{hashlib.sha256(canonical([self.player_id, *self.key])).hexdigest()[:32]}"

    @property
    def left_minor(self) -> int:
        """What is left to go back there."""
        return max(self.taken_minor - self.refunded_minor - self.withdrawn_minor, 0)


def sources(player_id: int) -> list[Source]:
    """Return the sources of a player, the one with the most left first. Reads the player's own rows, by index."""
    came = Q(state=State.CREDITED) | Q(credited_late=True)
    deposits = Deposit.objects.filter(came, player_id=player_id, reversed_at=None)
    taken = _sums(deposits.values(*_KEY).annotate(of=Sum(Coalesce("taken_minor", "amount_minor"))))
    returned = _sums(deposits.filter(refunded_minor__gt=0).values(*_KEY).annotate(of=Sum("refunded_minor")))
    under_way = Refund.objects.filter(deposit__player_id=player_id, deposit__reversed_at=None)
    named = {f"d_{name}": F(f"deposit__{name}") for name in _KEY}
    going: Any = under_way.exclude(state__in=FINAL).values(**named).annotate(of=Sum("amount_minor"))
    on_its_way = _sums(going, "d_")
    paid = Withdrawal.objects.filter(player_id=player_id).values(*_KEY).annotate(of=Sum("returned_minor"))
    withdrawn = _sums(paid)
    found = [
        Source(
            player_id,
            key,
            taken.get(key, 0),
            returned.get(key, 0) + on_its_way.get(key, 0),
            withdrawn.get(key, 0),
        )
        for key in taken.keys() | withdrawn.keys()
    ]
    return sorted(found, key=lambda one: (-one.left_minor, one.key))


def _sums(rows: Iterable[dict[str, Any]], prefix: str = "") -> dict[Key, int]:
    found = {}
    for row in rows:
        method_type, carrier, number, currency = (row[prefix + name] for name in _KEY)
        found[method_type, carrier, number, currency] = int(row["of"])
    return found


@dataclass(frozen=True, slots=True)
class WithdrawalRequest:
    """What a partner says it has paid out. `rest_to`: where what is above what is left of the source went."""

    player_id: int
    source: str
    amount_minor: int
    client: str
    idempotency_key: str
    actor: str
    rest_to: str = ""
    partner_reference: str = ""
    address: str | None = None
    request_id: str = ""

    @property
    def digest(self) -> bytes:
        """What must be the same for the same key to mean the same request."""
        content = [self.player_id, self.source, self.amount_minor, self.rest_to, self.partner_reference]
        return hashlib.sha256(canonical(content)).digest()


@dataclass(frozen=True, slots=True)
class Recorded:
    """The withdrawal, and its source as it is now. `replayed`: the key was used before, and nothing new happened."""

    withdrawal: Withdrawal
    source: Source
    replayed: bool


def with_sources(player_id: int, paid: Iterable[Withdrawal]) -> list[Recorded]:
    """Return withdrawals of the player's with their sources as they are now, in the order given."""
    known = {one.key: one for one in sources(player_id)}
    return [Recorded(one, known[_key_of(one)], replayed=True) for one in paid]


def _key_of(withdrawal: Withdrawal) -> Key:
    return withdrawal.method_type, withdrawal.carrier, withdrawal.phone_number, withdrawal.currency


def withdraw(wanted: WithdrawalRequest) -> Recorded:
    """Record a withdrawal that was paid out, exactly once per client and key; limits that are net count it from now on.

    Raises `Refusal` (no such source of the player's, more than is left of it and nowhere said where the rest went) or
    `IdempotencyConflict`; nothing was done then.
    """
    try:
        return _withdraw(wanted)
    except IntegrityError as error:
        if "withdrawal_idempotency" in str(error):
            raise IdempotencyConflict from None  # the same key at the same instant, for another player
        raise


@again_on_conflict
def _withdraw(wanted: WithdrawalRequest) -> Recorded:
    with transaction.atomic():
        player = Player.objects.select_for_update(no_key=True).get(pk=wanted.player_id)
        known = Withdrawal.objects.filter(
            client=wanted.client, idempotency_key=wanted.idempotency_key
        ).first()
        if known is not None:
            if bytes(known.idempotency_hash) != wanted.digest:
                raise IdempotencyConflict
            return Recorded(known, _named(wanted), replayed=True)
        # Refunds take theirs from the same row: of what is left of a source, each sees what the other took.
        balances = withdrawals.lock_balances(player.pk)
        source = _named(wanted)
        withdrawal = _checked(wanted, source)
        withdrawal.save(force_insert=True)
        withdrawals.paid_out(
            withdrawal.pk,
            player.pk,
            withdrawal.returned_minor,
            withdrawal.currency,
            balances.get(withdrawal.currency, 0),
        )
        _count(player, withdrawal)
        _note(wanted, withdrawal)
        return Recorded(withdrawal, _named(wanted), replayed=False)


def _named(wanted: WithdrawalRequest) -> Source:
    for one in sources(wanted.player_id):
        if one.id == wanted.source:
            return one
    detail = "Send the id of a source that GET /api/v1/players/{player}/sources lists for this player."
    raise Refusal("source_unknown", detail, "source")


def _checked(wanted: WithdrawalRequest, source: Source) -> Withdrawal:
    left = source.left_minor
    if wanted.amount_minor > left and not wanted.rest_to:
        raise Refusal(
            "above_source",
            f"At most {left} minor units are left to go back there; say in rest_to where the rest goes.",
            "amount",
            {"maximum_minor": left},
        )
    method_type, carrier, phone_number, currency = source.key
    return Withdrawal(
        id=new_id(),
        player_id=wanted.player_id,
        method_type=method_type,
        carrier=carrier,
        phone_number=phone_number,
        currency=currency,
        amount_minor=wanted.amount_minor,
        returned_minor=min(wanted.amount_minor, left),
        rest_to=wanted.rest_to,
        partner_reference=wanted.partner_reference,
        client=wanted.client,
        idempotency_key=wanted.idempotency_key,
        idempotency_hash=wanted.digest,
        actor=wanted.actor[:100],
        request_id=wanted.request_id[:64],
    )


def _count(player: Player, withdrawal: Withdrawal) -> None:
    """All of it went back to the player; to the number only what counts for it."""
    back, rest = withdrawal.returned_minor, withdrawal.amount_minor - withdrawal.returned_minor
    for number, minor in ((withdrawal.phone_number, back), ("", rest)):
        if minor:
            limits.count_returned(player.partner_id, player.pk, number, withdrawal.currency, minor)


def _note(wanted: WithdrawalRequest, withdrawal: Withdrawal) -> None:
    audit.note(
        "withdrawal.recorded",
        actor_kind="partner",
        actor=wanted.actor[:100],
        subject_kind="player",
        subject=str(wanted.player_id),
        address=wanted.address,
        after={
            "withdrawal": public_withdrawal_id(withdrawal.pk),
            "source": wanted.source,
            "amount_minor": withdrawal.amount_minor,
            "returned_minor": withdrawal.returned_minor,
            "currency": withdrawal.currency,
            "rest_to": withdrawal.rest_to,
        },
        request_id=wanted.request_id[:64],
    )
