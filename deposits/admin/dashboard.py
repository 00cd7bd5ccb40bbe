"""The admin's first page: the last 24 hours by state, what waits for a person, what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts.admin.pages import Table, cell
from deposits.admin import words
from deposits.admin.filters import OPEN, STUCK_AFTER_S
from deposits.formats import format_money
from deposits.models import Deposit, DepositEvent
from deposits.references import first_id_at
from deposits.states import Event, State

#: However busy the day, this many deposits are looked at, the newest.
_MOST_DEPOSITS = 50_000
# A subquery with a limit and a count around it is more than the ORM says in one query.
_NEWEST_BY_STATE = """
SELECT state, count(*) FROM (SELECT state FROM deposits_deposit WHERE id >= %s ORDER BY id DESC LIMIT %s) AS newest
GROUP BY state
"""
#: Queues longer than this are told as "over".
_MOST_COUNTED = 1_000
_SHOWN = 10
#: What people are to look at; the same list as the index `event_alarms`.
ALARMS = (Event.MISMATCH, Event.OVERDUE, Event.REFUSED, Event.REVERSED)


@dataclass(frozen=True, slots=True)
class Tile:
    """One number that leads to its list."""

    label: str
    value: str
    note: str
    address: str
    urgent: bool


@dataclass(frozen=True, slots=True)
class StateRow:
    """How many of the last 24 hours' deposits are in one state."""

    name: str
    colour: str
    number: str
    share: float
    address: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What the first page shows. `capped` is 0 when all of the 24 hours were looked at."""

    tiles: Sequence[Tile]
    states: Sequence[StateRow]
    capped: int
    tables: Sequence[Table]


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add the dashboard to the first page, for those who may see deposits."""
    if request.user.has_perm("deposits.view_deposit"):
        context["dashboard"] = dashboard(timezone.now())
    return context


def dashboard(now: datetime) -> Dashboard:
    """Return the first page's content. Every query is bounded and has an index."""
    states, capped = _states(now)
    return Dashboard(_tiles(now), states, capped, [_review_queue(), _alarms()])


def _states(now: datetime) -> tuple[list[StateRow], int]:
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST_BY_STATE, [first_id_at(now - timedelta(days=1)), _MOST_DEPOSITS])
        counted: dict[str, int] = dict(cursor.fetchall())
    total = sum(counted.values())
    rows = [
        StateRow(
            name=state.label,
            colour=words.STATE_COLOURS[state],
            number=f"{counted[state.value]:,}",
            share=round(100 * counted[state.value] / total, 1),
            address=f"{reverse('admin:deposits_deposit_changelist')}?state={state.value}",
        )
        for state in State
        if counted.get(state.value)
    ]
    return rows, _MOST_DEPOSITS if total >= _MOST_DEPOSITS else 0


def _tiles(now: datetime) -> list[Tile]:
    address = reverse("admin:deposits_deposit_changelist")
    unknown = Deposit.objects.filter(state=State.UNKNOWN)
    oldest = unknown.order_by("pk").first()
    age = words.span((now - oldest.created_at).total_seconds()) if oldest else "none"
    late = bool(oldest and now - oldest.created_at > timedelta(seconds=STUCK_AFTER_S))
    stuck = Deposit.objects.filter(state__in=OPEN, pk__lt=first_id_at(now - timedelta(seconds=STUCK_AFTER_S)))
    review = Deposit.objects.filter(state=State.REVIEW)
    paid = review.filter(taken_minor__isnull=False)
    return [
        Tile("Oldest unknown outcome", age, _several(unknown), f"{address}?state=unknown", late),
        Tile("In review", _bounded(review), "wait for a person", f"{address}?state=review", review.exists()),
        Tile(
            "Paid, not credited",
            _bounded(paid),
            "taken, nobody's yet",
            f"{address}?view=paid_not_credited",
            paid.exists(),
        ),
        Tile("Stuck over 10 min", _bounded(stuck), "not ended yet", f"{address}?view=stuck", stuck.exists()),
    ]


def _bounded(queryset: QuerySet[Deposit]) -> str:
    number = queryset.order_by()[: _MOST_COUNTED + 1].count()
    return f"over {_MOST_COUNTED:,}" if number > _MOST_COUNTED else f"{number:,}"


def _several(queryset: QuerySet[Deposit]) -> str:
    return f"{_bounded(queryset)} in all"


def _review_queue() -> Table:
    queue = Deposit.objects.filter(state=State.REVIEW).select_related("player").order_by("pk")[:_SHOWN]
    rows = [
        [
            cell(deposit.reference, reverse("admin:deposits_deposit_change", args=[deposit.pk])),
            cell(deposit.created_at),
            cell(deposit.player.external_id),
            cell(format_money(deposit.amount_minor, deposit.currency)),
            cell(words.reason_title(deposit.reason_code)),
            cell(words.answered_in(deposit)),
        ]
        for deposit in queue
    ]
    columns = ("Reference", "Created", "Player", "Amount", "Reason", "Age")
    more = f"{reverse('admin:deposits_deposit_changelist')}?state=review"
    return Table("Review queue, oldest first", columns, rows, more=more, empty="Nothing waits for a person.")


def _alarms() -> Table:
    newest = DepositEvent.objects.filter(event__in=ALARMS).select_related("deposit").order_by("-id")[:_SHOWN]
    rows = [
        [
            cell(event.at),
            cell(event.get_event_display()),
            cell(event.deposit.reference, reverse("admin:deposits_deposit_change", args=[event.deposit_id])),
            cell(event.detail),
        ]
        for event in newest
    ]
    return Table("Last alarms", ("When", "What", "Deposit", "Detail"), rows, empty="None.")
