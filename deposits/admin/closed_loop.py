"""The closed loop on a player's page: what came from where, what went back, and each withdrawal. Read only."""

from __future__ import annotations

from accounts.admin.pages import Table, cell
from accounts.models import Player
from deposits.actions.closed_loop import sources
from deposits.admin import words
from deposits.formats import format_money
from deposits.models import Withdrawal
from deposits.references import public_withdrawal_id

_NEWEST = 50


def tables(player: Player) -> list[Table]:
    """Return the sources of a player and the newest withdrawals."""
    return [_sources(player), _withdrawals(player)]


def _sources(player: Player) -> Table:
    rows = []
    for one in sources(player.pk):
        method_type, carrier, number, currency = one.key
        figures = (one.taken_minor, one.refunded_minor, one.withdrawn_minor, one.left_minor)
        where = cell(words.paid_with(method_type, carrier, number), under=words.network(carrier))
        rows.append([where, *(cell(format_money(minor, currency)) for minor in figures)])
    columns = ("From", "Taken", "Refunded", "Withdrawn", "Left to go back")
    return Table("Where deposits came from", columns, rows)


def _withdrawals(player: Player) -> Table:
    newest = Withdrawal.objects.filter(player=player).order_by("-created_at", "-id")[:_NEWEST]
    rows = [
        [
            cell(public_withdrawal_id(one.pk), under=one.partner_reference),
            cell(one.created_at),
            cell(format_money(one.amount_minor, one.currency)),
            cell(
                format_money(one.returned_minor, one.currency),
                under=words.paid_with(one.method_type, one.carrier, one.phone_number),
            ),
            cell(format_money(one.amount_minor - one.returned_minor, one.currency), under=one.rest_to),
            cell(one.actor),
        ]
        for one in newest
    ]
    columns = ("Withdrawal", "Told us", "Paid out", "Back to its source", "Elsewhere", "By key")
    return Table(f"Withdrawals, newest {_NEWEST}", columns, rows)
