-- Record what a batch of attempts at refunds came to: attempt, state, event and wake-up, fenced by the lease epoch.
--
-- As record.sql does for deposits: every answer is kept on its attempt, even one that comes too late to count. Returns
-- the refunds that moved, and by the answer of which epoch.
WITH given AS (
    SELECT * FROM jsonb_to_recordset(%(results)s::jsonb) AS r (
        id uuid, epoch bigint, event text, to_state text, carrier_code text, refund_id text, next_in_s float8,
        not_found boolean, doubtful boolean, final boolean, outcome text, detail text, exchanges jsonb)
), attempt AS (
    UPDATE deposits_refundattempt AS a SET finished_at = now(), outcome = given.outcome, detail = given.detail,
        exchanges = given.exchanges
    FROM given WHERE a.refund_id = given.id AND a.epoch = given.epoch
), held AS MATERIALIZED (
    SELECT r.id, r.lease_epoch AS epoch, r.state AS was FROM deposits_refund AS r
    JOIN given ON given.id = r.id AND given.epoch = r.lease_epoch
    ORDER BY r.id FOR UPDATE OF r
), moved AS (
    UPDATE deposits_refund AS r SET
        state = given.to_state, carrier_code = given.carrier_code,
        carrier_refund_id = coalesce(nullif(given.refund_id, ''), r.carrier_refund_id),
        next_action_at = now() + make_interval(secs => given.next_in_s),
        in_doubt = r.in_doubt OR given.doubtful,
        -- Silence takes nothing back of what was heard before it; any other answer does.
        not_found_seen = CASE WHEN given.not_found THEN r.not_found_seen + 1
            WHEN given.event = 'silence' THEN r.not_found_seen ELSE 0 END,
        not_found_first_at = CASE WHEN given.not_found THEN coalesce(r.not_found_first_at, now())
            WHEN given.event = 'silence' THEN r.not_found_first_at END,
        lease_owner = '', fruitless = 0, updated_at = now(),
        resolved_at = CASE WHEN given.final THEN now() END
    FROM given JOIN held USING (id, epoch)
    WHERE r.id = given.id
    RETURNING r.id, r.deposit_id, r.state, r.carrier, held.epoch, held.was, given.event, given.detail
), event AS (
    INSERT INTO deposits_refundevent (refund_id, event, from_state, to_state, actor_kind, actor, detail)
    SELECT id, event, was, state,
        CASE WHEN event IN ('silence', 'not_sent', 'not_found', 'resent', 'overdue', 'given_up') THEN 'worker'
            ELSE 'carrier' END,
        carrier, detail FROM moved
    WHERE was <> state OR event NOT IN ('silence', 'pending', 'not_found')
)
SELECT moved.id, moved.epoch, pg_notify('deposits', d.reference)
FROM moved JOIN deposits_deposit AS d ON d.id = moved.deposit_id
