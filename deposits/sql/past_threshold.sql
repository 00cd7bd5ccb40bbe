-- Which of these players have deposited so much of late, less what went back, and have not been looked at for it.
--
-- By the accumulator, whose row the credit has just locked: of two credits at the edge the second sees the first.
SELECT p.id, p.external_id, net.minor AS net_minor, now()::date::text AS day
FROM accounts_player AS p CROSS JOIN LATERAL (
    SELECT sum(b.settled - b.returned)::bigint AS minor
    FROM deposits_accumulator AS a, unnest(a.minutes, a.settled, a.returned) AS b (minute, settled, returned)
    WHERE a.subject_kind = 'player' AND a.subject = p.id::text AND a.currency = %(currency)s
        AND b.minute >= floor(extract(epoch FROM now() - %(within)s::interval) / 60)) AS net
WHERE p.id = ANY (%(players)s) AND NOT p.is_test AND p.jurisdiction = ANY (%(jurisdictions)s)
    -- Marked and not looked at yet, or looked at within the year: there is a case already.
    AND (p.vulnerable_at IS NULL OR p.checked_at >= p.vulnerable_at AND p.checked_at < now() - %(again_after)s::interval)
    AND net.minor >= %(net_minor)s
ORDER BY p.id
