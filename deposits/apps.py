from __future__ import annotations

from django.apps import AppConfig


class DepositsConfig(AppConfig):
    name = "deposits"
