"""The walls of the ledger: append-only, balanced, once per cause; and balances that follow the postings."""

from __future__ import annotations

import uuid

import pytest
from django.db import Error, IntegrityError, connection, transaction

from accounts import ledger
from accounts.models import LedgerAccount, LedgerEntry, Partner, Player, Posting
from tests.deposits.plans import rows_scanned

pytestmark = pytest.mark.django_db


@pytest.fixture
def player() -> Player:
    partner = Partner.objects.create(name="Casino", slug=uuid.uuid4().hex)
    return Player.objects.create(partner=partner, external_id="p-1")


def credit(player: Player, amount: int, source: uuid.UUID | None = None) -> bool:
    entry = ledger.Entry(
        "deposit",
        source or uuid.uuid4(),
        "GBP",
        (
            (ledger.clearing_account_id("carrier", "GBP"), -amount),
            (ledger.player_account_id(player.pk, "GBP"), amount),
        ),
    )
    return bool(ledger.post([entry]))


def credit_often(player: Player, times: int) -> None:
    carrier, account = (
        ledger.clearing_account_id("carrier", "GBP"),
        ledger.player_account_id(player.pk, "GBP"),
    )
    ledger.post(
        [ledger.Entry("deposit", uuid.uuid4(), "GBP", ((carrier, -1), (account, 1))) for _ in range(times)]
    )


def check_deferred() -> None:
    """Have the deferred triggers look now, as a commit would."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def test_a_credit_raises_the_players_balance(player: Player) -> None:
    credit(player, 2_000)
    credit(player, 550)
    assert ledger.player_balance_minor(player.pk, "GBP") == 2_550
    assert list(ledger.verify()) == []


def test_the_same_cause_is_booked_once(player: Player) -> None:
    source = uuid.uuid4()
    assert credit(player, 2_000, source) is True
    assert credit(player, 2_000, source) is False
    assert ledger.player_balance_minor(player.pk, "GBP") == 2_000
    assert Posting.objects.filter(entry__source=source).count() == 2


def test_a_batch_of_credits_reads_no_more_of_an_old_ledger_than_of_a_young_one(player: Player) -> None:
    with connection.cursor() as cursor:
        # What is planned from here on is planned for an empty ledger, and for batches.
        cursor.execute("DISCARD PLANS")
    for _ in range(20):
        credit_often(player, 40)
    before = rows_scanned("accounts_posting", "accounts_ledgerentry")
    credit_often(player, 40)
    assert rows_scanned("accounts_posting", "accounts_ledgerentry") == before


def test_an_entry_that_does_not_balance_is_refused(player: Player) -> None:
    account = ledger.player_account_id(player.pk, "GBP")
    clearing = ledger.clearing_account_id("carrier", "GBP")
    with pytest.raises(IntegrityError, match="does not balance"), transaction.atomic():
        ledger.post([ledger.Entry("deposit", uuid.uuid4(), "GBP", ((clearing, -1_999), (account, 2_000)))])
        check_deferred()
    assert ledger.player_balance_minor(player.pk, "GBP") == 0


def test_an_entry_without_postings_is_refused() -> None:
    with pytest.raises(IntegrityError, match="does not balance"), transaction.atomic():
        LedgerEntry.objects.create(kind="deposit", source=uuid.uuid4())
        check_deferred()


def test_a_posting_in_another_currency_than_its_account_is_refused(player: Player) -> None:
    account = ledger.player_account_id(player.pk, "GBP")
    other = ledger.player_account_id(player.pk, "EUR")
    with pytest.raises(IntegrityError, match="another currency"), transaction.atomic():
        ledger.post([ledger.Entry("deposit", uuid.uuid4(), "EUR", ((other, -5), (account, 5)))])


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE accounts_posting SET amount_minor = amount_minor + 1",
        "DELETE FROM accounts_posting",
        "TRUNCATE accounts_posting",
        "UPDATE accounts_ledgerentry SET description = 'x'",
        "DELETE FROM accounts_ledgerentry",
        "TRUNCATE accounts_ledgerentry CASCADE",
    ],
)
def test_the_ledger_cannot_be_changed(player: Player, sql: str) -> None:
    credit(player, 2_000)
    check_deferred()
    before = list(Posting.objects.order_by("id").values())
    with pytest.raises(Error, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert list(Posting.objects.order_by("id").values()) == before


def test_a_reversal_gives_back_once_and_what_is_missing_becomes_a_receivable(player: Player) -> None:
    source = uuid.uuid4()
    credit(player, 2_000, source)
    # Half of it is spent before the carrier takes the money back.
    spent = ledger.Entry(
        "stake",
        uuid.uuid4(),
        "GBP",
        (
            (ledger.player_account_id(player.pk, "GBP"), -1_000),
            (ledger.clearing_account_id("games", "GBP"), 1_000),
        ),
    )
    ledger.post([spent])
    assert ledger.post_reversal(source, player.pk, "carrier", 2_000, "GBP") is True
    assert ledger.post_reversal(source, player.pk, "carrier", 2_000, "GBP") is False
    assert ledger.player_balance_minor(player.pk, "GBP") == 0
    owed = LedgerAccount.objects.get(kind=LedgerAccount.Kind.RECEIVABLE, player=player)
    assert ledger.balance_minor(owed) == -1_000
    check_deferred()
    assert list(ledger.verify()) == []


def test_verify_names_a_balance_that_drifted(player: Player) -> None:
    credit(player, 2_000)
    LedgerAccount.objects.filter(player=player).update(balance_minor=2_001)
    assert [found.what for found in ledger.verify()] == [
        "player's balance differs from the sum of its postings"
    ]


def test_an_account_that_was_undone_is_not_remembered(player: Player) -> None:
    carrier = uuid.uuid4().hex
    with pytest.raises(RuntimeError), transaction.atomic():
        ledger.clearing_account_id(carrier, "GBP")
        raise RuntimeError
    assert LedgerAccount.objects.filter(pk=ledger.clearing_account_id(carrier, "GBP")).exists()
