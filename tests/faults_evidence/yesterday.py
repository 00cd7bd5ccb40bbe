"""Deposits that were credited on a day that is over: in bulk, through every wall that the database has."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from django.db import connection, transaction

from accounts import ledger
from accounts.models import Player
from deposits.models import Deposit
from deposits.references import new_id, new_reference
from deposits.states import State
from tests.deposits.making import partner

AMOUNT_MINOR = 2_000


def credited_in_bulk(number: int, day: date, carrier: str = "sandbox-mobile") -> list[Deposit]:
    """Return `number` deposits of one player, sent and credited at noon of `day` (UTC), booked and all."""
    casino = partner()
    player = Player.objects.create(partner=casino, external_id="p-bulk", identity_state="verified")
    noon = datetime.combine(day, time(12), UTC)
    deposits = [
        Deposit(
            id=new_id(),
            reference=new_reference(),
            partner=casino,
            player=player,
            client="bulk",
            idempotency_key=f"{casino.pk}-{index}",
            idempotency_hash=bytes(32),
            amount_minor=AMOUNT_MINOR,
            currency="GBP",
            method_type="carrier_billing",
            phone_number="+447700901111",
            carrier=carrier,
            counted_on=day,
            created_at=noon,
            first_sent_at=noon,
            next_action_at=None,
        )
        for index in range(number)
    ]
    purse = ledger.player_account_id(player.pk, "GBP")
    clearing = ledger.clearing_account_id(carrier, "GBP")
    keys = [deposit.pk for deposit in deposits]
    with transaction.atomic():
        Deposit.objects.bulk_create(deposits)
        rows = Deposit.objects.filter(pk__in=keys)
        rows.update(state=State.SUBMITTING)
        lines = ((clearing, -AMOUNT_MINOR), (purse, AMOUNT_MINOR))
        ledger.post([ledger.Entry("deposit", key, "GBP", lines) for key in keys])
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE deposits_deposit SET state = 'credited', resolved_at = %s,"
                " carrier_payment_id = 'pay-' || reference WHERE id = ANY (%s)",
                [noon + timedelta(seconds=2), keys],
            )
    return list(rows.order_by("pk"))
