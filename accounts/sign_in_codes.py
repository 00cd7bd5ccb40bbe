"""Sign-in codes: six digits for a phone number, good for ten minutes and five tries, never kept in clear.

A code works only where it was asked for: the caller keeps its id in the browser's session. How many may be asked for is
counted per number, for everybody who asks, and far more loosely per address: thousands of players share one behind
a mobile network's translator.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, models, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import SignInCode

DIGITS = 6
LIFETIME = timedelta(minutes=10)
TRIES = 5
#: A text may take as long to arrive; who asks again sooner would be sent two.
APART = timedelta(seconds=30)
_WITHIN = timedelta(hours=1)
PER_NUMBER, PER_ADDRESS = 5, 200
#: Nothing asks about older ones.
_KEPT = timedelta(days=1)


class TooMany(Exception):
    """Enough codes were asked for. `until`: from when on another may be."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"no code before {until}")
        self.until = until


@dataclass(frozen=True, slots=True)
class Issued:
    """A code in clear, for the only time."""

    id: UUID
    code: str
    expires_at: datetime


@transaction.atomic
def issue(number: str, address: str | None) -> Issued:
    """Make a code for `number` (E.164), asked for from `address`. Raises `TooMany`; nothing was made then."""
    now, whose = timezone.now(), _number_hash(number)
    with connection.cursor() as cursor:
        # One at a time for each number, so that many at once are counted too.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(whose[:8], "big", signed=True)])
    SignInCode.objects.filter(created_at__lt=now - _KEPT).delete()
    _refuse_too_many(Q(number_hash=whose), PER_NUMBER, now)
    _refuse_too_many(Q(number_hash=whose), 1, now, APART)
    if address:
        _refuse_too_many(Q(address=address), PER_ADDRESS, now)
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    made = SignInCode(number_hash=whose, address=address, created_at=now, expires_at=now + LIFETIME)
    made.code_hash = _code_hash(made.pk, code)
    made.save(force_insert=True)
    return Issued(made.pk, code, made.expires_at)


@transaction.atomic
def is_right(ids: Sequence[UUID], number: str, typed: str) -> bool:
    """Whether `typed` is one of these codes for this number, and still good. It is used up; a wrong one costs a try."""
    codes = list(_good(ids, number).select_for_update().order_by("pk"))
    # All are compared, so that the time taken tells nothing.
    right = [one for one in codes if hmac.compare_digest(bytes(one.code_hash), _code_hash(one.pk, typed))]
    changed = SignInCode.objects.filter(pk__in=[one.pk for one in codes])
    if right:
        changed.update(used_at=timezone.now())
    else:
        changed.update(tries=F("tries") + 1)
    return bool(right)


def tries_left(ids: Sequence[UUID], number: str) -> int:
    """Return how often a code may still be typed; 0 when all of them have run out."""
    return max((TRIES - one.tries for one in _good(ids, number)), default=0)


def _good(ids: Sequence[UUID], number: str) -> models.QuerySet[SignInCode]:
    return SignInCode.objects.filter(
        pk__in=ids,
        number_hash=_number_hash(number),
        used_at=None,
        tries__lt=TRIES,
        expires_at__gt=timezone.now(),
    )


def _refuse_too_many(whose: Q, most: int, now: datetime, within: timedelta = _WITHIN) -> None:
    recent = SignInCode.objects.filter(whose, created_at__gt=now - within).order_by("-created_at")
    if len(times := list(recent.values_list("created_at", flat=True)[:most])) >= most:
        raise TooMany(times[-1] + within)


def _number_hash(number: str) -> bytes:
    return salted_hmac("sign-in number", number, algorithm="sha256").digest()


def _code_hash(code_id: UUID, code: str) -> bytes:
    return salted_hmac("sign-in code", f"{code_id.hex}:{code}", algorithm="sha256").digest()
