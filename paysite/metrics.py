"""`GET /metrics`: what Prometheus reads. Shared facts come from the database, so that any instance tells the same."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

import structlog
from django.conf import settings
from django.db import Error, connection, transaction
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from accounts.figures import LedgerSum, LedgerWalk, unsealed_age_s
from deposits import figures
from deposits.figures import Figures
from paysite.errors import not_found

log = structlog.get_logger("paysite.metrics")

#: Monitoring must never be what keeps the database busy.
_STATEMENT_TIMEOUT_MS = 3_000
_Family = GaugeMetricFamily | CounterMetricFamily


class SharedFacts(Collector):
    """What stands in the database. When it cannot be read, `paysite_database_up` is 0 and nothing else is told."""

    def __init__(self) -> None:
        self._walk = LedgerWalk()

    def collect(self) -> Iterator[_Family]:
        """Read the figures, all at one moment, and yield them as metrics."""
        try:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute(f"SET LOCAL statement_timeout = {_STATEMENT_TIMEOUT_MS}")
                deposits, ledger, unsealed = figures.read(), self._walk.look(), unsealed_age_s()
        except Error as error:
            log.warning("figures_not_read", error=type(error).__name__)
            yield _gauge("database_up", "Whether the database answered this look.", 0)
            return
        yield _gauge("database_up", "Whether the database answered this look.", 1)
        yield from _of_deposits(deposits)
        yield from _of_books(ledger, unsealed)


_shared = SharedFacts()


def scrape(request: HttpRequest) -> HttpResponse:
    """Prometheus text for who shows METRICS_TOKEN as a bearer; 401 for others, 404 where no token is set."""
    if not settings.METRICS_TOKEN:
        return not_found(request)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    right = hmac.compare_digest(token.encode("utf-8", "replace"), settings.METRICS_TOKEN.encode())
    if scheme.lower() != "bearer" or not right:
        refusal = HttpResponse("The bearer token of /metrics is needed.\n", "text/plain; charset=utf-8", 401)
        refusal["WWW-Authenticate"] = "Bearer"
        return refusal
    body = generate_latest(_registry())
    return HttpResponse(body, CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


def _registry() -> CollectorRegistry:
    """What this look tells: the processes' own counts and the shared facts."""
    registry = CollectorRegistry()
    if settings.METRICS_DIR:
        MultiProcessCollector(registry, settings.METRICS_DIR)  # type: ignore[no-untyped-call]
    else:
        registry.register(REGISTRY)
    registry.register(_shared)
    return registry


def _of_deposits(now: Figures) -> Iterator[_Family]:
    yield _by_label("deposits", "Deposits that have not ended, by state.", "state", now.open_by_state)
    recent = f"Deposits accepted in the last {figures.RECENT_S} s, by the state they are in now."
    yield _by_label("deposits_recent", recent, "state", now.recent_by_state)
    oldest = "Age of the oldest deposit whose outcome is unknown, since it was first sent; 0: none."
    yield _by_label("oldest_unknown_age_seconds", oldest, "carrier", now.unknown_age_s)
    yield _gauge(
        "oldest_review_age_seconds", "Age of the oldest deposit in review; 0: none.", now.review_age_s
    )
    due = "How long the oldest due deposit has waited for a worker; 0: none is due."
    yield _by_label("due_age_seconds", due, "carrier", now.due_age_s)
    takeovers = CounterMetricFamily(
        "paysite_lease_takeovers", "Deposits whose worker was lost before it recorded."
    )
    takeovers.add_metric([], now.takeovers)
    yield takeovers
    unmatched = "Notifications for payments that we do not know (told up to 1,000)."
    yield _gauge("notifications_unmatched", unmatched, now.unmatched)
    breakers = GaugeMetricFamily(
        "paysite_breaker_open",
        "Whether calls to the carrier are held back.",
        labels=("carrier", "operation"),
    )
    for labels, is_open in now.breakers.items():
        breakers.add_metric(labels, is_open)
    yield breakers
    yield _by_label("refunds", "Refunds that have not ended, by state.", "state", now.open_refunds)
    oldest = "Age of the oldest refund to be sent or on its way, since it was approved; 0: none."
    yield _by_label("oldest_refund_age_seconds", oldest, "carrier", now.refund_age_s)


def _of_books(ledger: LedgerSum, unsealed_s: float) -> Iterator[_Family]:
    total = "Sum of all postings in minor units: anything but 0 means that the books are wrong."
    yield _by_label("ledger_sum", total, "currency", ledger.by_currency)
    unsummed = "Ledger entries that this process has not yet added to paysite_ledger_sum."
    yield _gauge("ledger_entries_unsummed", unsummed, ledger.left)
    yield _gauge(
        "audit_unsealed_age_seconds", "Age of the oldest audit record without its seal; 0: none.", unsealed_s
    )


def _gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"paysite_{name}", what, value)


def _by_label(
    name: str, what: str, label: str, values: dict[str, int] | dict[str, float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"paysite_{name}", what, labels=(label,))
    for key, value in values.items():
        family.add_metric([key], value)
    return family
