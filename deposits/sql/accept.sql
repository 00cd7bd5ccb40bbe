-- Accept a deposit: the row, its first event and its limits, or nothing at all. One statement, one transaction.
--
-- No row at all: there is no such player, or the API key may not be used any more. `created` false: the key was used before; or the player
-- is `barred`, for that reason; or the rules are not `fresh`: others apply by now, and the caller works them out again.
-- A limit that would be passed raises SQLSTATE PSL01 and undoes everything.
WITH book AS (
    -- Windows of the calendar were worked out for a stretch of time: whether it is now is for this clock to say.
    SELECT version = %(rulebook)s AND now() >= %(rules_from)s AND now() < %(rules_until)s AS fresh FROM deposits_rulebook
), player AS (
    SELECT p.id, p.daily_limit_minor, p.weekly_limit_minor, p.monthly_limit_minor,
        coalesce(nullif(accounts_bar(p, %(counted_on)s::date, %(checked_in)s), ''), cooling.reason, '') AS barred,
        phone.verified_at IS NOT NULL OR %(assume_proved)s AS verified
    FROM accounts_player AS p
    LEFT JOIN accounts_playerphone AS phone ON phone.player_id = p.id AND phone.number = %(phone_number)s
    LEFT JOIN LATERAL (
        -- Too many failed attempts of late, by any of these (deposits/velocity.py).
        SELECT 'too_many_requests' AS reason FROM deposits_failedattempts AS f
        WHERE NOT p.is_test AND f.cooling_until > now() AND (f.subject = p.id::text AND f.subject_kind = 'player'
            OR f.subject = %(phone_number)s AND f.subject_kind = 'phone_number'
            OR f.subject = %(device)s AND f.subject_kind = 'device')
        LIMIT 1) AS cooling ON true
    WHERE p.partner_id = %(partner_id)s AND p.external_id = %(player)s
        -- Whom a test key's deposit made, with an identity that nobody looked at, is nobody to a live key.
        AND (NOT p.is_test OR %(assume_proved)s OR %(key_id)s::bigint IS NULL)
        -- The web recognises a key from memory; whether it may still be used is decided here, by the database's clock.
        AND (%(key_id)s::bigint IS NULL OR EXISTS (
            SELECT FROM accounts_apikey WHERE id = %(key_id)s AND revoked_at IS NULL
                AND (expires_at IS NULL OR expires_at > now())))
), deposit AS (
    INSERT INTO deposits_deposit (
        id, reference, partner_id, player_id, partner_reference, return_url, client, idempotency_key,
        idempotency_hash, request_id, amount_minor, currency, method_type, phone_number, carrier,
        carrier_payment_id, authorization_id, one_time_code, state, reason_code, carrier_code, next_step,
        next_action_at, lease_owner, counted_on, proof_needed, device)
    SELECT %(id)s, %(reference)s, %(partner_id)s, player.id, %(partner_reference)s, %(return_url)s, %(client)s,
        %(idempotency_key)s, %(idempotency_hash)s, %(request_id)s, %(amount_minor)s, %(currency)s, %(method_type)s,
        %(phone_number)s, %(carrier)s, '', '', '', 'received', '', '', 'authorise', now(), '',
        %(counted_on)s::date, NOT player.verified, %(device)s
    FROM player, book WHERE player.barred = '' AND book.fresh
    ON CONFLICT (client, idempotency_key) DO NOTHING
    RETURNING id, player_id, created_at, proof_needed
), subject AS (
    SELECT s.kind, CASE s.kind WHEN 'player' THEN deposit.player_id::text WHEN 'partner' THEN %(partner_id)s::text
        ELSE %(phone_number)s::text END AS key
    FROM deposit, unnest(%(subject_kinds)s::text[]) AS s (kind)
), rule AS (
    SELECT r.subject, r.measure, coalesce(r.since, floor(extract(epoch FROM now() - r.rolls) / 60)::int) AS since,
        CASE r.own WHEN 'day' THEN player.daily_limit_minor WHEN 'week' THEN player.weekly_limit_minor
            WHEN 'month' THEN player.monthly_limit_minor ELSE r.most END
            - CASE r.measure WHEN 'count' THEN 1 ELSE %(amount_minor)s::bigint END AS room
    FROM player, unnest(%(rule_subjects)s::text[], %(rule_measures)s::text[], %(rule_owns)s::text[], %(rule_mosts)s::bigint[],
        %(rule_since)s::int[], %(rule_rolls)s::interval[]) AS r (subject, measure, own, most, since, rolls)
), counted AS (
    -- The row lock of the upsert is what two deposits at the edge of a limit meet at; the order is fixed.
    INSERT INTO deposits_accumulator AS a (subject_kind, subject, currency, minutes, reserved, settled, returned, counts)
    SELECT kind, key, %(currency)s, ARRAY[floor(extract(epoch FROM now()) / 60)::int], ARRAY[%(amount_minor)s::bigint],
        '{0}', '{0}', '{1}'
    FROM subject WHERE NOT EXISTS (SELECT FROM rule WHERE rule.subject = kind AND rule.room < 0) ORDER BY kind, key
    ON CONFLICT (subject_kind, subject, currency) DO UPDATE
        SET (minutes, reserved, settled, returned, counts) = (
            SELECT c.minutes, c.reserved, c.settled, c.returned, c.counts FROM deposits_counted(
                a.minutes, a.reserved, a.settled, a.returned, a.counts,
                EXCLUDED.minutes, EXCLUDED.reserved, EXCLUDED.settled, EXCLUDED.returned, EXCLUDED.counts,
                floor(extract(epoch FROM now() - %(kept)s::interval) / 60)::int) AS c)
        WHERE NOT EXISTS (SELECT FROM rule WHERE rule.subject = a.subject_kind AND rule.room < (
                SELECT coalesce(sum(CASE rule.measure WHEN 'count' THEN b.n WHEN 'net' THEN b.r + b.s - b.t ELSE b.r + b.s END), 0)
                FROM unnest(a.minutes, a.reserved, a.settled, a.returned, a.counts) AS b (m, r, s, t, n) WHERE b.m >= rule.since))
            -- What the carrier has just refused for its own cap need not be asked again.
            AND coalesce(a.refused_until <= now() OR %(amount_minor)s < a.refused_minor, true)
    RETURNING subject_kind
), phone AS (
    INSERT INTO accounts_playerphone (player_id, number)
    SELECT player_id, %(phone_number)s FROM deposit WHERE proof_needed
    ON CONFLICT (player_id, number) DO NOTHING
), event AS (
    INSERT INTO deposits_depositevent (deposit_id, event, from_state, to_state, actor_kind, actor, detail)
    SELECT id, 'accepted', '', 'received', %(actor_kind)s, %(actor)s, '' FROM deposit
), consent AS (
    INSERT INTO deposits_consent (deposit_id, words, language, channel, rules, own_limits)
    SELECT deposit.id, %(words)s, %(language)s, %(channel)s, %(rule_ids)s::bigint[],
        ARRAY[player.daily_limit_minor, player.weekly_limit_minor, player.monthly_limit_minor]
    FROM deposit, player
)
SELECT player.id AS player_id, player.barred, book.fresh, now() AS asked_at, deposit.id IS NOT NULL AS created, deposit.created_at,
    deposit.proof_needed,
    CASE WHEN (SELECT count(*) FROM counted) < (SELECT count(*) FROM subject)
        THEN deposits_refuse_limit() ELSE false END AS refused
FROM player CROSS JOIN book LEFT JOIN deposit ON true
