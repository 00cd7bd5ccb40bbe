-- Find a key by its prefix, with where its partner's players may be sent back to. Whether it may still be used is
-- decided by the database's clock.
SELECT key.id, key.partner_id, key.mode, ARRAY(SELECT jsonb_array_elements_text(key.scopes)) AS scopes, key.secret_sha256,
    ARRAY(SELECT jsonb_array_elements_text(partner.return_addresses)) AS return_addresses,
    key.revoked_at IS NULL AND (key.expires_at IS NULL OR key.expires_at > now()) AS usable
FROM accounts_apikey AS key JOIN accounts_partner AS partner ON partner.id = key.partner_id
WHERE key.prefix = %(prefix)s
