"""The operators who drive deposits over REST, and the keys they do it with."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class Partner(models.Model):
    """An operator or a brand of one. Everything a partner can see hangs off this row."""

    name = models.CharField(max_length=100)
    slug = models.SlugField(unique=True)
    # Beginnings of addresses that players may be sent back to (accounts/return_addresses.py).
    return_addresses = models.JSONField(default=list, db_default=[], blank=True)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """A partner's key. Only its SHA-256 is kept, so a stolen database opens nothing."""

    class Mode(models.TextChoices):
        TEST = "test", "test"
        LIVE = "live", "live"

    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=100)
    mode = models.CharField(max_length=4, choices=Mode)
    # "ps_test_4f8Kq2Zs": enough to find the row and to name the key to its owner, useless alone.
    prefix = models.CharField(max_length=24, unique=True)
    last_four = models.CharField(max_length=4)
    secret_sha256 = models.BinaryField(max_length=32)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.prefix}…{self.last_four}"
