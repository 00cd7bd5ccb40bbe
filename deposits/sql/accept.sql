-- Accept deposits: of each the row, its first event and its limits, or nothing at all. One statement, one transaction, for
-- all that are given; they are all accepted or, where an error is raised, none of them.
--
-- `rules` are those of all of them; each names its own by number, from 1.
-- One row for each, by its id; no row: there is no such player, or the API key may not be used any more. `created` false: the
-- key was used before; or the player is `barred`, for that reason; or the rules are not `fresh`: others apply by now, at
-- `asked_at` (seconds since 1970), and the caller works them out again.
-- A limit that would be passed raises SQLSTATE PSL01 and undoes everything.
WITH patience AS (
    -- How long a lock is waited for; the session's own time where nothing is said.
    SELECT set_config('lock_timeout', coalesce(%(patience)s::text, current_setting('lock_timeout')), true)
), book AS (
    -- Windows of the calendar were worked out for a stretch of time: whether it is now is for this clock to say.
    SELECT one.number, r.*, shared.version = r.version AND now() >= r.valid_from AND now() < r.valid_until AS fresh
    FROM deposits_rulebook AS shared, jsonb_array_elements(%(rules)s::jsonb) WITH ORDINALITY AS one (said, number),
        jsonb_to_record(one.said) AS r (
            version bigint, valid_from timestamptz, valid_until timestamptz, checked_in text[], subject_kinds text[],
            subjects text[], measures text[], owns text[], mosts bigint[], since int[], rolls interval[], ids bigint[])
    WHERE shared.id = 1
), player AS (
    SELECT given.*, book.fresh, book.subject_kinds, book.subjects, book.measures, book.owns, book.mosts, book.since, book.rolls, book.ids,
        found.id AS player_id, found.own_limits, coalesce(nullif(found.bar, ''), cooling.reason, '') AS barred,
        NOT given.assume_proved AND phone.verified_at IS NULL AS unproved
    FROM patience, jsonb_to_recordset(%(deposits)s::jsonb) AS given (
        id uuid, reference text, partner_id bigint, player text, client text, idempotency_key text, idempotency_hash bytea,
        amount_minor bigint, currency text, method_type text, phone_number text, carrier text, counted_on date, rules int,
        actor_kind text, actor text, key_id bigint, assume_proved boolean, partner_reference text, return_url text,
        request_id text, device text, words text, language text, channel text)
    JOIN book ON book.number = given.rules
    -- As many look-ups by index as there are deposits, however few the planner takes the players for.
    CROSS JOIN LATERAL (
        SELECT p.id, p.is_test, ARRAY[p.daily_limit_minor, p.weekly_limit_minor, p.monthly_limit_minor] AS own_limits,
            accounts_bar(p, given.counted_on, book.checked_in) AS bar
        FROM accounts_player AS p WHERE p.partner_id = given.partner_id AND p.external_id = given.player
        LIMIT 1) AS found
    LEFT JOIN LATERAL (
        SELECT verified_at FROM accounts_playerphone
        WHERE player_id = found.id AND number = given.phone_number LIMIT 1) AS phone ON true
    LEFT JOIN LATERAL (
        -- Too many failed attempts of late, by any of these (deposits/velocity.py).
        SELECT 'too_many_requests' AS reason FROM deposits_failedattempts AS f
        WHERE NOT found.is_test AND f.cooling_until > now() AND (f.subject = found.id::text AND f.subject_kind = 'player'
            OR f.subject = given.phone_number AND f.subject_kind = 'phone_number'
            OR f.subject = given.device AND f.subject_kind = 'device')
        LIMIT 1) AS cooling ON true
    -- Whom a test key's deposit made, with an identity that nobody looked at, is nobody to a live key.
    WHERE (NOT found.is_test OR given.assume_proved OR given.key_id IS NULL)
        -- The web recognises a key from memory; whether it may still be used is decided here, by the database's clock.
        AND (given.key_id IS NULL OR (SELECT revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
            FROM accounts_apikey WHERE id = given.key_id))
), deposit AS (
    INSERT INTO deposits_deposit (
        id, reference, partner_id, player_id, partner_reference, return_url, client, idempotency_key,
        idempotency_hash, request_id, amount_minor, currency, method_type, phone_number, carrier,
        carrier_payment_id, authorization_id, one_time_code, state, reason_code, carrier_code, next_step,
        next_action_at, lease_owner, counted_on, proof_needed, created_at, updated_at, device)
    SELECT id, reference, partner_id, player_id, partner_reference, return_url, client, idempotency_key,
        idempotency_hash, request_id, amount_minor, currency, method_type, phone_number, carrier,
        '', '', '', 'received', '', '', 'authorise',
        now(), '', counted_on, phone_number <> '' AND unproved, now(), now(), device
    FROM player WHERE barred = '' AND fresh
    -- In the order in which everybody meets: the same key may be sent to several of us at once.
    ORDER BY client, idempotency_key
    ON CONFLICT (client, idempotency_key) DO NOTHING
    RETURNING id, player_id, phone_number, proof_needed
), counted AS (
    SELECT count(deposits_reserve(p.subject_kinds, ARRAY(
            SELECT CASE kind WHEN 'player' THEN p.player_id::text WHEN 'partner' THEN p.partner_id::text ELSE p.phone_number END
            FROM unnest(p.subject_kinds) WITH ORDINALITY AS s (kind, n) ORDER BY n),
        p.currency, p.amount_minor, p.own_limits, p.subjects, p.measures, p.owns, p.mosts, p.since, p.rolls, %(kept)s::interval)) AS done
    FROM (SELECT player.* FROM deposit JOIN player USING (id) ORDER BY player.partner_id, player.phone_number, player.player_id) AS p
), phone AS (
    INSERT INTO accounts_playerphone (player_id, number)
    SELECT DISTINCT player_id, phone_number FROM deposit WHERE proof_needed
    ON CONFLICT (player_id, number) DO NOTHING
), event AS (
    INSERT INTO deposits_depositevent (deposit_id, event, from_state, to_state, actor_kind, actor, detail)
    SELECT id, 'accepted', '', 'received', player.actor_kind, player.actor, '' FROM deposit JOIN player USING (id)
), consent AS (
    INSERT INTO deposits_consent (deposit_id, words, language, channel, rules, own_limits)
    SELECT id, player.words, player.language, player.channel, player.ids, player.own_limits FROM deposit JOIN player USING (id)
)
SELECT id, player.player_id, player.barred, player.fresh, extract(epoch FROM now())::float8 AS asked_at,
    deposit.id IS NOT NULL AS created, (SELECT done FROM counted) AS counted
FROM player LEFT JOIN deposit USING (id)
