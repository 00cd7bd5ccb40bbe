"""Six checks that a counter is not negative become one: PostgreSQL reads and plans each anew in every statement.

All at once, and none of it looks at a row: the next migration does, and lets others write meanwhile.
"""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models.functions import Least
from django.db.models.lookups import GreaterThanOrEqual

SMALL = ("code_tries", "fruitless")
COUNTERS = ("code_tries", "tries", "inquiries", "fruitless", "not_found_seen", "sends")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0020_player_by_reckoned_age"),
        ("deposits", "0034_times_of_return"),
    ]

    operations = [
        AddConstraintNotValid(
            model_name="deposit",
            constraint=models.CheckConstraint(
                condition=GreaterThanOrEqual(Least(*COUNTERS, output_field=models.IntegerField()), 0),
                name="deposit_counters",
            ),
        ),
        *(
            migrations.AlterField(
                model_name="deposit",
                name=name,
                field=(models.SmallIntegerField if name in SMALL else models.IntegerField)(
                    default=0, db_default=0
                ),
            )
            for name in COUNTERS
        ),
    ]
