-- Give deposits to another carrier, as long as it is certain that the one they are with has none of them.
WITH given AS (
    SELECT * FROM jsonb_to_recordset(%(given)s::jsonb) AS g (id uuid, from_carrier text, to_carrier text, reason text)
), moved AS (
    UPDATE deposits_deposit AS d SET carrier = given.to_carrier, route_reason = given.reason,
        -- The first change costs no time; when every route is down, each still waits for its turn.
        next_action_at = CASE WHEN d.route_reason = '' THEN now() ELSE d.next_action_at END, updated_at = now()
    FROM given
    WHERE d.id = given.id AND d.state = 'received' AND d.carrier = given.from_carrier AND NOT d.bound
        AND d.lease_owner = ''
    RETURNING d.id, given.reason
), event AS (
    INSERT INTO deposits_depositevent (deposit_id, event, from_state, to_state, actor_kind, actor, detail)
    SELECT id, 'rerouted', 'received', 'received', 'worker', '', reason FROM moved
)
SELECT id FROM moved
