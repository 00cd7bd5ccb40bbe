-- Record what a batch of attempts came to: attempt, state, event, limits and wake-up, fenced by the lease epoch.
--
-- Every answer is kept on its attempt, even one that comes too late to count. A deposit moves only while the epoch of
-- the attempt is still its own: whoever claimed it since has taken over. Returns the deposits that moved.
WITH given AS (
    SELECT * FROM jsonb_to_recordset(%(results)s::jsonb) AS r (
        id uuid, epoch bigint, event text, to_state text, reason_code text, carrier_code text, payment_id text,
        authorization_id text, action_expires_at timestamptz, code_tries int, next_step text, next_in_s float8,
        not_found boolean, taken_minor bigint, verified boolean, nothing_taken boolean, final boolean,
        outcome text, detail text, exchanges jsonb)
), attempt AS (
    UPDATE deposits_attempt AS a SET finished_at = now(), outcome = given.outcome, detail = given.detail,
        exchanges = given.exchanges
    FROM given WHERE a.deposit_id = given.id AND a.epoch = given.epoch
), held AS MATERIALIZED (
    SELECT d.id, d.state AS was FROM deposits_deposit AS d JOIN given ON given.id = d.id AND given.epoch = d.lease_epoch
    ORDER BY d.id FOR UPDATE OF d
), moved AS (
    UPDATE deposits_deposit AS d SET
        state = given.to_state, reason_code = given.reason_code,
        -- Why an ended deposit ended stays, whatever is heard of it later.
        carrier_code = CASE WHEN d.resolved_at IS NULL THEN given.carrier_code ELSE d.carrier_code END,
        carrier_payment_id = coalesce(nullif(given.payment_id, ''), d.carrier_payment_id),
        authorization_id = coalesce(nullif(given.authorization_id, ''), d.authorization_id),
        one_time_code = '', code_tries = given.code_tries, action_expires_at = given.action_expires_at,
        taken_minor = given.taken_minor, next_step = given.next_step,
        -- A notification that arrived while we were calling may know more than this answer: ask again at once.
        next_action_at = CASE WHEN d.woken THEN now() ELSE now() + make_interval(secs => given.next_in_s) END,
        woken = false,
        -- What certainly never arrived may still go by another route; what was seen is the retry budget's.
        bound = d.bound OR given.event NOT IN ('not_sent', 'not_done', 'refused'),
        sends = d.sends + (given.event <> 'not_sent')::int,
        not_found_seen = CASE WHEN given.not_found THEN d.not_found_seen + 1 ELSE 0 END,
        not_found_first_at = CASE WHEN given.not_found THEN coalesce(d.not_found_first_at, now()) END,
        lease_owner = '', fruitless = 0, updated_at = now(),
        resolved_at = CASE WHEN given.final THEN coalesce(d.resolved_at, now()) END
    FROM given JOIN held ON held.id = given.id
    WHERE d.id = given.id
    RETURNING d.id, d.reference, d.player_id, d.phone_number, d.currency, d.amount_minor, d.counted_on, d.state,
        held.was, given.event, given.detail, given.outcome, given.nothing_taken, given.verified, d.carrier
), event AS (
    INSERT INTO deposits_depositevent (deposit_id, event, from_state, to_state, actor_kind, actor, detail)
    SELECT id, event, was, state,
        CASE WHEN event IN ('silence', 'not_sent', 'not_found', 'resent', 'overdue', 'set_aside', 'barred') THEN 'worker' ELSE 'carrier' END,
        carrier, detail FROM moved
    WHERE was <> state OR event NOT IN ('silence', 'pending', 'not_found')
), released AS (
    UPDATE deposits_limitusage AS usage SET used_minor = usage.used_minor - freed.amount
    FROM (
        SELECT 'phone_month' AS kind, phone_number AS subject, currency,
            date_trunc('month', counted_on)::date AS period_start, sum(amount_minor) AS amount
        FROM moved WHERE nothing_taken GROUP BY 1, 2, 3, 4
        UNION ALL
        SELECT 'player_week', player_id::text, currency, date_trunc('week', counted_on)::date, sum(amount_minor)
        FROM moved WHERE nothing_taken GROUP BY 1, 2, 3, 4
    ) AS freed
    WHERE usage.subject_kind = freed.kind AND usage.subject = freed.subject AND usage.currency = freed.currency
        AND usage.period_start = freed.period_start
), proved AS (
    UPDATE accounts_playerphone AS phone SET verified_at = now()
    FROM moved WHERE moved.verified AND phone.player_id = moved.player_id AND phone.number = moved.phone_number
        AND phone.verified_at IS NULL
)
SELECT id, reference, state, was, pg_notify('deposits', reference) FROM moved
