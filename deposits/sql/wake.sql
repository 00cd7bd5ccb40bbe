-- A notification has news of a deposit: make its inquiry due, without taking it from a worker that holds the lease.
WITH deposit AS (
    UPDATE deposits_deposit SET
        woken = lease_owner <> '',
        next_action_at = CASE WHEN lease_owner = '' THEN now() ELSE next_action_at END,
        -- A code that is still awaited has its end as the next step; the news comes first.
        next_step = CASE WHEN state = 'action_required' AND lease_owner = '' AND next_action_at > now()
            THEN 'inquire' ELSE next_step END
    -- One that has ended is asked about too: a success that comes late is a case. What was never sent has no news.
    WHERE id = %(id)s AND state <> 'received' AND first_sent_at IS NOT NULL
    RETURNING id, state
), event AS (
    INSERT INTO deposits_depositevent (deposit_id, event, from_state, to_state, actor_kind, actor, detail)
    SELECT id, 'notified', state, state, 'carrier', %(carrier)s, %(detail)s FROM deposit
)
SELECT id FROM deposit
