"""Codes by which players sign in. Neither the code nor the number can be read out of them."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Now


class SignInCode(models.Model):
    """One code that was asked for: for a number that nobody has, too, so that both cost and say the same.

    Both hashes are keyed with the installation's secret: six digits are soon tried out, and numbers are few.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    number_hash = models.BinaryField(max_length=32)
    code_hash = models.BinaryField(max_length=32)
    address = models.GenericIPAddressField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["number_hash", "created_at"], name="sign_in_code_by_number"),
            models.Index(fields=["address", "created_at"], name="sign_in_code_by_address"),
            models.Index(fields=["created_at"], name="sign_in_code_by_time"),
        ]

    def __str__(self) -> str:
        return f"sign-in code of {self.created_at:%Y-%m-%d %H:%M}"
