"""Room for sealed particulars; and a rule may ask for a verified identity everywhere ("*")."""

from __future__ import annotations

from django.db import migrations, models

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


# New code names none of them any more.
CLEAR = "; ".join(
    f"ALTER TABLE accounts_person ALTER COLUMN {name} SET DEFAULT ''"
    for name in ("first_name", "last_name", "postcode", "email", "phone_number")
)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0013_paid_out_account")]

    operations = [
        migrations.RunSQL(BAR, reverse_sql=migrations.RunSQL.noop),
        migrations.AddField(
            model_name="person", name="sealed", field=models.TextField(blank=True, db_default="", default="")
        ),
        migrations.RunSQL(CLEAR, reverse_sql=migrations.RunSQL.noop),
    ]
