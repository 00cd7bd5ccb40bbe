"""Why a deposit from a bank did not happen, in words for the player. `{bank}` is the name that players know."""

from __future__ import annotations

from typing import Final

from carriers.reason import Next, Reason, button, row

_ANOTHER_ACCOUNT = button("change_account", "Use another account")
_ANOTHER_METHOD = Next(("Use another method",), "change_method", method="carrier_billing")
_SMALLER = button("change_amount", "Choose a smaller amount")
_OPEN_AGAIN = button("retry", "Open {bank} again", "Open your bank again")
_BACK = button("back_to_deposit", "Back to deposit")

BANK_REASONS: Final[tuple[Reason, ...]] = (
    row(
        "bank_insufficient_funds",
        "P",
        "Not enough money in this account",
        (),
        _SMALLER,
        _ANOTHER_ACCOUNT,
    ),
    row(
        "bank_declined",
        "O",
        "Your bank said no to this deposit",
        (("It does not tell us why; your bank can.",),),
        _ANOTHER_ACCOUNT,
        button("ask_carrier", "Contact your bank"),
    ),
    # Whoever has turned gambling payments off is not shown a way around it.
    row(
        "bank_gambling_block",
        "B",
        "Your bank blocks gambling payments",
        (("Your account has a gambling block.",), ("We respect it and do not offer another way to pay.",)),
        button("support_tools", "Support and tools"),
        button("my_limits", "See my limits"),
    ),
    row("bank_not_approved", "P", "Not approved in your bank's app", (), _OPEN_AGAIN, _BACK),
    row("bank_approval_timeout", "P", "The approval ran out", (), _OPEN_AGAIN, _BACK),
    row(
        "bank_limit",
        "P",
        "Above your bank's limit for this kind of payment",
        (),
        _SMALLER,
        _ANOTHER_ACCOUNT,
    ),
    row(
        "bank_name_mismatch",
        "P",
        "The account is not in your name",
        (("We can only take money from an account in your own name.",),),
        button("change_account", "Use your own account"),
        button("contact", "Contact us"),
    ),
    row(
        "bank_unavailable",
        "LO",
        ("{bank} is not answering", "Your bank is not answering"),
        (),
        button("retry", "Try in a few minutes"),
        _ANOTHER_METHOD,
    ),
    row(
        "bank_pending",
        "L",
        "Your bank is still sending it",
        (("It can take up to 2 hours.",),),
        button("notify_me", "Text me the result"),
        button("my_deposits", "See my deposits"),
        charge="unknown",
    ),
)
