-- Change what one deposit, or what went back, counts in the accumulators of its subjects. `at`: when it was deposited, or null for now.
WITH named AS (
    SELECT kind, key FROM unnest(%(kinds)s::text[], %(keys)s::text[]) AS s (kind, key)
), locked AS MATERIALIZED (
    -- In the order in which everybody locks them.
    SELECT found.id FROM (SELECT kind, key FROM named ORDER BY kind, key) AS one CROSS JOIN LATERAL (
        SELECT id FROM deposits_accumulator
        WHERE subject_kind = one.kind AND subject = one.key AND currency = %(currency)s FOR UPDATE) AS found
)
UPDATE deposits_accumulator AS a SET (minutes, reserved, settled, returned, counts) = (
    SELECT c.minutes, c.reserved, c.settled, c.returned, c.counts FROM deposits_counted(
        a.minutes, a.reserved, a.settled, a.returned, a.counts,
        ARRAY[floor(extract(epoch FROM coalesce(%(at)s::timestamptz, now())) / 60)::int], ARRAY[%(reserved)s::bigint],
        ARRAY[%(settled)s::bigint], ARRAY[%(returned)s::bigint], ARRAY[%(count)s::int],
        floor(extract(epoch FROM now() - %(kept)s::interval) / 60)::int) AS c)
FROM locked WHERE a.id = locked.id
RETURNING a.id
