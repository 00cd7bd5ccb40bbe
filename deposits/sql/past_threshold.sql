-- Which of these players have deposited so much of late, less what went back, and have not been looked at for it.
--
-- By the accumulator, whose row the credit has just locked: of two credits at the edge the second sees the first.
SELECT p.id, p.external_id, deposited.minor AS deposited_minor, now()::date::text AS day
FROM accounts_player AS p CROSS JOIN LATERAL (
    SELECT sum(b.settled - CASE WHEN %(is_net)s THEN b.returned ELSE 0 END)::bigint AS minor
    FROM deposits_accumulator AS a, unnest(a.minutes, a.settled, a.returned) AS b (minute, settled, returned)
    WHERE a.subject_kind = 'player' AND a.subject = p.id::text AND a.currency = %(currency)s
        AND b.minute >= %(since)s) AS deposited
WHERE p.id = ANY (%(players)s) AND NOT p.is_test AND (p.jurisdiction = %(jurisdiction)s OR %(jurisdiction)s = '*')
    -- Marked and not looked at yet, or looked at within the year: there is a case already.
    AND (p.vulnerable_at IS NULL OR p.checked_at >= p.vulnerable_at AND p.checked_at < now() - %(again_after)s::interval)
    AND deposited.minor >= %(threshold_minor)s
ORDER BY p.id
