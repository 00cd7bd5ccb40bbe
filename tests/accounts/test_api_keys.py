"""API keys: shown once, kept as a hash, refused alike whatever is wrong with them."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import api_keys
from accounts.models import ApiKey, Partner

pytestmark = pytest.mark.django_db


@pytest.fixture
def partner() -> Partner:
    return Partner.objects.create(name="Casino", slug=uuid.uuid4().hex)


def test_a_key_opens_for_its_own_partner(partner: Partner) -> None:
    key = api_keys.issue(partner, "shop", ApiKey.Mode.TEST)
    holder = api_keys.authenticate(key)
    assert holder is not None
    assert (holder.partner_id, holder.mode) == (partner.pk, "test")


def test_the_database_does_not_hold_the_key(partner: Partner) -> None:
    key = api_keys.issue(partner, "shop", ApiKey.Mode.LIVE)
    row = ApiKey.objects.get(partner=partner)
    assert key not in str(ApiKey.objects.filter(pk=row.pk).values().get())
    assert row.prefix == key[:16]
    assert row.last_four == key[-4:]


@pytest.mark.parametrize(
    "damage", [lambda k: k[:-1], lambda k: "x" + k, lambda k: k.replace("test", "live"), str.lower]
)
def test_a_damaged_key_opens_nothing(partner: Partner, damage: object) -> None:
    key = api_keys.issue(partner, "shop", ApiKey.Mode.TEST)
    assert api_keys.authenticate(damage(key)) is None  # type: ignore[operator]


def test_the_right_prefix_with_another_secret_opens_nothing(partner: Partner) -> None:
    key = api_keys.issue(partner, "shop", ApiKey.Mode.TEST)
    body = key[:16] + "_" + "A" * 32
    assert api_keys.authenticate(body + api_keys._checksum(body)) is None


@pytest.mark.parametrize("field", ["revoked_at", "expires_at"])
def test_a_revoked_or_expired_key_opens_nothing(partner: Partner, field: str) -> None:
    key = api_keys.issue(partner, "shop", ApiKey.Mode.TEST)
    ApiKey.objects.filter(partner=partner).update(**{field: timezone.now() - timedelta(hours=1)})
    assert api_keys.authenticate(key) is None
