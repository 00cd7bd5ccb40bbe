"""Who may sign in: staff by name and password, players by the operator's own means."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A person who signs in. Our own model from the first day, because swapping it later is a rewrite."""

    class Meta:
        verbose_name = "user"
