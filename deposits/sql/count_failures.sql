-- Count failed deposits against their player, phone number and device, and cool down whoever has had too many.
--
-- `deposits`, `kinds`, `mosts`, `withins`, `cool_downs` and `rules` go together: which deposit counts against which kind
-- of subject, by which rule. The row lock of the upsert is what two workers meet at; the order is fixed. Test players may
-- fail as they like.
WITH failed AS (
    SELECT subject.kind, subject.name, count(*) AS failures, min(given.most) AS most, max(given.within) AS within,
        max(given.cool_down) AS cool_down, max(given.rule) AS rule
    FROM unnest(%(deposits)s::uuid[], %(kinds)s::text[], %(mosts)s::bigint[], %(withins)s::interval[],
            %(cool_downs)s::interval[], %(rules)s::bigint[]) AS given (deposit, kind, most, within, cool_down, rule)
    JOIN deposits_deposit AS d ON d.id = given.deposit JOIN accounts_player AS p ON p.id = d.player_id
    CROSS JOIN LATERAL (VALUES ('player', d.player_id::text), ('phone_number', d.phone_number), ('device', d.device))
        AS subject (kind, name)
    WHERE subject.kind = given.kind AND NOT p.is_test AND subject.name <> ''
    GROUP BY subject.kind, subject.name ORDER BY subject.name, subject.kind
)
INSERT INTO deposits_failedattempts AS known (subject_kind, subject, failures, began_at, cooling_until, rule_id)
SELECT kind, name, failures, now(), CASE WHEN failures >= most THEN now() + cool_down END, rule FROM failed
ON CONFLICT (subject, subject_kind) DO UPDATE SET (failures, began_at, cooling_until, rule_id) = (
    SELECT so_far.failures, CASE WHEN still.counts THEN known.began_at ELSE now() END,
        CASE WHEN so_far.failures >= f.most THEN now() + f.cool_down ELSE known.cooling_until END, f.rule
    FROM failed AS f CROSS JOIN LATERAL (SELECT known.began_at > now() - f.within AS counts) AS still
    CROSS JOIN LATERAL (SELECT f.failures + CASE WHEN still.counts THEN known.failures ELSE 0 END AS failures) AS so_far
    WHERE f.kind = known.subject_kind AND f.name = known.subject)
RETURNING subject_kind, cooling_until
