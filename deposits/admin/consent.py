"""The evidence of a deposit on its page: what the player was told and agreed to."""

from __future__ import annotations

from datetime import datetime

from accounts.admin.pages import Table, cell
from deposits import consent_shown
from deposits.admin import words
from deposits.formats import format_money
from deposits.models import Deposit

_SHOWN_BY = {"page": "our page", "partner": "the partner"}


def consent_table(deposit: Deposit) -> Table:
    """Return the evidence as a table of two columns; an empty one where none was kept."""
    kept = consent_shown.evidence(deposit)
    if kept is None:
        return Table("Consent", (), (), empty="The deposit was accepted before evidence was kept.")
    consent = kept.consent
    lines: list[tuple[str, str | datetime]] = [
        ("Shown by", _SHOWN_BY[kept.shown_by]),
        ("Words", consent.words or "not known: the partner showed them and did not send them"),
        ("Language", consent.language or "not known"),
        ("Price", format_money(deposit.amount_minor, deposit.currency)),
        ("Number or bank", words.paid_with(deposit.method_type, deposit.carrier, deposit.phone_number)),
        ("Agreed", consent.at),
        *((one.get_event_display().capitalize(), one.at) for one in kept.proofs),
        *(
            (f"Own limit, {period.label}", format_money(minor, deposit.currency))
            for period, minor in kept.own_limits
        ),
    ]
    rows = [[cell(name), cell(value)] for name, value in lines]
    rows += [[cell("Rule"), cell(str(one), under=one.source)] for one in kept.rules]
    return Table("Consent", ("What", "Kept as evidence"), rows)
