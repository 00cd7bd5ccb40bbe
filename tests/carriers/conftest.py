"""Shared by the tests of carriers."""

from __future__ import annotations

import threading

import pytest

from carriers import http


@pytest.fixture(autouse=True)
def new_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection of one test is met by the next."""
    monkeypatch.setattr(http, "_local", threading.local())
