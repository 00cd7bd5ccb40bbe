"""Staff who are signed in, and deposits that have been somewhere."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from deposits import doorbell
from deposits.models import Deposit
from tests.deposits.admin.staging import credited
from tests.deposits.making import accepted

PASSWORD = "correct-horse-battery"


@pytest.fixture(autouse=True)
def _no_worker_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorbell, "ring", lambda: None)


@pytest.fixture
def superuser(db: None) -> User:
    return User.objects.create_superuser("root-staff", password=PASSWORD)


@pytest.fixture
def staff(superuser: User) -> Client:
    """A superuser's browser: what this one may not do, nobody may."""
    client = Client()
    client.force_login(superuser)
    return client


@pytest.fixture
def clerk(db: None) -> Client:
    """A member of staff without any permission."""
    client = Client()
    client.force_login(User.objects.create_user("clerk", password=PASSWORD, is_staff=True))
    return client


@pytest.fixture
def deposit(db: None) -> Deposit:
    """A credited deposit with an attempt and its exchange."""
    # Other tests commit deposits of other players and orders.
    return credited(accepted(partner_reference="order-77-of-admin", player="p-of-admin"))
