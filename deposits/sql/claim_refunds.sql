-- Claim due refunds for one worker: lease, epoch and attempt row, committed before any byte leaves.
--
-- As claim.sql does for deposits. One breaker for each carrier holds back what is to be sent; what may have been sent is
-- asked about all the same. A row whose lease ended while it was `submitting` becomes `unknown`: its worker may have sent
-- it. What its carrier has taken back meanwhile is not sent; the sweeper gives it up.
WITH room AS (
    SELECT * FROM unnest(%(carriers)s::text[], %(rooms)s::int[]) AS r (carrier, free) WHERE r.free > 0
), shut AS (
    SELECT carrier FROM deposits_breaker
    WHERE carrier = ANY (%(carriers)s) AND operation = 'refund' AND (state <> 'closed' OR paused_until > now())
), probe AS (
    -- An open breaker lets one refund try, now and then: whoever comes first moves the time on for all.
    UPDATE deposits_breaker AS b SET state = 'half_open', probe_at = now() + %(probe_every)s::interval
    WHERE b.carrier IN (SELECT carrier FROM room) AND b.operation = 'refund' AND b.state <> 'closed' AND NOT b.held
        AND b.probe_at <= now() AND coalesce(b.paused_until <= now(), true)
        AND EXISTS (SELECT FROM deposits_refund AS r
            WHERE r.carrier = b.carrier AND r.state = 'approved' AND r.next_action_at <= now())
    RETURNING b.carrier
), due AS (
    SELECT r.id, r.carrier, r.fruitless, r.next_action_at, room.free, r.state = 'approved' AS sends
    FROM deposits_refund AS r JOIN room USING (carrier) JOIN deposits_deposit AS d ON d.id = r.deposit_id
    WHERE r.next_action_at <= now() AND r.state = ANY (%(states)s) AND r.fruitless < 5
        AND (r.state <> 'approved' OR r.in_doubt OR d.reversed_at IS NULL)
), allowed AS (
    SELECT due.*, row_number() OVER (PARTITION BY carrier ORDER BY next_action_at) AS place FROM due
    WHERE NOT sends OR carrier NOT IN (SELECT carrier FROM shut)
), probing AS (
    SELECT DISTINCT ON (carrier) id FROM due JOIN probe USING (carrier) WHERE sends ORDER BY carrier, next_action_at
), chosen AS (
    -- Twice nothing came of it: it may be what kills its workers, so that it goes alone.
    SELECT id FROM (SELECT id FROM allowed WHERE fruitless >= 2 ORDER BY next_action_at LIMIT 1) AS suspect
    UNION ALL
    SELECT id FROM (
        SELECT id FROM allowed WHERE fruitless < 2 AND place <= free ORDER BY next_action_at LIMIT %(batch)s) AS others
    UNION ALL
    SELECT id FROM probing
), held AS MATERIALIZED (
    SELECT r.id, r.state AS was, CASE WHEN r.state = 'approved' THEN 'refund' ELSE 'inquire' END AS step,
        r.id IN (SELECT id FROM probing) AS probe
    FROM deposits_refund AS r JOIN chosen USING (id)
    WHERE r.next_action_at <= now() AND r.state = ANY (%(states)s)
    ORDER BY r.id FOR UPDATE OF r SKIP LOCKED
), claimed AS (
    UPDATE deposits_refund AS r SET
        state = CASE held.was WHEN 'submitting' THEN 'unknown' WHEN 'approved' THEN 'submitting' ELSE r.state END,
        in_doubt = r.in_doubt OR held.was = 'submitting',
        first_sent_at = CASE WHEN held.step = 'refund' THEN coalesce(r.first_sent_at, now()) ELSE r.first_sent_at END,
        last_sent_at = CASE WHEN held.step = 'refund' THEN now() ELSE r.last_sent_at END,
        -- What was not found before it was sent again says nothing about this send.
        not_found_first_at = CASE WHEN held.step <> 'refund' THEN r.not_found_first_at END,
        lease_owner = %(owner)s, lease_epoch = r.lease_epoch + 1, tries = r.tries + 1, fruitless = r.fruitless + 1,
        inquiries = CASE WHEN held.step = 'inquire' THEN r.inquiries + (r.lease_owner = '')::int ELSE 0 END,
        next_action_at = now() + %(lease)s::interval, updated_at = now()
    FROM held WHERE r.id = held.id
    RETURNING r.*, held.was, held.step, held.probe
), attempt AS (
    INSERT INTO deposits_refundattempt (refund_id, epoch, step, worker)
    SELECT id, lease_epoch, step, %(owner)s FROM claimed
), event AS (
    INSERT INTO deposits_refundevent (refund_id, event, from_state, to_state, actor_kind, actor, detail)
    SELECT id, CASE WHEN was = 'submitting' THEN 'lease_lost' ELSE 'sending' END, was, state, 'worker', %(owner)s, ''
    FROM claimed WHERE was <> state
)
SELECT claimed.id, claimed.reference, claimed.deposit_id, claimed.carrier, claimed.amount_minor, claimed.currency,
    claimed.state, claimed.step, claimed.probe, claimed.lease_epoch, claimed.tries, claimed.inquiries, claimed.in_doubt,
    claimed.not_found_seen, claimed.not_found_first_at, claimed.first_sent_at, claimed.last_sent_at,
    claimed.carrier_refund_id, claimed.carrier_code, claimed.approved_at, claimed.request_id, now() AS claimed_at,
    d.reference AS deposit_reference, d.carrier_payment_id AS payment_id, d.phone_number,
    coalesce(d.taken_minor, d.amount_minor) AS paid_minor
FROM claimed JOIN deposits_deposit AS d ON d.id = claimed.deposit_id
