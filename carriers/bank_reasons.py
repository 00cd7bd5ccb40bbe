"""Why a deposit from a bank did not happen, in words for the player. `{bank}` is the name that players know."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_noop as _

from carriers.reason import Next, Reason, button, row

_ANOTHER_ACCOUNT = button("change_account", _("Use another account"))
_ANOTHER_METHOD = Next((_("Use another method"),), "change_method", method="carrier_billing")
_SMALLER = button("change_amount", _("Choose a smaller amount"))
_OPEN_AGAIN = button("retry", _("Open {bank} again"), _("Open your bank again"))
_BACK = button("back_to_deposit", _("Back to deposit"))

BANK_REASONS: Final[tuple[Reason, ...]] = (
    row(
        "bank_insufficient_funds",
        "P",
        _("Not enough money in this account"),
        (),
        _SMALLER,
        _ANOTHER_ACCOUNT,
    ),
    row(
        "bank_declined",
        "O",
        _("Your bank said no to this deposit"),
        ((_("It does not tell us why; your bank can."),),),
        _ANOTHER_ACCOUNT,
        button("ask_carrier", _("Contact your bank")),
    ),
    # Whoever has turned gambling payments off is not shown a way around it.
    row(
        "bank_gambling_block",
        "B",
        _("Your bank blocks gambling payments"),
        (
            (_("Your account has a gambling block."),),
            (_("We respect it and do not offer another way to pay."),),
        ),
        button("support_tools", _("Support and tools")),
        button("my_limits", _("See my limits")),
    ),
    row("bank_not_approved", "P", _("Not approved in your bank's app"), (), _OPEN_AGAIN, _BACK),
    row("bank_approval_timeout", "P", _("The approval ran out"), (), _OPEN_AGAIN, _BACK),
    row(
        "bank_limit",
        "P",
        _("Above your bank's limit for this kind of payment"),
        (),
        _SMALLER,
        _ANOTHER_ACCOUNT,
    ),
    row(
        "bank_name_mismatch",
        "P",
        _("The account is not in your name"),
        ((_("We can only take money from an account in your own name."),),),
        button("change_account", _("Use your own account")),
        button("contact", _("Contact us")),
    ),
    row(
        "bank_unavailable",
        "LO",
        (_("{bank} is not answering"), _("Your bank is not answering")),
        (),
        button("retry", _("Try in a few minutes")),
        _ANOTHER_METHOD,
    ),
    row(
        "bank_pending",
        "L",
        _("Your bank is still sending it"),
        ((_("It can take up to 2 hours."),),),
        button("notify_me", _("Text me the result")),
        button("my_deposits", _("See my deposits")),
        charge="unknown",
    ),
)
