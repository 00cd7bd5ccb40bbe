-- Claim due refunds for one worker: lease, epoch and attempt row, committed before any byte leaves.
--
-- As claim.sql does for deposits, and rare: there is no breaker to obey, each waits by itself. A row whose lease ended
-- while it was `submitting` becomes `unknown`: its worker may have sent it. What its carrier has taken back meanwhile
-- is not sent; the sweeper gives it up.
WITH room AS (
    SELECT * FROM unnest(%(carriers)s::text[], %(rooms)s::int[]) AS r (carrier, free) WHERE r.free > 0
), due AS (
    SELECT r.id, r.fruitless, r.next_action_at, room.free,
        row_number() OVER (PARTITION BY r.carrier ORDER BY r.next_action_at) AS place
    FROM deposits_refund AS r JOIN room USING (carrier) JOIN deposits_deposit AS d ON d.id = r.deposit_id
    WHERE r.next_action_at <= now() AND r.state = ANY (%(states)s) AND r.fruitless < 5
        AND (r.state <> 'approved' OR r.in_doubt OR d.reversed_at IS NULL)
), chosen AS (
    -- Twice nothing came of it: it may be what kills its workers, so that it goes alone.
    SELECT id FROM (SELECT id FROM due WHERE fruitless >= 2 ORDER BY next_action_at LIMIT 1) AS suspect
    UNION ALL
    SELECT id FROM (
        SELECT id FROM due WHERE fruitless < 2 AND place <= free ORDER BY next_action_at LIMIT %(batch)s) AS others
), held AS MATERIALIZED (
    SELECT r.id, r.state AS was, CASE WHEN r.state = 'approved' THEN 'refund' ELSE 'inquire' END AS step
    FROM deposits_refund AS r JOIN chosen USING (id)
    WHERE r.next_action_at <= now() AND r.state = ANY (%(states)s)
    ORDER BY r.id FOR UPDATE OF r SKIP LOCKED
), claimed AS (
    UPDATE deposits_refund AS r SET
        state = CASE held.was WHEN 'submitting' THEN 'unknown' WHEN 'approved' THEN 'submitting' ELSE r.state END,
        in_doubt = r.in_doubt OR held.was = 'submitting',
        first_sent_at = CASE WHEN held.step = 'refund' THEN coalesce(r.first_sent_at, now()) ELSE r.first_sent_at END,
        last_sent_at = CASE WHEN held.step = 'refund' THEN now() ELSE r.last_sent_at END,
        lease_owner = %(owner)s, lease_epoch = r.lease_epoch + 1, tries = r.tries + 1, fruitless = r.fruitless + 1,
        inquiries = CASE WHEN held.step = 'inquire' THEN r.inquiries + (r.lease_owner = '')::int ELSE 0 END,
        next_action_at = now() + %(lease)s::interval, updated_at = now()
    FROM held WHERE r.id = held.id
    RETURNING r.*, held.was, held.step
), attempt AS (
    INSERT INTO deposits_refundattempt (refund_id, epoch, step, worker)
    SELECT id, lease_epoch, step, %(owner)s FROM claimed
), event AS (
    INSERT INTO deposits_refundevent (refund_id, event, from_state, to_state, actor_kind, actor, detail)
    SELECT id, CASE WHEN was = 'submitting' THEN 'lease_lost' ELSE 'sending' END, was, state, 'worker', %(owner)s, ''
    FROM claimed WHERE was <> state
)
SELECT claimed.id, claimed.reference, claimed.deposit_id, claimed.carrier, claimed.amount_minor, claimed.currency,
    claimed.state, claimed.step, claimed.lease_epoch, claimed.tries, claimed.inquiries, claimed.in_doubt,
    claimed.not_found_seen, claimed.not_found_first_at, claimed.first_sent_at, claimed.last_sent_at,
    claimed.carrier_refund_id, claimed.carrier_code, claimed.approved_at, claimed.request_id, now() AS claimed_at,
    d.reference AS deposit_reference, d.carrier_payment_id AS payment_id, d.phone_number,
    coalesce(d.taken_minor, d.amount_minor) AS paid_minor
FROM claimed JOIN deposits_deposit AS d ON d.id = claimed.deposit_id
