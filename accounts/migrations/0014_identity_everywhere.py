"""A rule may ask for a verified identity everywhere: "*" among the jurisdictions that are checked."""

from __future__ import annotations

from django.db import migrations

# As in 0012_vulnerability, but for the "*".
BAR = """
CREATE OR REPLACE FUNCTION accounts_bar(p accounts_player, today date, checked_in text[]) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN p.barred_until > now() THEN p.barred_reason
        WHEN p.blocked_at IS NOT NULL THEN 'not_accepted'
        WHEN p.of_age_on > today THEN 'under_age'
        WHEN p.held_at IS NOT NULL THEN 'checks_needed'
        WHEN p.identity_state = 'verified' OR p.jurisdiction <> ALL (checked_in) AND '*' <> ALL (checked_in) THEN ''
        WHEN p.identity_state = 'failed' THEN 'not_accepted'
        ELSE 'checks_needed' END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0012_vulnerability")]

    operations = [migrations.RunSQL(BAR, reverse_sql=migrations.RunSQL.noop)]
