"""The admin's menu: only what the signed-in person may open."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

# Group, then (title, icon, model, permission).
_GROUPS = (
    (
        "Deposits",
        (
            ("Deposits", "payments", "deposits_deposit", "deposits.view_deposit"),
            ("Review queue", "check_circle", "deposits_case", "deposits.view_case"),
            ("Notifications", "inbox", "deposits_carriernotification", "deposits.view_carriernotification"),
            ("Breakers", "electric_bolt", "deposits_breaker", "deposits.view_breaker"),
            ("Limit usage", "speed", "deposits_accumulator", "deposits.view_accumulator"),
            ("Rules", "gavel", "deposits_rule", "deposits.view_rule"),
            ("Rule proposals", "rule", "deposits_ruleproposal", "deposits.view_ruleproposal"),
        ),
    ),
    (
        "Settlement",
        (
            ("Files", "upload", "deposits_settlementfile", "deposits.view_settlementfile"),
            ("Lines", "list", "deposits_settlementline", "deposits.view_settlementline"),
            (
                "Differences",
                "warning",
                "deposits_settlementfinding",
                "deposits.view_settlementfinding",
            ),
        ),
    ),
    (
        "People",
        (
            ("Players", "group", "accounts_player", "accounts.view_player"),
            ("Partners", "storefront", "accounts_partner", "accounts.view_partner"),
            ("API keys", "key", "accounts_apikey", "accounts.view_apikey"),
        ),
    ),
    (
        "Ledger",
        (
            ("Accounts", "account_balance", "accounts_ledgeraccount", "accounts.view_ledgeraccount"),
            ("Entries", "receipt_long", "accounts_ledgerentry", "accounts.view_ledgerentry"),
            ("Postings", "list", "accounts_posting", "accounts.view_posting"),
        ),
    ),
    (
        "Control",
        (
            ("Audit trail", "history", "accounts_auditrecord", "accounts.view_auditrecord"),
            ("Users", "person", "accounts_user", "accounts.view_user"),
            ("Roles", "badge", "auth_group", "auth.view_group"),
        ),
    ),
)


def groups(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the menu as the theme wants it."""
    today = {"title": "Today", "icon": "dashboard", "link": reverse("admin:index")}
    menu: list[dict[str, Any]] = [{"items": [today]}]
    for title, entries in _GROUPS:
        items = [
            {"title": name, "icon": icon, "link": reverse(f"admin:{model}_changelist")}
            for name, icon, model, permission in entries
            if request.user.has_perm(permission)
        ]
        if items:
            menu.append({"title": title, "items": items})
    return menu
