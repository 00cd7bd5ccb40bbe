-- Record what a batch of attempts came to: attempt, state, event, limits and wake-up, fenced by the lease epoch.
--
-- Every answer is kept on its attempt, even one that comes too late to count. A deposit moves only while the epoch of
-- the attempt is still its own: whoever claimed it since has taken over. That may be the same worker, so that a batch holds
-- both answers. Returns the deposits that moved, and by the answer of which epoch.
WITH given AS (
    SELECT * FROM jsonb_to_recordset(%(results)s::jsonb) AS r (
        id uuid, epoch bigint, event text, to_state text, reason_code text, carrier_code text, payment_id text,
        authorization_id text, consent_id text, action_url text, credential text, approval_spent boolean, action_expires_at timestamptz, code_tries int, next_step text, next_in_s float8,
        not_found boolean, taken_minor bigint, verified boolean, nothing_taken boolean, final boolean,
        outcome text, detail text, exchanges jsonb)
), attempt AS (
    UPDATE deposits_attempt AS a SET finished_at = now(), outcome = given.outcome, detail = given.detail,
        exchanges = given.exchanges
    FROM given WHERE a.deposit_id = given.id AND a.epoch = given.epoch
), held AS MATERIALIZED (
    SELECT d.id, d.lease_epoch AS epoch, d.state AS was FROM deposits_deposit AS d JOIN given ON given.id = d.id AND given.epoch = d.lease_epoch
    ORDER BY d.id FOR UPDATE OF d
), moved AS (
    UPDATE deposits_deposit AS d SET
        state = given.to_state, reason_code = given.reason_code,
        -- Why an ended deposit ended stays, whatever is heard of it later.
        carrier_code = CASE WHEN d.resolved_at IS NULL THEN given.carrier_code ELSE d.carrier_code END,
        carrier_payment_id = coalesce(nullif(given.payment_id, ''), d.carrier_payment_id),
        authorization_id = coalesce(nullif(given.authorization_id, ''), d.authorization_id),
        consent_id = coalesce(nullif(given.consent_id, ''), d.consent_id),
        action_url = coalesce(nullif(given.action_url, ''), d.action_url),
        -- What an approval is good for is kept no longer than it is needed: a payment that is known, or an end, needs none.
        approval_code = CASE WHEN given.final OR given.approval_spent OR given.payment_id <> '' THEN ''
            ELSE d.approval_code END,
        credential = CASE WHEN given.final OR given.payment_id <> '' THEN '' WHEN given.approval_spent
            THEN given.credential ELSE d.credential END,
        one_time_code = '', code_tries = given.code_tries, action_expires_at = given.action_expires_at,
        taken_minor = given.taken_minor, next_step = given.next_step,
        -- A notification that arrived while we were calling may know more than this answer: ask again at once.
        next_action_at = CASE WHEN d.woken THEN now() ELSE now() + make_interval(secs => given.next_in_s) END,
        woken = false,
        -- What certainly never arrived may still go by another route; what was seen is the retry budget's.
        bound = d.bound OR given.event NOT IN ('not_sent', 'not_done', 'refused'),
        sends = d.sends + (given.event <> 'not_sent')::int,
        -- Silence takes nothing back of what was heard before it; any other answer does.
        not_found_seen = CASE WHEN given.not_found THEN d.not_found_seen + 1
            WHEN given.event = 'silence' THEN d.not_found_seen ELSE 0 END,
        not_found_first_at = CASE WHEN given.not_found THEN coalesce(d.not_found_first_at, now())
            WHEN given.event = 'silence' THEN d.not_found_first_at END,
        lease_owner = '', fruitless = 0, updated_at = now(),
        resolved_at = CASE WHEN given.final THEN coalesce(d.resolved_at, now()) END
    FROM given JOIN held USING (id, epoch)
    WHERE d.id = given.id
    RETURNING d.id, d.reference, d.partner_id, d.player_id, d.phone_number, d.currency, d.amount_minor, d.created_at, d.state,
        held.epoch, held.was, given.event, given.detail, given.outcome, given.nothing_taken, given.verified, d.carrier
), event AS (
    INSERT INTO deposits_depositevent (deposit_id, event, from_state, to_state, actor_kind, actor, detail)
    SELECT id, event, was, state,
        CASE WHEN event IN ('silence', 'not_sent', 'not_found', 'resent', 'overdue', 'set_aside', 'barred') THEN 'worker' ELSE 'carrier' END,
        carrier, detail FROM moved
    WHERE was <> state OR event NOT IN ('silence', 'pending', 'not_found')
), change AS (
    -- What was reserved is settled by a credit and given back where certainly nothing was taken; unknown keeps it.
    SELECT s.kind, s.key, moved.currency,
        floor(extract(epoch FROM CASE WHEN moved.was = 'credited' THEN now() ELSE moved.created_at END) / 60)::int AS minute,
        CASE WHEN moved.was = 'credited' THEN 0 ELSE -moved.amount_minor END AS reserved,
        CASE WHEN moved.nothing_taken OR moved.was = 'credited' THEN 0 ELSE moved.amount_minor END AS settled,
        CASE WHEN moved.was = 'credited' THEN moved.amount_minor ELSE 0 END AS returned,
        CASE WHEN moved.nothing_taken THEN -1 ELSE 0 END AS number
    FROM moved CROSS JOIN LATERAL (VALUES ('partner', moved.partner_id::text), ('phone_number', moved.phone_number),
        ('player', moved.player_id::text)) AS s (kind, key)
    WHERE s.key <> '' AND (moved.nothing_taken OR moved.state = 'credited' AND (moved.was <> 'credited' OR moved.event = 'reversed'))
), changes AS (
    SELECT kind, key, currency, array_agg(minute) AS minutes, array_agg(reserved) AS reserved, array_agg(settled) AS settled,
        array_agg(returned) AS returned, array_agg(number) AS numbers
    FROM change GROUP BY kind, key, currency ORDER BY kind, key, currency
), locked AS MATERIALIZED (
    -- In the order in which everybody locks them.
    SELECT found.id, c.minutes, c.reserved, c.settled, c.returned, c.numbers FROM changes AS c CROSS JOIN LATERAL (
        SELECT a.id FROM deposits_accumulator AS a
        WHERE a.subject_kind = c.kind AND a.subject = c.key AND a.currency = c.currency FOR UPDATE) AS found
), counted AS (
    UPDATE deposits_accumulator AS a SET (minutes, reserved, settled, returned, counts) = (
        SELECT c.minutes, c.reserved, c.settled, c.returned, c.counts FROM deposits_counted(
            a.minutes, a.reserved, a.settled, a.returned, a.counts,
            locked.minutes, locked.reserved, locked.settled, locked.returned, locked.numbers,
            floor(extract(epoch FROM now() - %(kept)s::interval) / 60)::int) AS c)
    FROM locked WHERE a.id = locked.id
), proved AS (
    UPDATE accounts_playerphone AS phone SET verified_at = now()
    FROM moved WHERE moved.verified AND phone.player_id = moved.player_id AND phone.number = moved.phone_number
        AND phone.verified_at IS NULL
)
SELECT id, epoch, pg_notify('deposits', reference) FROM moved
