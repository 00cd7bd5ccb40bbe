-- Find a key by its prefix. Whether it may still be used is decided by the database's clock.
SELECT id, partner_id, mode, ARRAY(SELECT jsonb_array_elements_text(scopes)) AS scopes, secret_sha256,
    revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()) AS usable
FROM accounts_apikey WHERE prefix = %(prefix)s
