"""Banks of the shared sandbox, which knows the test client's public key."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.carriers.sandbox.bank.client import JWKS, REDIRECT_URI, Bank
from tests.carriers.sandbox.harness import Sandbox

REGISTERED = {"jwks": JWKS, "redirect_uris": [REDIRECT_URI]}


@pytest.fixture
def bank_of(sandbox: Sandbox) -> Callable[[str], Bank]:
    """Makes the client of one bank."""
    assert sandbox.call("PUT", "/sandbox/bank/client", REGISTERED).status == 200
    return lambda bank_id: Bank(sandbox, bank_id)


@pytest.fixture
def bank(bank_of: Callable[[str], Bank]) -> Bank:
    return bank_of("sandbox-bank")
