"""The rows that were there before the check are looked at, while others write."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("deposits", "0035_counters_in_one_check")]

    operations = [ValidateConstraint(model_name="deposit", name="deposit_counters")]
