"""What a deposit keeps while its player approves it elsewhere."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deposits", "0007_event_late_success")]

    operations = [
        migrations.AddField(
            model_name="deposit",
            name="consent_id",
            field=models.CharField(blank=True, db_default="", default="", max_length=128),
        ),
        migrations.AddField(
            model_name="deposit",
            name="action_url",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="deposit",
            name="approval_code",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="deposit",
            name="credential",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
        migrations.AddField(
            model_name="deposit",
            name="return_seen_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="depositevent",
            name="event",
            field=models.CharField(
                choices=[
                    ("accepted", "accepted"),
                    ("sending", "about to be sent to the carrier"),
                    ("lease_lost", "worker lost before it recorded an answer"),
                    ("not_sent", "could not be sent"),
                    ("not_done", "carrier did not process it"),
                    ("refused", "carrier refused our request, not the player"),
                    ("approved", "approved by the carrier"),
                    ("declined", "declined by the carrier"),
                    ("pending", "carrier is working on it"),
                    ("reserved", "amount reserved by the carrier"),
                    ("code_required", "code sent to the player"),
                    ("code_rejected", "wrong code"),
                    ("code_entered", "player entered a code"),
                    ("redirect_required", "player sent elsewhere to approve"),
                    ("approval_returned", "player came back with an approval"),
                    ("approval_exchanged", "approval taken up, payment to be ordered"),
                    ("cancel_requested", "cancel requested"),
                    ("cancelled", "cancelled"),
                    ("expired", "ran out"),
                    ("silence", "no usable answer"),
                    ("not_found", "carrier does not know it yet"),
                    ("rerouted", "given to another route"),
                    ("resent", "to be sent again under the same reference"),
                    ("mismatch", "carrier took something else"),
                    ("overdue", "unanswered for too long"),
                    ("notified", "notification received"),
                    ("reversed", "reversed by the carrier"),
                    ("tombstoned", "closed at the carrier, nothing was taken"),
                    ("late_success", "taken by the carrier after it had ended"),
                    ("settled", "taken by the carrier's settlement file"),
                    ("set_aside", "set aside, its processing comes to nothing"),
                    ("staff_credited", "credited by two people"),
                    ("staff_declined", "declined by two people"),
                    ("staff_failed", "failed by two people"),
                    ("staff_kept", "kept for return by two people"),
                ],
                max_length=20,
            ),
        ),
    ]
