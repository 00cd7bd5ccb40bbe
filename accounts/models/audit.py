"""The audit trail: who did what to money, access or personal data, when, from where and why. Append-only, chained."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class AuditRecord(models.Model):
    """One act. Written unsealed; a sealer numbers it and chains its hash soon after (accounts/audit.py)."""

    at = models.DateTimeField(db_default=Now())
    actor_kind = models.CharField(max_length=20)
    actor = models.CharField(max_length=100, blank=True, default="")
    action = models.CharField(max_length=60)
    subject_kind = models.CharField(max_length=40, blank=True, default="")
    subject = models.CharField(max_length=100, blank=True, default="")
    address = models.GenericIPAddressField(null=True, blank=True)
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)
    reason = models.TextField(blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")
    sealed_as = models.BigIntegerField(null=True, unique=True, editable=False)
    hash = models.BinaryField(max_length=32, null=True, editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["subject_kind", "subject"], name="audit_by_subject"),
            models.Index(fields=["-at"], name="audit_by_time"),
            models.Index(fields=["actor"], name="audit_by_actor"),
            models.Index(fields=["action"], name="audit_by_action"),
            models.Index(fields=["id"], name="audit_unsealed", condition=models.Q(sealed_as__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor or self.actor_kind}"
