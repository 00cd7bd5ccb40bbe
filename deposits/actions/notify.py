"""Take in what a carrier pushes: keep it first, then wake the inquiry that finds out what is true."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import Coalesce, Now

from accounts.conflicts import again_on_conflict
from carriers.interface import Notification
from deposits import doorbell, retry, transitions
from deposits.crash_points import reach
from deposits.models import Attempt, CarrierNotification, Deposit

log = structlog.get_logger("deposits.notify")

#: A little longer than until a notification that is still nobody's becomes a case (actions/cases.py).
MATCHED_FOR_S = 4_000


@again_on_conflict
def take_in(carrier: str, notification: Notification, body: str) -> bool:
    """Store `notification` once and make its deposit's inquiry due; return whether it was new.

    One for a payment that we do not know yet stays in the inbox: its deposit is woken as soon as the carrier's
    answer has told us which one it is (`wake_waiting`). `body` is the redacted text, for staff.
    """
    with transaction.atomic():
        row, created = CarrierNotification.objects.get_or_create(
            carrier=carrier,
            source=notification.source,
            event_id=notification.event_id,
            defaults={
                "kind": notification.kind,
                "payment_id": notification.payment_id,
                "reference": notification.reference,
                "body": body,
            },
        )
        if not created:
            CarrierNotification.objects.filter(pk=row.pk).update(deliveries=F("deliveries") + 1)
            return False
        found = _deposit_of(carrier, notification)
        if found is not None:
            deposit_id, reference, accepted_as = found
            # In the log this stands with the deposit, from the tap on: its reference, and the request that made it.
            structlog.contextvars.bind_contextvars(reference=reference, accepted_as=accepted_as)
            row.deposit_id = deposit_id
            row.save(update_fields=["deposit"])
            transitions.wake(deposit_id, notification.kind, carrier)
            doorbell.ring()
    reach("inbox.after_commit")
    return True


def wake_waiting(carrier: str, payments: Mapping[str, UUID]) -> None:
    """Match notifications that came before we knew their payment. `payments`: `carrier`'s payment id → deposit."""
    waiting = CarrierNotification.objects.filter(carrier=carrier, payment_id__in=payments, deposit=None)
    for row in waiting:
        row.deposit_id = payments[row.payment_id]
        row.save(update_fields=["deposit"])
        transitions.wake(payments[row.payment_id], row.kind, row.carrier)
        log.info("notification_matched", deposit_id=str(row.deposit_id), event_id=row.event_id)


def match_waiting(batch: int = 100) -> int:
    """Match up to `batch` young notifications whose deposit has become known since; return how many.

    For the sweeper: a notification and the answer that names its payment can be written at the same instant, and then
    neither sees the other. News of a deposit that has ended, and was asked about since, wakes nobody: an answer says
    how things stood at some moment after the question, and not how they stood when it was recorded.
    """
    since = Now() - timedelta(seconds=retry.scaled(MATCHED_FOR_S))
    deposits = Deposit.objects.filter(carrier=OuterRef("carrier"))
    by_payment = deposits.exclude(carrier_payment_id="").filter(carrier_payment_id=OuterRef("payment_id"))
    by_reference = deposits.filter(reference=OuterRef("reference"))
    waiting = CarrierNotification.objects.filter(deposit=None, received_at__gte=since).annotate(
        found=Coalesce(Subquery(by_reference.values("pk")[:1]), Subquery(by_payment.values("pk")[:1]))
    )
    matched = 0
    for row in waiting.filter(found__isnull=False)[:batch]:
        with transaction.atomic():
            if CarrierNotification.objects.filter(pk=row.pk, deposit=None).update(deposit=row.found):
                matched += 1
                log.info("notification_matched", deposit_id=str(row.found), event_id=row.event_id)
                asked_since = Attempt.objects.filter(deposit=row.found, started_at__gte=row.received_at)
                answered = asked_since.filter(finished_at__isnull=False).exclude(outcome="unknown")
                if not answered.filter(deposit__resolved_at__isnull=False).exists():
                    transitions.wake(row.found, row.kind, row.carrier)
                    doorbell.ring()
    return matched


def _deposit_of(carrier: str, notification: Notification) -> tuple[UUID, str, str] | None:
    """Id, reference and request of the deposit that it speaks of."""
    deposits = Deposit.objects.filter(carrier=carrier).values_list("id", "reference", "request_id")
    if notification.reference:
        return deposits.filter(reference=notification.reference).first()
    return deposits.filter(carrier_payment_id=notification.payment_id).first()
