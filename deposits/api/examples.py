"""The examples of the schema and of the documentation. Tests hold each of them against what is really served."""

from __future__ import annotations

from typing import Any

CREATE: dict[str, Any] = {
    "player": "p-1001",
    "amount": 2000,
    "currency": "GBP",
    "partner_reference": "order-77",
    "method": {"type": "carrier_billing", "phone_number": "+447700900001"},
    "return_url": "https://casino.example/back",
}

DEPOSIT: dict[str, Any] = {
    "id": "dep_019aab3c5d6e7f8091a2b3c4d5e6f708",
    "object": "deposit",
    "reference": "D-7F3K-92QX",
    "status": "processing",
    "money": "none",
    "amount": 2000,
    "currency": "GBP",
    "refunded_amount": 0,
    "player": "p-1001",
    "partner_reference": "order-77",
    "method": {"type": "carrier_billing", "phone_number": "+44******001", "carrier": "sandbox-mobile"},
    "reason": None,
    "next_action": None,
    "page_url": "https://pay.example/deposit/D-7F3K-92QX/?t=1vMkQp:4r7X",
    "return_url": "https://casino.example/back",
    "created_at": "2026-11-22T10:00:00.123456Z",
    "updated_at": "2026-11-22T10:00:00.123456Z",
}

CREATE_FROM_BANK: dict[str, Any] = {
    "player": "p-1001",
    "amount": 2000,
    "currency": "GBP",
    "partner_reference": "order-78",
    "method": {"type": "bank", "bank_id": "sandbox-bank"},
    "return_url": "https://casino.example/back",
}

DEPOSIT_FROM_BANK: dict[str, Any] = {
    **DEPOSIT,
    "reference": "D-4M8T-3KPZ",
    "status": "action_required",
    "partner_reference": "order-78",
    "method": {"type": "bank", "bank_id": "sandbox-bank", "bank": "Sandbox Bank"},
    "next_action": {
        "type": "redirect",
        "url": "https://bank.example/authorize?request=7f0c",
        "expires_at": "2026-11-22T10:10:00.500000Z",
    },
    "page_url": "https://pay.example/deposit/D-4M8T-3KPZ/?t=1vMkQp:9k2B",
}

METHODS: dict[str, Any] = {
    "object": "list",
    "data": [
        {
            "type": "carrier_billing",
            "carrier": "sandbox-mobile",
            "name": "Sandbox Mobile",
            "currencies": ["GBP"],
            "minimum": 100,
            "maximum": 4000,
            "available": True,
        },
        {
            "type": "bank",
            "bank_id": "sandbox-bank",
            "name": "Sandbox Bank",
            "currencies": ["GBP"],
            "minimum": 500,
            "maximum": 50000,
            "available": True,
        },
    ],
}

CONSENT: dict[str, Any] = {
    "object": "consent",
    "deposit": DEPOSIT["id"],
    "shown_by": "partner",
    "words": "Deposit £20 by phone bill",
    "language": "en-GB",
    "amount": 2000,
    "currency": "GBP",
    "method": DEPOSIT["method"],
    "at": "2026-11-22T10:00:00.123456Z",
    "proofs": [
        {"type": "code_required", "at": "2026-11-22T10:00:01.204113Z"},
        {"type": "code_entered", "at": "2026-11-22T10:00:19.660802Z"},
    ],
    "rules": [
        {
            "rule": "gb-psr-month",
            "version": 1,
            "source": "Payment Services Regulations 2017, Schedule 1",
        }
    ],
    "own_limits": [{"period": "week", "amount": 10000}],
}

PAGE: dict[str, Any] = {
    "object": "list",
    "data": [DEPOSIT],
    "next_cursor": "AAMXcZ3eQAABmqs8XW5_gJGis8TV5vcI",
}

TIMELINE: dict[str, Any] = {
    "object": "timeline",
    "deposit": DEPOSIT["id"],
    "events": [
        {
            "type": "accepted",
            "text": "The deposit was accepted.",
            "from_state": None,
            "to_state": "received",
            "actor": "partner",
            "at": "2026-11-22T10:00:00.123456Z",
        },
        {
            "type": "sending",
            "text": "It is being sent to the carrier.",
            "from_state": "received",
            "to_state": "submitting",
            "actor": "worker",
            "at": "2026-11-22T10:00:00.150012Z",
        },
        {
            "type": "approved",
            "text": "The carrier took the money, and the player was credited.",
            "from_state": "submitting",
            "to_state": "credited",
            "actor": "carrier",
            "at": "2026-11-22T10:00:00.412345Z",
        },
    ],
    "attempts": [
        {
            "number": 1,
            "step": "authorise",
            "outcome": "approved",
            "started_at": "2026-11-22T10:00:00.150012Z",
            "finished_at": "2026-11-22T10:00:00.412345Z",
        }
    ],
    "refunds": [],
}

ASK_ELIGIBILITY: dict[str, Any] = {
    "player": "p-1001",
    "currency": "GBP",
    "amount": 2000,
    "method": {"type": "carrier_billing", "phone_number": "+447700900123"},
}

ELIGIBILITY: dict[str, Any] = {
    "object": "eligibility",
    "player": "p-1001",
    "currency": "GBP",
    "amount": 2000,
    "eligible": False,
    "methods": [
        {
            "type": "carrier_billing",
            "phone_number": "+44******123",
            "carrier": "sandbox-mobile",
            "eligible": False,
            "minimum": 100,
            "maximum": 1000,
            "price_points": [],
            "reason": {
                "code": "carrier_monthly_limit",
                "title": "Phone bill limit reached for this month",
                "text": "You have used £230 of £240. It starts again on 1 December. You have not been charged.",
                "next": [{"label": "See my deposits", "action": "my_deposits"}],
            },
            "rules": [
                {
                    "rule": "gb-psr-month",
                    "version": 1,
                    "passes": False,
                    "subject": "phone_number",
                    "measure": "gross",
                    "window": "month",
                    "length": None,
                    "used": 23000,
                    "limit": 24000,
                    "left": 1000,
                    "resets_at": "2026-12-01T00:00:00Z",
                    "source": "Payment Services Regulations 2017, Schedule 1",
                    "reason": {
                        "code": "carrier_monthly_limit",
                        "title": "Phone bill limit reached for this month",
                        "text": "You have used £230 of £240. It starts again on 1 December. You have not been charged.",
                        "next": [{"label": "See my deposits", "action": "my_deposits"}],
                    },
                }
            ],
        }
    ],
}

PUT_PLAYER: dict[str, Any] = {
    "identity": "verified",
    "jurisdiction": "GB",
    "birth_date": "1990-05-17",
    "first_name": "Ada",
    "last_name": "Byron",
    "postcode": "SW1A 1AA",
    "email": "ada@example.com",
    "phone_number": "+447700900001",
}

PLAYER: dict[str, Any] = {
    "object": "player",
    "player": "p-1001",
    "jurisdiction": "GB",
    "test": True,
    "identity": "verified",
    "may_deposit": True,
    "reason": None,
    "balances": [{"currency": "GBP", "amount": 2000}],
    "limits": [],
    "limits_review_due_at": None,
    "breaks": [],
    "created_at": "2026-11-22T10:00:00.123456Z",
}
