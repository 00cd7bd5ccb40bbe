"""What still may be deposited, and why not more. The accept statement enforces; this explains and gives back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import F
from django.utils import timezone

from deposits.models import Deposit, LimitUsage

Subject = LimitUsage.Subject


@dataclass(frozen=True, slots=True)
class Allowance:
    """One limit as it stands, in minor units. `most_minor` is None where nobody has set any."""

    subject_kind: LimitUsage.Subject
    used_minor: int
    most_minor: int | None
    resets_on: date

    @property
    def left_minor(self) -> int | None:
        """What may still be deposited before the limit is reached; None without a limit."""
        return None if self.most_minor is None else max(self.most_minor - self.used_minor, 0)


def today() -> date:
    """Return the calendar day in the limits' time zone, by this process's clock."""
    return timezone.localdate()


def period_start(subject_kind: LimitUsage.Subject, on: date) -> date:
    """Return the first day of the calendar period that `on` falls in."""
    return on.replace(day=1) if subject_kind == Subject.PHONE_MONTH else on - timedelta(days=on.weekday())


def period_end(subject_kind: LimitUsage.Subject, on: date) -> date:
    """Return the first day of the next period: when the limit starts again."""
    start = period_start(subject_kind, on)
    if subject_kind == Subject.PHONE_MONTH:
        return (start + timedelta(days=32)).replace(day=1)
    return start + timedelta(days=7)


def allowance(
    subject_kind: LimitUsage.Subject, subject: str, currency: str, most_minor: int | None, on: date
) -> Allowance:
    """Return how much of one limit is used on the day `on`."""
    usage = LimitUsage.objects.filter(
        subject_kind=subject_kind,
        subject=subject,
        currency=currency,
        period_start=period_start(subject_kind, on),
    ).first()
    return Allowance(subject_kind, usage.used_minor if usage else 0, most_minor, period_end(subject_kind, on))


def release(deposit: Deposit) -> None:
    """Give back what `deposit` has counted towards its limits: certainly nothing was taken."""
    for subject_kind, subject in (
        (Subject.PHONE_MONTH, deposit.phone_number),
        (Subject.PLAYER_WEEK, str(deposit.player_id)),
    ):
        LimitUsage.objects.filter(
            subject_kind=subject_kind,
            subject=subject,
            currency=deposit.currency,
            period_start=period_start(subject_kind, deposit.counted_on),
        ).update(used_minor=F("used_minor") - deposit.amount_minor)
