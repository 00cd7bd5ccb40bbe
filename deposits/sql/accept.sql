-- Accept a deposit: the row, its first event and its limits, or nothing at all. One statement, one transaction.
--
-- No row at all: there is no such player, or the API key may not be used any more. `created` false: the key was used before, or `bar` says
-- why the player may not deposit; the caller reads what stands. A limit that would be passed raises SQLSTATE PSL01 and undoes everything.
WITH player AS (
    SELECT p.id, p.weekly_limit_minor, accounts_bar(p, %(counted_on)s::date, %(checked_in)s) AS bar, p.barred_until,
        phone.verified_at IS NOT NULL OR %(assume_proved)s AS verified
    FROM accounts_player AS p
    LEFT JOIN accounts_playerphone AS phone ON phone.player_id = p.id AND phone.number = %(phone_number)s
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
        next_action_at, lease_owner, counted_on, proof_needed)
    SELECT %(id)s, %(reference)s, %(partner_id)s, player.id, %(partner_reference)s, %(return_url)s, %(client)s,
        %(idempotency_key)s, %(idempotency_hash)s, %(request_id)s, %(amount_minor)s, %(currency)s, %(method_type)s,
        %(phone_number)s, %(carrier)s, '', '', '', 'received', '', '', 'authorise', now(), '',
        %(counted_on)s::date, NOT player.verified
    FROM player WHERE player.bar = ''
    ON CONFLICT (client, idempotency_key) DO NOTHING
    RETURNING id, player_id, created_at, proof_needed
), cap AS (
    SELECT 'phone_month' AS kind, %(phone_number)s::text AS subject,
        date_trunc('month', %(counted_on)s::date)::date AS period_start, %(monthly_cap_minor)s::bigint AS most
    FROM deposit
    UNION ALL
    SELECT 'player_week', player.id::text, date_trunc('week', %(counted_on)s::date)::date, player.weekly_limit_minor
    FROM deposit, player
), counted AS (
    -- The row lock of the upsert is what two deposits at the edge of a limit meet at; the order is fixed.
    INSERT INTO deposits_limitusage AS usage (subject_kind, subject, currency, period_start, used_minor)
    SELECT kind, subject, %(currency)s, period_start, %(amount_minor)s FROM cap
    WHERE most IS NULL OR %(amount_minor)s <= most ORDER BY kind, subject
    ON CONFLICT (subject_kind, subject, currency, period_start) DO UPDATE
        SET used_minor = usage.used_minor + EXCLUDED.used_minor
        WHERE coalesce(usage.used_minor + EXCLUDED.used_minor <= (
            SELECT most FROM cap WHERE cap.kind = usage.subject_kind), true)
    RETURNING subject_kind
), phone AS (
    INSERT INTO accounts_playerphone (player_id, number)
    SELECT player_id, %(phone_number)s FROM deposit WHERE proof_needed
    ON CONFLICT (player_id, number) DO NOTHING
), event AS (
    INSERT INTO deposits_depositevent (deposit_id, event, from_state, to_state, actor_kind, actor, detail)
    SELECT id, 'accepted', '', 'received', %(actor_kind)s, %(actor)s, '' FROM deposit
)
SELECT player.id AS player_id, player.bar, player.barred_until, deposit.id IS NOT NULL AS created, deposit.created_at,
    deposit.proof_needed,
    CASE WHEN (SELECT count(*) FROM counted) < (SELECT count(*) FROM cap)
        THEN deposits_refuse_limit() ELSE false END AS refused
FROM player LEFT JOIN deposit ON true
