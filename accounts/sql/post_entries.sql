-- Book entries and keep the players' balances, in one round trip.
-- An entry whose (source, kind) stands already is left out, with its postings: this is what makes a credit happen once.
WITH wanted AS (
    SELECT * FROM jsonb_to_recordset(%(entries)s::jsonb)
        AS e (kind text, source uuid, description text, currency text, postings jsonb)
), entry AS (
    INSERT INTO accounts_ledgerentry (kind, source, description)
    SELECT kind, source, description FROM wanted
    ON CONFLICT (source, kind) DO NOTHING
    RETURNING id, kind, source
), line AS (
    SELECT entry.id AS entry_id, (p ->> 0)::bigint AS account_id, (p ->> 1)::bigint AS amount, wanted.currency
    FROM entry JOIN wanted USING (kind, source) CROSS JOIN jsonb_array_elements(wanted.postings) AS p
), posting AS (
    INSERT INTO accounts_posting (entry_id, account_id, amount_minor, currency)
    SELECT entry_id, account_id, amount, currency FROM line
), locked AS MATERIALIZED (
    -- Always in the order of their ids, so that two batches with the same players cannot deadlock.
    -- Looked up one by one, however few accounts there were when this was planned.
    SELECT found.id FROM (SELECT DISTINCT account_id FROM line ORDER BY account_id) AS booked
    CROSS JOIN LATERAL (
        SELECT id FROM accounts_ledgeraccount WHERE id = booked.account_id AND kind = 'player'
        LIMIT 1 FOR UPDATE) AS found
), balance AS (
    UPDATE accounts_ledgeraccount AS account SET balance_minor = account.balance_minor + total.amount
    FROM (SELECT account_id, sum(amount) AS amount FROM line GROUP BY account_id) AS total
    JOIN locked ON locked.id = total.account_id
    WHERE account.id = total.account_id
)
SELECT kind, source FROM entry
