-- Accept a deposit: the row, its first event and its limits, or nothing at all. One statement, one transaction.
--
-- No row at all: there is no such player, or the API key may not be used any more. `created` false: the key was used before; or the player
-- is `barred`, for that reason; or the rules are not `fresh`: others apply by now, and the caller works them out again.
-- A limit that would be passed raises SQLSTATE PSL01 and undoes everything.
WITH book AS (
    -- Windows of the calendar were worked out for a stretch of time: whether it is now is for this clock to say.
    SELECT version = %(rulebook)s AND now() >= %(rules_from)s AND now() < %(rules_until)s AS fresh FROM deposits_rulebook WHERE id = 1
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
        next_action_at, lease_owner, counted_on, proof_needed, created_at, updated_at, device)
    SELECT %(id)s, %(reference)s, %(partner_id)s, player.id, %(partner_reference)s, %(return_url)s, %(client)s,
        %(idempotency_key)s, %(idempotency_hash)s, %(request_id)s, %(amount_minor)s, %(currency)s, %(method_type)s,
        %(phone_number)s, %(carrier)s, '', '', '', 'received', '', '', 'authorise', now(), '',
        %(counted_on)s::date, NOT player.verified, now(), now(), %(device)s
    FROM player, book WHERE player.barred = '' AND book.fresh
    ON CONFLICT (client, idempotency_key) DO NOTHING
    RETURNING id, player_id, created_at, proof_needed
), counted AS (
    SELECT deposits_reserve(%(subject_kinds)s::text[], ARRAY(
            SELECT CASE kind WHEN 'player' THEN player.id::text WHEN 'partner' THEN %(partner_id)s::text ELSE %(phone_number)s::text END
            FROM unnest(%(subject_kinds)s::text[]) WITH ORDINALITY AS s (kind, n) ORDER BY n),
        %(currency)s, %(amount_minor)s, ARRAY[player.daily_limit_minor, player.weekly_limit_minor, player.monthly_limit_minor],
        %(rule_subjects)s::text[], %(rule_measures)s::text[], %(rule_owns)s::text[], %(rule_mosts)s::bigint[],
        %(rule_since)s::int[], %(rule_rolls)s::interval[], %(kept)s::interval) AS done
    FROM deposit, player
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
    deposit.proof_needed, (SELECT done FROM counted) AS counted
FROM player CROSS JOIN book LEFT JOIN deposit ON true
