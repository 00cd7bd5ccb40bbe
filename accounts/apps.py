from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People and money"

    def ready(self) -> None:
        """Listen for sign-ins, in every process that serves requests."""
        import_module("accounts.sign_in_audit")
