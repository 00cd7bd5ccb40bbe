"""Measure POST /api/v1/eligibility on a filled database (tests/deposits/admin/million_rows.py). Not a test; by hand:

    DATABASE_URL=… python -m tests.deposits.api.measure_eligibility [requests]

Asks for a player with one past deposit and for one with 10,000, both over 90 days, by the phone bill that all of them
came by. Prints milliseconds of the whole answer in one process (median, p95, p99, worst), and how much of them is CPU
time of this process: on a busy machine the rest is waiting. It needs a database superuser,
because it switches off the triggers that would refuse ready-made deposits.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import sys
import time
import uuid
from collections.abc import Sequence

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "paysite.settings")
os.environ["LOG_LEVEL"] = "ERROR"
django.setup()

from django.db import connection, transaction  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import override_settings  # noqa: E402

from accounts import api_keys  # noqa: E402
from accounts.models import ApiKey, Partner, Player, PlayerPhone  # noqa: E402
from accounts.protections.register import NEVER_DUE  # noqa: E402
from deposits.models import Deposit  # noqa: E402

PAST = (1, 10_000)
# As accept and record leave them: a bucket for each minute of the last 40 days in which something was deposited.
FILL = """
SET LOCAL session_replication_role = replica;
SET LOCAL statement_timeout = 0;
CREATE TEMP TABLE past ON COMMIT DROP AS
    SELECT n, now() - n * interval '90 days' / %(deposits)s AS at FROM generate_series(1, %(deposits)s) AS n;
INSERT INTO deposits_deposit (
    id, reference, partner_id, player_id, client, idempotency_key, idempotency_hash, amount_minor, currency,
    method_type, phone_number, carrier, carrier_payment_id, authorization_id, one_time_code, partner_reference,
    return_url, request_id, lease_owner, reason_code, carrier_code, state, next_step, counted_on, created_at,
    updated_at, resolved_at)
SELECT gen_random_uuid(), 'E-' || %(player)s || '-' || n, %(partner)s, %(player)s, 'measured', gen_random_uuid()::text,
    '\\x00', 100, 'GBP', 'carrier_billing', %(number)s, 'sandbox-mobile', '', '', '', '', '', '', '', '', '',
    'credited', 'inquire', at::date, at, at, at
FROM past;
INSERT INTO deposits_accumulator (subject_kind, subject, currency, minutes, reserved, settled, returned, counts)
SELECT subject.kind, subject.key, 'GBP', array_agg(minute), array_agg(0::bigint), array_agg(minor),
    array_agg(0::bigint), array_agg(number)
FROM (SELECT floor(extract(epoch FROM at) / 60)::int AS minute, sum(100)::bigint AS minor, count(*)::int AS number
      FROM past WHERE at > now() - interval '40 days' GROUP BY 1 ORDER BY 1) AS bucket,
    (VALUES ('player', %(player)s::text), ('phone_number', %(number)s)) AS subject (kind, key)
GROUP BY 1, 2;
"""


def main(requests: int) -> None:
    """Print the figures."""
    partner = Partner.objects.create(name="Measured", slug=uuid.uuid4().hex)
    key = api_keys.issue(partner, "measured", ApiKey.Mode.LIVE)
    client = Client(headers={"authorization": f"Bearer {key}"})
    asked = {past: _body(_player(partner, past)) for past in PAST}
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE deposits_accumulator")
    print(f"{Deposit.objects.count():,} deposits in the table, {requests} requests each")
    with override_settings(ALLOWED_HOSTS=["*"]):
        # In turn, so that what else the machine does falls on both alike; the first ones warm up.
        rounds = [[_ask_ms(client, body) for body in asked.values()] for _ in range(requests + 20)][20:]
    for past, times in zip(asked, zip(*rounds, strict=True), strict=True):
        _report(past, times)


def _player(partner: Partner, past: int) -> tuple[Player, str]:
    """A player with so many past deposits, all by the same number."""
    number = f"+4477009{partner.pk % 1_000:03}{PAST.index(past):02}"
    player = Player.objects.create(
        partner=partner,
        external_id=f"measured-{past}",
        identity_state=Player.Identity.VERIFIED,
        register_fresh_until=NEVER_DUE,
        weekly_limit_minor=100_000_000,
    )
    PlayerPhone.objects.create(player=player, number=number)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(FILL, {"deposits": past, "partner": partner.pk, "player": player.pk, "number": number})
    return player, number


def _body(made: tuple[Player, str]) -> str:
    player, number = made
    method = {"type": "carrier_billing", "phone_number": number}
    return json.dumps({"player": player.external_id, "amount": 100, "currency": "GBP", "method": method})


def _ask_ms(client: Client, body: str) -> tuple[float, float]:
    """Ask once; return how long it took by the clock, and in CPU time."""
    started, worked = time.perf_counter(), time.process_time()
    answer = client.post("/api/v1/eligibility", body, content_type="application/json")
    took = (time.perf_counter() - started) * 1_000, (time.process_time() - worked) * 1_000
    assert answer.status_code == 200, answer.content
    return took


def _report(past: int, asked: Sequence[tuple[float, float]]) -> None:
    times, worked = (sorted(one) for one in zip(*asked, strict=True))
    p95, p99 = (times[math.ceil(len(times) * part) - 1] for part in (0.95, 0.99))
    print(
        f"{past:6,} past deposits: median {statistics.median(times):.1f} ms, p95 {p95:.1f}, p99 {p99:.1f},"
        f" worst {times[-1]:.1f}; of CPU: median {statistics.median(worked):.1f} ms"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
