-- Count failed deposits against their player, phone number and device, and cool down whoever has had too many.
--
-- The row lock of the upsert is what two workers meet at; the order is fixed. Test players may fail as they like.
WITH failed AS (
    SELECT subject.kind, subject.name, count(*) AS failures
    FROM deposits_deposit AS d JOIN accounts_player AS p ON p.id = d.player_id
    CROSS JOIN LATERAL (VALUES ('player', d.player_id::text), ('phone_number', d.phone_number), ('device', d.device))
        AS subject (kind, name)
    WHERE d.id = ANY (%(deposits)s) AND NOT p.is_test AND subject.name <> ''
    GROUP BY subject.kind, subject.name ORDER BY subject.name, subject.kind
)
INSERT INTO deposits_failedattempts AS known (subject_kind, subject, failures, began_at, cooling_until)
SELECT kind, name, failures, now(), CASE WHEN failures >= %(most)s THEN now() + %(cool_down)s::interval END FROM failed
ON CONFLICT (subject, subject_kind) DO UPDATE SET
    failures = EXCLUDED.failures + CASE WHEN known.began_at > now() - %(within)s::interval THEN known.failures ELSE 0 END,
    began_at = CASE WHEN known.began_at > now() - %(within)s::interval THEN known.began_at ELSE now() END,
    cooling_until = CASE WHEN known.began_at > now() - %(within)s::interval
            AND known.failures + EXCLUDED.failures >= %(most)s OR EXCLUDED.failures >= %(most)s
        THEN now() + %(cool_down)s::interval ELSE known.cooling_until END
RETURNING subject_kind, cooling_until
