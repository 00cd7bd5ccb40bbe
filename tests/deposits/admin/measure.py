"""Measure the list of deposits, each filter and each search on a filled database (million_rows.py). By hand:

    DATABASE_URL=… python -m tests.deposits.admin.measure [repetitions]

Prints milliseconds (best, median, p95) for the whole answer, and a query that reads a table from end to end.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "paysite.settings")
os.environ.setdefault("LOG_LEVEL", "ERROR")
django.setup()

from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext, override_settings  # noqa: E402

from accounts.models import Partner, User  # noqa: E402
from deposits.models import Deposit  # noqa: E402
from deposits.references import public_id  # noqa: E402

LIST = "/admin/deposits/deposit/"


def addresses() -> Iterator[tuple[str, str]]:
    """What is measured: (name, address)."""
    old = Deposit.objects.exclude(partner_reference="").exclude(carrier_payment_id="").order_by("id")[5_000]
    player = old.player
    one_day: list[dict[str, object]] = [
        {"created_from": f"{day:%Y-%m-%dT%H:%M}", "created_to": f"{day:%Y-%m-%dT23:59}"}
        for day in (old.created_at, Deposit.objects.order_by("-id")[10_000].created_at)
    ]
    old_day, new_day = one_day
    smallest = Partner.objects.get(slug="old-arcade").pk
    middle = Partner.objects.get(slug="harbour").pk
    filters: dict[str, dict[str, object]] = {
        "list": {},
        "list, page far down": {"older": old.pk},
        "list, page far down, back": {"newer": old.pk},
        "state=credited": {"state": "credited"},
        "state=declined": {"state": "declined"},
        "state=review": {"state": "review"},
        "state=unknown": {"state": "unknown"},
        "state=open": {"state": "open"},
        "carrier, busy": {"carrier": "sandbox-mobile"},
        "carrier, retired": {"carrier": "retired-mobile"},
        "reason": {"reason": "carrier_spend_cap"},
        "partner, middling": {"partner": middle},
        "partner, small and old": {"partner": smallest},
        "player": {"player": player.pk},
        "one old day": old_day,
        "one recent day": new_day,
        "amount £20 to £30": {"amount_from": "20", "amount_to": "30"},
        "amount over £39.80": {"amount_from": "39.80"},
        "amount, none": {"amount_from": "500"},
        "stuck": {"view": "stuck"},
        "paid, not credited": {"view": "paid_not_credited"},
        "declined, old day, amount": {"state": "declined", "amount_from": "35", **old_day},
        "credited, carrier, amount": {"state": "credited", "carrier": "other-mobile", "amount_from": "39"},
    }
    for name, query in (filters | _searches(old)).items():
        yield name, f"{LIST}?{urlencode(query)}"
    yield from _pages(old)


def _searches(old: Deposit) -> dict[str, dict[str, object]]:
    return {
        "search: reference": {"q": old.reference.lower().replace("-", "")},
        "search: dep_ id": {"q": public_id(old.pk)},
        "search: uuid": {"q": old.pk},
        "search: partner's reference": {"q": old.partner_reference},
        "search: carrier's payment id": {"q": old.carrier_payment_id},
        "search: idempotency key": {"q": old.idempotency_key},
        "search: phone": {"q": old.phone_number},
        "search: player": {"q": old.player.external_id},
        "search: nothing": {"q": "no-such-thing"},
    }


def _pages(old: Deposit) -> Iterator[tuple[str, str]]:
    yield "page of a deposit", f"{LIST}{old.pk}/change/"
    yield "page of the newest deposit", f"{LIST}{Deposit.objects.order_by('-id')[0].pk}/change/"
    yield "page of a player", f"/admin/accounts/player/{old.player_id}/change/"
    yield "first page", "/admin/"
    yield "players", "/admin/accounts/player/"
    yield "players, by phone", f"/admin/accounts/player/?{urlencode({'q': old.phone_number})}"
    yield "entries", "/admin/accounts/ledgerentry/"
    yield "postings", "/admin/accounts/posting/"
    yield "audit trail", "/admin/accounts/auditrecord/"
    yield "audit trail, by actor", "/admin/accounts/auditrecord/?actor=auditor"


def whole_table_reads(client: Client, address: str) -> list[str]:
    """Queries of one request whose plan reads a big table from end to end."""
    with CaptureQueriesContext(connection) as captured:
        client.get(address, follow=True)
    found = []
    for query in captured.captured_queries:
        sql = query["sql"]
        if not sql.startswith("SELECT") or ("deposits_" not in sql and "accounts_" not in sql):
            continue
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {sql}".replace("%", "%%"))
            plan = "\n".join(row[0] for row in cursor.fetchall())
        big = (
            "deposits_deposit",
            "accounts_player",
            "accounts_posting",
            "accounts_ledgerentry",
            "accounts_audit",
        )
        found += [
            line.strip() for line in plan.splitlines() if "Seq Scan" in line and any(t in line for t in big)
        ]
    return found


def main(repetitions: int) -> None:
    """Print the figures."""
    client = Client()
    client.force_login(User.objects.get(username="staff"))
    with override_settings(ALLOWED_HOSTS=["*"]):
        for name, address in addresses():
            times = []
            for _ in range(repetitions + 1):
                started = time.perf_counter()
                response = client.get(address)
                times.append((time.perf_counter() - started) * 1_000)
                assert response.status_code in (200, 302), (address, response.status_code)
            times = sorted(times[1:])
            p95 = times[math.ceil(len(times) * 0.95) - 1]
            size = len(response.content) // 1_024
            print(
                f"{name:32} {response.status_code} {times[0]:7.0f} {statistics.median(times):7.0f} {p95:7.0f} ms"
                f" {size:4} KiB {' | '.join(whole_table_reads(client, address))}"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
