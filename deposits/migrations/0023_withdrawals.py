"""Withdrawals that partners have paid out: written once, never changed."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

KEPT = """
CREATE TRIGGER append_only_rows BEFORE UPDATE OR DELETE ON deposits_withdrawal
    FOR EACH ROW EXECUTE FUNCTION accounts_refuse_change();
CREATE TRIGGER append_only_table BEFORE TRUNCATE ON deposits_withdrawal
    FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0013_paid_out_account"),
        ("deposits", "0020_choices_of_cases_and_events"),
    ]

    operations = [
        migrations.CreateModel(
            name="Withdrawal",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("method_type", models.CharField(max_length=20)),
                ("carrier", models.CharField(max_length=40)),
                ("phone_number", models.CharField(blank=True, default="", max_length=16)),
                ("currency", models.CharField(max_length=3)),
                ("amount_minor", models.BigIntegerField()),
                ("returned_minor", models.BigIntegerField()),
                ("rest_to", models.CharField(blank=True, default="", max_length=64)),
                ("partner_reference", models.CharField(blank=True, default="", max_length=64)),
                ("client", models.CharField(max_length=40)),
                ("idempotency_key", models.CharField(max_length=255)),
                ("idempotency_hash", models.BinaryField(max_length=32)),
                ("actor", models.CharField(blank=True, default="", max_length=100)),
                ("request_id", models.CharField(blank=True, default="", max_length=64)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "player",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="withdrawals",
                        to="accounts.player",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("client", "idempotency_key"), name="withdrawal_idempotency"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("amount_minor__range", (1, 100000000)),
                            ("returned_minor__gte", 0),
                            ("returned_minor__lte", models.F("amount_minor")),
                        ),
                        name="withdrawal_amounts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("returned_minor", models.F("amount_minor")),
                            models.Q(("rest_to", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="withdrawal_rest",
                    ),
                ],
            },
        ),
        migrations.RunSQL(KEPT, reverse_sql=migrations.RunSQL.noop),
    ]
