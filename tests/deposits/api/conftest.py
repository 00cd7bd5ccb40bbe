"""Partners, their keys, and a bell that nobody hears."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from accounts import api_keys
from accounts.models import ApiKey
from deposits import doorbell
from tests.deposits.api.calling import Api
from tests.deposits.making import partner

MakeApi = Callable[..., Api]


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """How often the workers were called; they are not there."""
    rings: list[None] = []
    monkeypatch.setattr(doorbell, "ring", lambda: rings.append(None))
    return rings


@pytest.fixture
def make_api() -> MakeApi:
    """Makes a partner with a key. `of`: another key of the same partner."""

    def make(mode: str = "test", scopes: tuple[str, ...] = api_keys.SCOPES, of: Api | None = None) -> Api:
        owner = partner() if of is None else ApiKey.objects.get(prefix=of.key[:16]).partner
        return Api(api_keys.issue(owner, "tests", ApiKey.Mode(mode), scopes))

    return make


@pytest.fixture
def api(make_api: MakeApi) -> Api:
    """A partner with a test key."""
    return make_api()


@pytest.fixture
def change_carriers(settings: Settings) -> Callable[..., None]:
    """Configures the sandbox's carrier differently, and `others` beside it."""

    def change(*others: dict[str, Any], **changes: Any) -> None:
        first = {**settings.CARRIERS[0], **changes}
        settings.CARRIERS = [first, *({**first, **other} for other in others)]

    return change
