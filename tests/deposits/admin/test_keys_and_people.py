"""API keys are shown once and kept as a hash; sign-ins, keys and people leave a trail."""

from __future__ import annotations

import re

from django.contrib.auth.models import Permission
from django.test import Client

from accounts import api_keys
from accounts.models import ApiKey, AuditRecord, User
from tests.deposits.admin.conftest import PASSWORD
from tests.deposits.making import partner

WHY = "asked for by the partner on the phone"


def form_of(staff: Client, address: str) -> dict[str, str]:
    page = staff.get(address).content.decode()
    mark = re.search(r'name="once" value="([^"]+)"', page)
    assert mark is not None
    return {"once": mark[1]}


def test_a_key_is_shown_once_and_only_its_hash_is_kept(staff: Client) -> None:
    owner = partner()
    address = f"/admin/accounts/partner/{owner.pk}/issue-key/"
    given = form_of(staff, address) | {
        "name": "server",
        "mode": "live",
        "scopes": "deposits:read",
        "reason": WHY,
    }
    shown = staff.post(address, given)
    found = re.search(r"ps_live_\w{8}_\w{38}", shown.content.decode())
    assert found is not None
    key = found[0]
    holder = api_keys.authenticate(key)
    assert holder is not None
    assert (holder.partner_id, holder.scopes) == (owner.pk, ("deposits:read",))
    assert "no-store" in shown["Cache-Control"]
    row = ApiKey.objects.get(partner=owner)
    assert key not in str(ApiKey.objects.filter(pk=row.pk).values())
    for page in (
        "accounts/apikey/",
        f"accounts/apikey/{row.pk}/change/",
        f"accounts/partner/{owner.pk}/change/",
    ):
        text = staff.get(f"/admin/{page}").content.decode()
        assert key not in text
        assert f"{row.prefix}…{row.last_four}" in text
    noted = AuditRecord.objects.get(action="api_key.issued", subject=row.prefix)
    assert (noted.reason, noted.actor) == (WHY, "root-staff")
    assert key not in str(noted.after)
    # The same form again, as by reloading the page, makes nothing.
    assert "was sent already" in staff.post(address, given).content.decode()
    assert ApiKey.objects.filter(partner=owner).count() == 1


def test_a_key_is_not_issued_without_a_reason(staff: Client) -> None:
    owner = partner()
    address = f"/admin/accounts/partner/{owner.pk}/issue-key/"
    staff.post(
        address, form_of(staff, address) | {"name": "server", "mode": "test", "scopes": "deposits:read"}
    )
    assert not ApiKey.objects.filter(partner=owner).exists()


def test_a_revoked_key_opens_nothing(staff: Client) -> None:
    key = api_keys.issue(partner(), "old", ApiKey.Mode.TEST)
    row = ApiKey.objects.get(prefix=key[:16])
    address = f"/admin/accounts/apikey/{row.pk}/revoke/"
    staff.post(address, form_of(staff, address) | {"reason": "short"})
    assert api_keys.authenticate(key) is not None
    staff.post(address, form_of(staff, address) | {"reason": WHY})
    assert api_keys.authenticate(key) is None
    assert AuditRecord.objects.get(action="api_key.revoked", subject=row.prefix).reason == WHY
    assert "revoked" in staff.get(f"/admin/accounts/apikey/{row.pk}/change/").content.decode()


def test_keys_are_for_those_who_may(clerk: Client) -> None:
    owner = partner()
    key = ApiKey.objects.get(prefix=api_keys.issue(owner, "old", ApiKey.Mode.TEST)[:16])
    assert clerk.get(f"/admin/accounts/partner/{owner.pk}/issue-key/").status_code == 403
    assert clerk.post(f"/admin/accounts/apikey/{key.pk}/revoke/", {"reason": WHY}).status_code == 403
    key.refresh_from_db()
    assert key.revoked_at is None


def test_a_partner_is_added_with_a_record_and_never_changed(staff: Client) -> None:
    staff.post("/admin/accounts/partner/add/", {"name": "New Casino", "slug": "new-casino-of-admin"})
    assert AuditRecord.objects.filter(action="partner.added", subject="new-casino-of-admin").exists()
    key = partner().pk
    assert staff.post(f"/admin/accounts/partner/{key}/change/", {"name": "x", "slug": "x"}).status_code == 403


def test_return_addresses_are_changed_with_a_reason_and_a_record(staff: Client, clerk: Client) -> None:
    owner = partner()
    address = f"/admin/accounts/partner/{owner.pk}/return-addresses/"
    assert "https://casino.example/\nhttps://casino.example:8443/" in staff.get(address).content.decode()
    given = {"addresses": "https://new.example/\r\n\r\nhttps://new.example/ ", "reason": WHY}
    wrong = staff.post(address, form_of(staff, address) | given | {"addresses": "http://new.example/"})
    assert "must begin with https://" in wrong.content.decode()
    staff.post(address, form_of(staff, address) | given)
    noted = AuditRecord.objects.get(action="partner.return_addresses_changed", subject=owner.slug)
    assert noted.reason == WHY
    assert noted.before == {"return_addresses": owner.return_addresses}
    assert noted.after == {"return_addresses": ["https://new.example/"]}
    owner.refresh_from_db()
    assert owner.return_addresses == ["https://new.example/"]
    assert "https://new.example/" in staff.get(f"/admin/accounts/partner/{owner.pk}/change/").content.decode()
    assert clerk.get(address).status_code == 403


def test_signing_in_out_and_failing_are_noted(superuser: User) -> None:
    browser = Client()
    browser.post("/admin/login/", {"username": "root-staff", "password": "wrong"})
    browser.post("/admin/login/", {"username": "my-secret-password-typed-here", "password": "wrong"})
    browser.post("/admin/login/", {"username": "root-staff", "password": PASSWORD})
    browser.post("/admin/logout/")
    noted = AuditRecord.objects.filter(action__startswith="user.sign", subject_kind="user").order_by("id")
    assert [(one.action, one.actor) for one in noted if one.actor in ("root-staff", "(no such user)")][
        -4:
    ] == [
        ("user.sign_in_failed", "root-staff"),
        ("user.sign_in_failed", "(no such user)"),
        ("user.signed_in", "root-staff"),
        ("user.signed_out", "root-staff"),
    ]


def test_changing_a_person_keeps_both_sides(staff: Client) -> None:
    person = User.objects.create_user("ann", password=PASSWORD, is_staff=True)
    staff.post(f"/admin/accounts/user/{person.pk}/change/", {"username": "ann", "email": "ann@example.org"})
    noted = AuditRecord.objects.get(action="user.changed", subject="ann")
    assert (noted.before["is_staff"], noted.after["is_staff"]) == (True, False)
    assert noted.after["email"] == "ann@example.org"
    assert "password" not in noted.before
    assert staff.post(f"/admin/accounts/user/{person.pk}/delete/", {"post": "yes"}).status_code == 403


def test_who_is_no_superuser_makes_nobody_one(superuser: User) -> None:
    lead = User.objects.create_user("lead", password=PASSWORD, is_staff=True)
    lead.user_permissions.set(_permissions("add_user", "change_user", "view_user"))
    browser = Client()
    browser.force_login(lead)
    given = {"username": "lead", "is_active": "on", "is_superuser": "on"}
    browser.post(f"/admin/accounts/user/{lead.pk}/change/", given)
    lead.refresh_from_db()
    assert lead.is_superuser is False
    assert browser.get(f"/admin/accounts/user/{superuser.pk}/password/").status_code == 403
    assert browser.post(f"/admin/accounts/user/{superuser.pk}/change/", {"username": "x"}).status_code == 403


def _permissions(*names: str) -> list[Permission]:
    return list(Permission.objects.filter(codename__in=names))
