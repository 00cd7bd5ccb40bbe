"""Where a partner's players may be sent back to: changed with a reason, and both sides are in the audit trail."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.admin import ModelAdmin

from accounts import return_addresses
from accounts.admin.acts import note_staff_act
from accounts.admin.forms import ActForm, act_page
from accounts.admin.pages import Table, cell
from accounts.models import Partner


class ReturnAddressesForm(ActForm):
    """All of a partner's addresses, one a line."""

    addresses = forms.CharField(
        label="Return addresses",
        required=False,
        help_text="One a line, each the beginning of what is allowed: https://casino.example/ covers the whole site, "
        "https://casino.example/cashier that page and what is below it.",
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
    )
    field_order = ("addresses", "reason")

    def clean_addresses(self) -> list[str]:
        """Return the addresses, each once, in the order given."""
        lines = [line.strip() for line in self.cleaned_data["addresses"].splitlines()]
        given = list(dict.fromkeys(line for line in lines if line))
        problems = [problem for problem in map(return_addresses.problem_of, given) if problem]
        if len(given) > return_addresses.MOST_ADDRESSES:
            problems.append(
                f"There are {len(given)}; at most {return_addresses.MOST_ADDRESSES} can be registered."
            )
        if problems:
            raise forms.ValidationError(problems)
        return given


def table(partner: Partner) -> Table:
    """Return the partner's addresses for its page."""
    rows = [[cell(address)] for address in partner.return_addresses]
    empty = "None: a deposit with a return_url is refused, except for localhost with a test key."
    return Table("Return addresses", ("Players may be sent back to what begins with",), rows, empty=empty)


def change_view(admin: ModelAdmin, request: HttpRequest, partner: Partner) -> HttpResponse:
    """Ask which and why, and put them in the place of the old ones: they count from the next request on."""
    if not request.user.has_perm("accounts.change_partner"):
        raise PermissionDenied
    form = ReturnAddressesForm(request)
    form.fields["addresses"].initial = "\n".join(partner.return_addresses)
    if request.method == "POST" and form.is_valid():
        addresses = form.cleaned_data["addresses"]
        with transaction.atomic():
            locked = Partner.objects.select_for_update().get(pk=partner.pk)
            note_staff_act(
                request,
                "partner.return_addresses_changed",
                "partner",
                partner.slug,
                before={"return_addresses": locked.return_addresses},
                after={"return_addresses": addresses},
                reason=form.cleaned_data["reason"],
            )
            Partner.objects.filter(pk=partner.pk).update(return_addresses=addresses)
        messages.success(request, f"{partner}: the return addresses are changed.")
        return HttpResponseRedirect(reverse("admin:accounts_partner_change", args=[partner.pk]))
    explanation = (
        f"After the bank, players of {partner} are sent back only to addresses that begin with one of these. "
        "Deposits that name another are refused; players of deposits that named one before stay with us."
    )
    return act_page(
        admin,
        request,
        form,
        title=f"Return addresses of {partner}",
        explanation=explanation,
        button="Change the addresses",
    )
