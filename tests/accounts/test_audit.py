"""The audit trail: append-only, sealed in order, and a verifier that names the first bad record."""

from __future__ import annotations

import pytest
from django.db import Error, connection, transaction

from accounts import audit
from accounts.models import AuditRecord
from tests.triggers import triggers_off

pytestmark = pytest.mark.django_db


@pytest.fixture
def three_records() -> list[AuditRecord]:
    for number in range(3):
        audit.note("tested", actor_kind="staff", actor="ann", subject=str(number), after={"n": number})
    audit.seal()
    return list(AuditRecord.objects.order_by("id"))


def forge(sql: str, *parameters: int) -> None:
    """Change rows as the owner of the table could, with its triggers off."""
    with connection.cursor() as cursor:
        triggers_off(cursor, "accounts_auditrecord")
        cursor.execute(sql, parameters)
        cursor.execute("ALTER TABLE accounts_auditrecord ENABLE TRIGGER USER")


def test_a_sealed_trail_verifies(three_records: list[AuditRecord]) -> None:
    assert [record.sealed_as for record in three_records] == [1, 2, 3]
    assert audit.verify() is None


def test_sealing_again_seals_only_what_is_new(three_records: list[AuditRecord]) -> None:
    audit.note("tested", actor_kind="staff")
    assert audit.seal() == 1
    assert audit.seal() == 0
    assert audit.verify() is None


def test_a_changed_record_is_named(three_records: list[AuditRecord]) -> None:
    forge("UPDATE accounts_auditrecord SET actor = 'eve' WHERE id = %s", three_records[1].pk)
    broken = audit.verify()
    assert broken is not None
    assert broken.record_id == three_records[1].pk


def test_a_removed_record_is_noticed(three_records: list[AuditRecord]) -> None:
    forge("DELETE FROM accounts_auditrecord WHERE id = %s", three_records[0].pk)
    broken = audit.verify()
    assert broken is not None
    assert "missing" in broken.detail


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE accounts_auditrecord SET actor = 'eve'",
        "UPDATE accounts_auditrecord SET sealed_as = sealed_as + 10",
        "DELETE FROM accounts_auditrecord",
        "TRUNCATE accounts_auditrecord",
    ],
)
def test_the_trail_cannot_be_changed(three_records: list[AuditRecord], sql: str) -> None:
    with pytest.raises(Error, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert audit.verify() is None
