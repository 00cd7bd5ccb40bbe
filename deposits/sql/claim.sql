-- Claim due deposits for one worker: lease, epoch and attempt row, committed before any byte leaves.
--
-- `carriers` and `rooms`: how many conversations this worker may begin with each carrier. What may already have moved
-- money comes before what has not been sent, otherwise a backlog starves the unknowns. A row whose lease ended while
-- it was `submitting` becomes `unknown`: its worker may have sent it. The end of the lease is the next action time, so
-- that one index finds new work, retries and lost workers alike. `states`: what else than `received` this code can go
-- on with; a row in a state that only newer code knows is left to newer code.
WITH room AS (
    SELECT r.carrier, r.free, (
        -- The retry budget: what a carrier has already seen is repeated for a tenth of its first calls at most.
        SELECT b.minute_started_at > now() - %(minute)s::interval
            AND b.repeats >= greatest(%(repeats_always)s, b.first_calls / 10)
        FROM deposits_breaker AS b WHERE b.carrier = r.carrier AND b.operation = 'authorise') AS budget_spent
    FROM unnest(%(carriers)s::text[], %(rooms)s::int[]) AS r (carrier, free) WHERE r.free > 0
), shut AS (
    SELECT carrier, operation FROM deposits_breaker
    WHERE carrier = ANY (%(carriers)s) AND (state <> 'closed' OR paused_until > now())
), probe AS (
    -- An open breaker lets one deposit try, now and then: whoever comes first moves the time on for all.
    UPDATE deposits_breaker AS b SET state = 'half_open', probe_at = now() + %(probe_every)s::interval
    WHERE b.carrier = ANY (%(carriers)s) AND b.state <> 'closed' AND NOT b.held AND b.probe_at <= now()
        AND coalesce(b.paused_until <= now(), true) AND CASE WHEN b.operation = 'authorise'
            THEN EXISTS (SELECT FROM deposits_deposit AS d
                WHERE d.carrier = b.carrier AND d.state = 'received' AND d.next_action_at <= now())
            ELSE EXISTS (SELECT FROM deposits_deposit AS d
                WHERE d.carrier = b.carrier AND d.state <> 'received' AND d.next_action_at <= now()
                    AND d.state = ANY (%(states)s) AND deposits_step_of(d.state, d.next_step) = b.operation) END
    RETURNING b.carrier, b.operation
), probing AS (
    SELECT found.id FROM probe CROSS JOIN LATERAL (
        SELECT d.id FROM deposits_deposit AS d
        WHERE probe.operation = 'authorise' AND d.carrier = probe.carrier AND d.state = 'received'
            AND d.next_action_at <= now() AND d.fruitless < 5
        ORDER BY d.next_action_at LIMIT 1 FOR UPDATE SKIP LOCKED) AS found
    UNION ALL
    SELECT found.id FROM probe CROSS JOIN LATERAL (
        SELECT d.id FROM deposits_deposit AS d
        WHERE probe.operation <> 'authorise' AND d.carrier = probe.carrier AND d.state <> 'received'
            AND d.state = ANY (%(states)s) AND d.next_action_at <= now()
            AND deposits_step_of(d.state, d.next_step) = probe.operation AND d.fruitless < 5
        ORDER BY d.next_action_at LIMIT 1 FOR UPDATE SKIP LOCKED) AS found
), suspect AS (
    -- Twice nothing came of it: it may be what kills its workers. One at a time, so that it takes no second one along:
    -- of all carriers' the one that has waited longest. After five such claims it is not claimed at all but set aside
    -- for people.
    SELECT found.id, room.carrier FROM room CROSS JOIN LATERAL (
        SELECT d.id, d.next_action_at FROM deposits_deposit AS d
        WHERE d.carrier = room.carrier AND d.state <> 'received' AND d.next_action_at <= now()
            AND d.state = ANY (%(states)s) AND d.fruitless BETWEEN 2 AND 4
            AND NOT EXISTS (SELECT FROM shut
                WHERE shut.carrier = d.carrier AND shut.operation = deposits_step_of(d.state, d.next_step))
        ORDER BY d.next_action_at LIMIT 1 FOR UPDATE SKIP LOCKED) AS found
    ORDER BY found.next_action_at LIMIT 1
), open AS (
    SELECT found.id, room.carrier FROM room CROSS JOIN LATERAL (
        SELECT d.id, d.next_action_at FROM deposits_deposit AS d
        WHERE d.carrier = room.carrier AND d.state <> 'received' AND d.next_action_at <= now()
            AND d.state = ANY (%(states)s) AND d.fruitless < 2
            AND NOT EXISTS (SELECT FROM shut
                WHERE shut.carrier = d.carrier AND shut.operation = deposits_step_of(d.state, d.next_step))
        ORDER BY d.next_action_at LIMIT least(room.free, %(batch)s) FOR UPDATE SKIP LOCKED) AS found
    ORDER BY found.next_action_at LIMIT %(batch)s
), received AS (
    SELECT found.id FROM room CROSS JOIN LATERAL (
        SELECT d.id, d.next_action_at FROM deposits_deposit AS d
        WHERE d.carrier = room.carrier AND d.state = 'received' AND d.next_action_at <= now()
            AND (d.sends = 0 OR room.budget_spent IS NOT TRUE)
        ORDER BY d.next_action_at
        LIMIT greatest(least(
            room.free - (SELECT count(*) FROM open WHERE open.carrier = room.carrier),
            %(batch)s - (SELECT count(*) FROM open)), 0)
        FOR UPDATE SKIP LOCKED) AS found
    WHERE NOT EXISTS (SELECT FROM shut WHERE shut.carrier = room.carrier AND shut.operation = 'authorise')
    ORDER BY found.next_action_at LIMIT %(batch)s - (SELECT count(*) FROM open)
), chosen_step AS (
    SELECT d.id, d.player_id, d.counted_on, d.bound, d.state AS was, chosen.probe,
        CASE WHEN d.state = 'received' THEN 'authorise' ELSE deposits_step_of(d.state, d.next_step) END AS step
    FROM deposits_deposit AS d JOIN (
        SELECT id, false AS probe FROM suspect UNION ALL SELECT id, false FROM open UNION ALL SELECT id, false FROM received
        UNION ALL SELECT id, true FROM probing) AS chosen USING (id)
), due AS (
    -- Whoever may not deposit any more is not charged: what a carrier may have is voided there, and what certainly
    -- nobody has is not sent (actions/drain.py).
    SELECT found.id, found.was, found.probe, coalesce(player.bar, '') AS bar,
        coalesce(player.register_due AND found.step = 'authorise' AND NOT found.bound, false) AS register_due,
        CASE WHEN player.bar <> '' AND (found.bound OR found.step = 'confirm') THEN 'cancel' ELSE found.step END AS step
    FROM chosen_step AS found LEFT JOIN LATERAL (
        SELECT accounts_bar(p, found.counted_on, %(checked_in)s) AS bar,
            -- The national register's last answer does not count any more (actions/register_check.py).
            p.jurisdiction = ANY (%(registered_in)s) AND coalesce(p.register_fresh_until <= now(), true) AS register_due
        FROM accounts_player AS p
        WHERE p.id = found.player_id AND found.step <> 'inquire') AS player ON true
), claimed AS (
    UPDATE deposits_deposit AS d SET
        state = CASE WHEN due.was = 'submitting' THEN 'unknown'
                     WHEN due.step IN ('authorise', 'confirm') OR due.was = 'received' THEN 'submitting'
                     ELSE d.state END,
        first_sent_at = CASE WHEN due.step = 'authorise' THEN coalesce(d.first_sent_at, now()) ELSE d.first_sent_at END,
        -- A confirmation moves money as well: from here on it may be on its way. And a cancel of what the carrier has
        -- never named sends our reference: it is looked for from here on.
        last_sent_at = CASE WHEN due.step IN ('authorise', 'confirm')
            OR due.step = 'cancel' AND d.carrier_payment_id = '' AND d.consent_id = ''
            THEN now() ELSE d.last_sent_at END,
        -- What was not found before it was sent again says nothing about this send.
        not_found_first_at = CASE WHEN due.step = 'inquire' THEN d.not_found_first_at END,
        -- Its worker has not said that nothing left: no other route may take it from here on.
        bound = d.bound OR due.was = 'submitting', sends = d.sends + (due.was = 'submitting')::int,
        lease_owner = %(owner)s, lease_epoch = d.lease_epoch + 1, tries = d.tries + 1,
        fruitless = d.fruitless + 1,
        -- An inquiry whose worker died has not been made: it does not count towards longer waits.
        inquiries = CASE WHEN due.step = 'inquire' THEN d.inquiries + (d.lease_owner = '')::int ELSE 0 END,
        next_action_at = now() + %(lease)s::interval, updated_at = now()
    FROM due WHERE d.id = due.id
    RETURNING d.*, due.was, due.step, due.probe, due.bar, due.register_due
), attempt AS (
    INSERT INTO deposits_attempt (deposit_id, epoch, step, worker, carrier, decision)
    SELECT id, lease_epoch, step, %(owner)s, carrier, concat_ws('; ', nullif(route_reason, ''),
        CASE WHEN probe THEN 'tries whether the carrier is back, for its breaker is open' END)
    FROM claimed
), event AS (
    INSERT INTO deposits_depositevent (deposit_id, event, from_state, to_state, actor_kind, actor, detail)
    SELECT id, CASE WHEN was = 'submitting' THEN 'lease_lost' ELSE 'sending' END, was, state, 'worker', %(owner)s, ''
    FROM claimed WHERE was <> state
)
SELECT claimed.id, claimed.reference, claimed.partner_id, claimed.player_id, claimed.amount_minor, claimed.currency, claimed.method_type,
    claimed.phone_number, claimed.carrier, claimed.carrier_payment_id, claimed.authorization_id,
    claimed.one_time_code, claimed.consent_id, claimed.approval_code, claimed.credential,
    claimed.code_tries, claimed.proof_needed, claimed.state, claimed.step, claimed.probe, claimed.bar, claimed.register_due,
    claimed.lease_epoch, claimed.tries, claimed.sends, claimed.bound, claimed.route_reason, claimed.inquiries,
    claimed.not_found_seen, claimed.not_found_first_at, claimed.first_sent_at, claimed.last_sent_at,
    claimed.created_at, claimed.action_expires_at, claimed.reason_code, claimed.request_id, now() AS claimed_at,
    claimed.taken_minor, (
        SELECT account.id FROM accounts_ledgeraccount AS account
        WHERE account.kind = 'player' AND account.currency = claimed.currency
            AND account.player_id = claimed.player_id AND account.carrier = '') AS player_account_id,
    -- Whose name a bank's account has to be in, sealed.
    CASE WHEN claimed.method_type = 'bank' THEN coalesce((
        SELECT person.sealed FROM accounts_person AS person WHERE person.player_id = claimed.player_id), '')
        ELSE '' END AS player_sealed
FROM claimed
