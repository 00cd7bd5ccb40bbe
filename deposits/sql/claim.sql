-- Claim due deposits for one worker: lease, epoch and attempt row, committed before any byte leaves.
--
-- What may already have moved money comes before what has not been sent, otherwise a backlog starves the unknowns.
-- A row whose lease ended while it was `submitting` becomes `unknown`: its worker may have sent it. The end of the
-- lease is the next action time, so that one index finds new work, retries and lost workers alike.
WITH suspect AS (
    -- Twice nothing came of it: it may be what kills its workers. One at a time, so that it takes no second one along;
    -- after five such claims it is not claimed at all but set aside for people.
    SELECT id FROM deposits_deposit
    WHERE state <> 'received' AND next_action_at <= now() AND fruitless BETWEEN 2 AND 4
    ORDER BY next_action_at LIMIT 1 FOR UPDATE SKIP LOCKED
), open AS (
    SELECT id FROM deposits_deposit
    WHERE state <> 'received' AND next_action_at <= now() AND fruitless < 2
    ORDER BY next_action_at LIMIT %(batch)s - (SELECT count(*) FROM suspect) FOR UPDATE SKIP LOCKED
), received AS (
    SELECT id FROM deposits_deposit
    WHERE state = 'received' AND next_action_at <= now()
    ORDER BY next_action_at LIMIT %(batch)s - (SELECT count(*) FROM open) - (SELECT count(*) FROM suspect) FOR UPDATE SKIP LOCKED
), due AS (
    SELECT d.id, d.state AS was,
        deposits_step_of(d.state, d.next_step) AS step
    FROM deposits_deposit AS d WHERE d.id IN (
        SELECT id FROM suspect UNION ALL SELECT id FROM open UNION ALL SELECT id FROM received)
), claimed AS (
    UPDATE deposits_deposit AS d SET
        state = CASE WHEN due.was = 'submitting' THEN 'unknown'
                     WHEN due.step IN ('authorise', 'confirm') THEN 'submitting'
                     ELSE d.state END,
        first_sent_at = CASE WHEN due.step = 'authorise' THEN coalesce(d.first_sent_at, now()) ELSE d.first_sent_at END,
        last_sent_at = CASE WHEN due.step = 'authorise' THEN now() ELSE d.last_sent_at END,
        lease_owner = %(owner)s, lease_epoch = d.lease_epoch + 1, tries = d.tries + 1,
        fruitless = d.fruitless + 1,
        inquiries = CASE WHEN due.step = 'inquire' THEN d.inquiries + 1 ELSE 0 END,
        next_action_at = now() + %(lease)s::interval, updated_at = now()
    FROM due WHERE d.id = due.id
    RETURNING d.*, due.was, due.step
), attempt AS (
    INSERT INTO deposits_attempt (deposit_id, epoch, step, worker)
    SELECT id, lease_epoch, step, %(owner)s FROM claimed
), event AS (
    INSERT INTO deposits_depositevent (deposit_id, event, from_state, to_state, actor_kind, actor, detail)
    SELECT id, CASE WHEN was = 'submitting' THEN 'lease_lost' ELSE 'sending' END, was, state, 'worker', %(owner)s, ''
    FROM claimed WHERE was <> state
)
SELECT claimed.id, claimed.reference, claimed.player_id, claimed.amount_minor, claimed.currency,
    claimed.phone_number, claimed.carrier, claimed.carrier_payment_id, claimed.authorization_id,
    claimed.one_time_code, claimed.code_tries, claimed.proof_needed, claimed.state, claimed.step,
    claimed.lease_epoch, claimed.tries, claimed.inquiries, claimed.not_found_seen, claimed.not_found_first_at, claimed.first_sent_at, claimed.last_sent_at,
    claimed.created_at, claimed.action_expires_at, claimed.reason_code, claimed.request_id, now() AS claimed_at,
    claimed.taken_minor, account.id AS player_account_id
FROM claimed LEFT JOIN accounts_ledgeraccount AS account
    ON account.kind = 'player' AND account.player_id = claimed.player_id AND account.currency = claimed.currency
    AND account.carrier = ''
