-- Ready-made deposits for measuring: see million_rows.py. `fill.deposits` says how many.
SET session_replication_role = replica;

CREATE FUNCTION pg_temp.id_at(moment timestamptz, n bigint) RETURNS uuid LANGUAGE sql AS $$
    SELECT (lpad(to_hex((extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3)
        || '8' || substr(md5(n::text), 4, 15))::uuid
$$;
-- 40 bits spread over the alphabet of references; the odd factor keeps them distinct.
CREATE FUNCTION pg_temp.reference(n bigint) RETURNS text LANGUAGE sql AS $$
    SELECT 'D-' || substr(letters, 1, 4) || '-' || substr(letters, 5, 4) FROM (
        SELECT string_agg(substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ',
            (((n * 389461) % 1099511627776) >> shift & 31)::int + 1, 1), '' ORDER BY shift DESC) AS letters
        FROM generate_series(0, 35, 5) AS shift) AS spelt
$$;

INSERT INTO accounts_partner (name, slug) VALUES
    ('Northwind Casino', 'northwind'), ('Harbour Bingo', 'harbour'), ('Old Arcade', 'old-arcade')
    ON CONFLICT DO NOTHING;
INSERT INTO accounts_player (partner_id, external_id, weekly_limit_minor)
    SELECT partner.id, 'm-' || n, 50000 FROM generate_series(1, 50000) AS n
    JOIN accounts_partner AS partner ON partner.slug = CASE WHEN n = 1 THEN 'old-arcade'
        WHEN n % 10 = 0 THEN 'harbour' ELSE 'northwind' END;
INSERT INTO accounts_playerphone (player_id, number, verified_at)
    SELECT id, '+4477009' || lpad(substr(external_id, 3), 5, '0'), now() FROM accounts_player
    WHERE external_id LIKE 'm-%';

CREATE TEMP TABLE many AS
WITH drawn AS (
    -- Player 1, the only one of the smallest partner, deposited in the first days only.
    SELECT n,
        CASE WHEN n <= 300 THEN 1 ELSE 2 + (n * 7919) % 49999 END AS player,
        now() - (current_setting('fill.deposits')::bigint - n) * interval '90 days'
            / current_setting('fill.deposits')::bigint AS at,
        (n * 104729) % 10000 AS die, (n * 15485863) % 100 AS amount_die
    FROM generate_series(1, current_setting('fill.deposits')::bigint) AS n
)
SELECT n, at, player.id AS player_id, player.partner_id, pg_temp.id_at(at, n) AS id, pg_temp.reference(n) AS reference,
    '+4477009' || lpad(drawn.player::text, 5, '0') AS phone,
    CASE WHEN amount_die < 40 THEN 1000 WHEN amount_die < 70 THEN 2000 WHEN amount_die < 85 THEN 3000
        WHEN amount_die < 95 THEN 4000 ELSE 100 + (n * 31) % 3900 END AS amount_minor,
    CASE WHEN n <= 200 THEN 'retired-mobile' WHEN die % 17 = 0 THEN 'other-mobile' ELSE 'sandbox-mobile' END AS carrier,
    CASE WHEN die < 8000 THEN 'credited' WHEN die < 9500 THEN 'declined' WHEN die < 9700 THEN 'cancelled'
        WHEN die < 9850 THEN 'expired' WHEN die < 9950 THEN 'failed' WHEN die < 9970 THEN 'review'
        WHEN n < current_setting('fill.deposits')::bigint - 2000 THEN 'credited'
        WHEN die < 9980 THEN 'unknown' WHEN die < 9990 THEN 'pending' WHEN die < 9995 THEN 'action_required'
        WHEN die < 9998 THEN 'submitting' ELSE 'received' END AS state,
    (ARRAY['carrier_declined', 'carrier_spend_cap', 'carrier_insufficient_credit', 'carrier_payment_limit',
        'carrier_number_unknown', 'carrier_monthly_limit'])[1 + (n * 13) % 6] AS reason
FROM drawn JOIN accounts_player AS player ON player.external_id = 'm-' || drawn.player;

INSERT INTO deposits_deposit (
    id, reference, partner_id, player_id, partner_reference, return_url, client, idempotency_key, idempotency_hash,
    request_id, amount_minor, currency, method_type, phone_number, carrier, carrier_payment_id, authorization_id,
    one_time_code, state, reason_code, carrier_code, taken_minor, next_step, next_action_at, lease_owner,
    first_sent_at, last_sent_at, counted_on, created_at, updated_at, resolved_at)
SELECT id, reference, partner_id, player_id, CASE WHEN n % 3 = 0 THEN '' ELSE 'order-' || n END, '',
    'partner:' || partner_id || ':test', md5('key' || n), '\x00', 'req_' || md5(n::text), amount_minor, 'GBP',
    'carrier_billing', phone, carrier, CASE WHEN state = 'received' THEN '' ELSE 'pay-' || md5('p' || n) END, '', '',
    state,
    CASE state WHEN 'declined' THEN reason WHEN 'expired' THEN 'carrier_reply_timeout' WHEN 'review' THEN 'under_review'
        WHEN 'failed' THEN 'carrier_unavailable' ELSE '' END, '',
    CASE WHEN state = 'review' AND n % 2 = 0 THEN amount_minor + 100 END, 'inquire',
    CASE WHEN state IN ('received', 'submitting', 'action_required', 'pending', 'unknown') THEN now() + interval '1 h' END,
    '', at, at, at::date, at, at,
    CASE WHEN state IN ('credited', 'declined', 'failed', 'cancelled', 'expired')
        THEN at + (n % 400 + 20) * interval '10 ms' END
FROM many ORDER BY n;

ANALYZE many;
CREATE TEMP TABLE newest AS SELECT * FROM many ORDER BY n DESC LIMIT 20000;
INSERT INTO deposits_depositevent (deposit_id, event, from_state, to_state, actor_kind, actor, detail, at)
SELECT id, event, from_state, to_state, actor_kind, actor, detail, at + after FROM newest
CROSS JOIN LATERAL (VALUES
    ('accepted', '', 'received', 'partner', 'northwind', '', interval '0'),
    ('sending', 'received', 'submitting', 'worker', 'worker-1:42', '', interval '15 ms'),
    (CASE state WHEN 'credited' THEN 'approved' WHEN 'review' THEN 'mismatch' ELSE 'declined' END,
        'submitting', state, 'carrier', carrier, '', interval '400 ms')
) AS happened (event, from_state, to_state, actor_kind, actor, detail, after) ORDER BY n, after;
INSERT INTO deposits_attempt (deposit_id, epoch, step, worker, started_at, finished_at, outcome, exchanges)
SELECT id, 1, 'authorise', 'worker-1:42', at + interval '15 ms', at + interval '400 ms', 'approved',
    '[{"method": "POST", "path": "/payments", "status": 201, "request": "{\"amountTransaction\":{}}",
       "answer": "{\"transactionOperationStatus\":\"succeeded\"}", "elapsed_ms": 380.5, "error": ""}]'::jsonb
FROM newest;
INSERT INTO accounts_ledgeraccount (kind, currency, player_id, carrier)
SELECT 'player', 'GBP', id, '' FROM accounts_player WHERE external_id LIKE 'm-%'
UNION ALL SELECT DISTINCT 'carrier_clearing', 'GBP', NULL::bigint, carrier FROM many;
INSERT INTO accounts_ledgerentry (kind, source, description, created_at)
SELECT 'deposit', id, reference, at FROM many WHERE state = 'credited' ORDER BY n;
INSERT INTO accounts_posting (entry_id, account_id, amount_minor, currency)
SELECT entry.id, account.id, many.amount_minor, 'GBP' FROM accounts_ledgerentry AS entry
JOIN many ON many.id = entry.source
JOIN accounts_ledgeraccount AS account ON account.kind = 'player' AND account.player_id = many.player_id
UNION ALL
SELECT entry.id, account.id, -many.amount_minor, 'GBP' FROM accounts_ledgerentry AS entry
JOIN many ON many.id = entry.source
JOIN accounts_ledgeraccount AS account ON account.kind = 'carrier_clearing' AND account.carrier = many.carrier;
UPDATE accounts_ledgeraccount AS account SET balance_minor = owned.total
FROM (SELECT account_id, sum(amount_minor) AS total FROM accounts_posting GROUP BY 1) AS owned
WHERE owned.account_id = account.id AND account.kind = 'player';
INSERT INTO accounts_auditrecord (at, actor_kind, actor, action, subject_kind, subject, before, after, reason, request_id)
SELECT at, 'staff', CASE WHEN n % 50 = 0 THEN 'auditor' ELSE 'support' END, 'deposit.viewed', 'deposit', reference,
    '{}', '{}', '', '' FROM newest ORDER BY n;
RESET session_replication_role;
