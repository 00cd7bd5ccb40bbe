"""The accumulators know the past: what deposits have reserved and settled of late. They replace the limit usage.

Counted from the deposits themselves, because the limit usage knew only two kinds of calendar windows. Its table stays for
code that still runs; a later release drops it.
"""

from django.db import migrations

BACKFILL = """
INSERT INTO deposits_accumulator (subject_kind, subject, currency, minutes, reserved, settled, returned, counts)
SELECT kind, key, currency, array_agg(minute), array_agg(reserved), array_agg(settled), array_agg(returned), array_agg(number)
FROM (
    SELECT s.kind, s.key, currency, minute, sum(reserved)::bigint AS reserved, sum(settled)::bigint AS settled,
        sum(returned)::bigint AS returned, sum(number)::int AS number
    FROM (
        SELECT player_id, phone_number, currency, floor(extract(epoch FROM created_at) / 60)::int AS minute,
            CASE WHEN state = 'credited' OR credited_late THEN 0 ELSE amount_minor END AS reserved,
            CASE WHEN state = 'credited' OR credited_late THEN amount_minor ELSE 0 END AS settled, 0 AS returned, 1 AS number
        FROM deposits_deposit
        WHERE created_at > now() - interval '40 days'
            AND (state NOT IN ('declined', 'failed', 'cancelled', 'expired') OR credited_late)
        UNION ALL
        SELECT player_id, phone_number, currency, floor(extract(epoch FROM reversed_at) / 60)::int, 0, 0, amount_minor, 0
        FROM deposits_deposit
        WHERE reversed_at > now() - interval '40 days' AND (state = 'credited' OR credited_late)
    ) AS counted CROSS JOIN LATERAL (VALUES ('player', player_id::text), ('phone_number', phone_number)) AS s (kind, key)
    WHERE s.key <> '' GROUP BY 1, 2, 3, 4
) AS bucket GROUP BY kind, key, currency
ON CONFLICT (subject_kind, subject, currency) DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("deposits", "0010_rules")]

    operations = [
        migrations.RunSQL(BACKFILL, reverse_sql=migrations.RunSQL.noop),
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("LimitUsage")]),
    ]
