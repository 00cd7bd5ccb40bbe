-- Add what was seen of carriers to their breakers, and open or close them by it. Returns the breakers that were there.
--
-- Counts are of a short window; an old one begins anew. Once a breaker is open only a deposit that was sent to try the
-- carrier closes it: answers to what was sent before prove nothing.
WITH seen AS (
    SELECT * FROM jsonb_to_recordset(%(seen)s::jsonb) AS s (
        carrier text, operation text, calls int, failures int, refusals int, first_calls int, repeats int,
        answered_probes int, pause_s float8)
), counted AS (
    SELECT b.id, b.state AS was, b.held, s.answered_probes, s.pause_s, window_ended.yes AS new_window,
        minute_ended.yes AS new_minute, s.first_calls, s.repeats,
        s.calls + CASE WHEN window_ended.yes THEN 0 ELSE b.calls END AS calls,
        s.failures + CASE WHEN window_ended.yes THEN 0 ELSE b.failures END AS failures,
        s.refusals + CASE WHEN window_ended.yes THEN 0 ELSE b.refusals END AS refusals
    FROM deposits_breaker AS b JOIN seen AS s USING (carrier, operation)
        CROSS JOIN LATERAL (SELECT b.window_started_at < now() - %(window)s::interval AS yes) AS window_ended
        CROSS JOIN LATERAL (SELECT b.minute_started_at < now() - %(minute)s::interval AS yes) AS minute_ended
    ORDER BY b.id FOR UPDATE OF b
), judged AS (
    SELECT *, CASE
        WHEN held THEN was
        WHEN was = 'closed' AND failures * 2 >= calls AND (calls >= %(enough_calls)s OR refusals >= %(enough_refusals)s)
            THEN 'open'
        WHEN was <> 'closed' AND answered_probes > 0 THEN 'closed'
        ELSE was END AS now_is
    FROM counted
)
UPDATE deposits_breaker AS b SET
    state = judged.now_is,
    changed_at = CASE WHEN judged.now_is <> judged.was THEN now() ELSE b.changed_at END,
    reason = CASE WHEN judged.now_is = judged.was THEN b.reason
        WHEN judged.now_is = 'closed' THEN 'a deposit that tried it was answered'
        ELSE judged.failures || ' of ' || judged.calls || ' calls failed' END,
    probe_at = CASE WHEN judged.now_is = 'open' AND judged.was = 'closed' THEN now() + %(probe_every)s::interval
        ELSE b.probe_at END,
    paused_until = CASE WHEN judged.pause_s > 0
        THEN greatest(b.paused_until, now() + make_interval(secs => judged.pause_s)) ELSE b.paused_until END,
    window_started_at = CASE WHEN judged.new_window OR judged.now_is <> judged.was THEN now() ELSE b.window_started_at END,
    calls = CASE WHEN judged.now_is = judged.was THEN judged.calls ELSE 0 END,
    failures = CASE WHEN judged.now_is = judged.was THEN judged.failures ELSE 0 END,
    refusals = CASE WHEN judged.now_is = judged.was THEN judged.refusals ELSE 0 END,
    minute_started_at = CASE WHEN judged.new_minute THEN now() ELSE b.minute_started_at END,
    first_calls = judged.first_calls + CASE WHEN judged.new_minute THEN 0 ELSE b.first_calls END,
    repeats = judged.repeats + CASE WHEN judged.new_minute THEN 0 ELSE b.repeats END
FROM judged WHERE b.id = judged.id
RETURNING b.carrier, b.operation, judged.was, b.state, b.reason
