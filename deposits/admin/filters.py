"""The filters of the list of deposits. Each has an index; what is not here cannot be asked for."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone

from accounts.admin.filters import FilterForm, MomentField
from accounts.models import Partner
from carriers import reasons, registry
from deposits.admin.words import reason_title
from deposits.references import first_id_at
from deposits.states import FINAL, State

#: A deposit that has not ended after this long is stuck in the eyes of staff.
STUCK_AFTER_S = 600
#: Ids carry the time of the process that minted them, `created_at` is the database's: they differ by less than this.
_CLOCK_DIFFERENCE = timedelta(minutes=5)
OPEN = tuple(state.value for state in State if state not in FINAL)
_MINOR_PER_MAJOR = 100
_ANY = ("", "Any")
#: Choices that are shown at once; an installation with more partners filters from a partner's own page.
_MOST_PARTNERS = 200


class _AmountField(forms.DecimalField):
    def __init__(self, label: str) -> None:
        super().__init__(label=label, min_value=0, max_digits=10, decimal_places=2)
        self.error_messages["invalid"] = "Write the amount like 12.50."
        self.widget.attrs["inputmode"] = "decimal"


class DepositFilters(FilterForm):
    """State, method, carrier, reason, partner, time, amount, and two questions that staff ask each day."""

    state = forms.ChoiceField(label="State", choices=[_ANY, ("open", "Not ended yet"), *State.choices])
    method = forms.ChoiceField(
        label="Method", choices=[_ANY, (registry.CARRIER_BILLING, "Phone bill"), (registry.BANK, "Bank")]
    )
    carrier = forms.ChoiceField(label="Carrier or bank")
    reason = forms.ChoiceField(label="Reason")
    partner = forms.ChoiceField(label="Partner")
    created_from = MomentField("Created from")
    created_to = MomentField("Created before")
    amount_from = _AmountField("Amount from")
    amount_to = _AmountField("Amount to")
    view = forms.ChoiceField(
        label="Attention",
        choices=[
            _ANY,
            ("stuck", f"Stuck over {STUCK_AFTER_S // 60} min"),
            ("paid_not_credited", "Paid, not credited"),
        ],
    )
    player = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        carriers = [(code, profile.name) for code, profile in registry.registry().profiles.items()]
        codes = sorted(((code, reason_title(code)) for code in reasons.REASONS), key=lambda pair: pair[1])
        partners = Partner.objects.order_by("name").values_list("pk", "name")[:_MOST_PARTNERS]
        self._offer("carrier", carriers)
        self._offer("reason", codes)
        self._offer("partner", [(str(key), name) for key, name in partners])

    def narrow(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return `queryset` with the chosen filters applied."""
        chosen = self.cleaned_data
        if chosen["state"]:
            queryset = queryset.filter(state__in=OPEN if chosen["state"] == "open" else [chosen["state"]])
        for name, column in (
            ("method", "method_type"),
            ("carrier", "carrier"),
            ("reason", "reason_code"),
            ("partner", "partner"),
            ("player", "player"),
        ):
            if chosen[name]:
                queryset = queryset.filter(**{column: chosen[name]})
        for name, comparison in (("amount_from", "gte"), ("amount_to", "lte")):
            if chosen[name] is not None:
                queryset = queryset.filter(**{f"amount_minor__{comparison}": _minor(chosen[name])})
        queryset = _created(queryset, chosen["created_from"], chosen["created_to"])
        return self._attention(queryset, chosen["view"])

    def ordering(self) -> tuple[str, ...] | None:
        """Partners' and players' own indexes are sorted by time of creation; all others by id, which is as good."""
        by_owner = self.cleaned_data["partner"] or self.cleaned_data["player"]
        return ("-created_at", "-id") if by_owner else None

    def clean(self) -> dict[str, Any]:
        """Refuse ranges that hold nothing."""
        chosen = super().clean() or {}
        for low, high, what in (
            ("created_from", "created_to", "time"),
            ("amount_from", "amount_to", "amount"),
        ):
            if chosen.get(low) and chosen.get(high) and chosen[low] > chosen[high]:
                self.add_error(high, ValidationError(f"This {what} is below the one it starts from."))
        return chosen

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        """Offer `choices`, and whatever is asked for: a carrier or partner may have gone, its deposits have not."""
        asked = self.data.get(name, "")
        if (
            asked
            and asked.isascii()
            and asked not in dict(choices)
            and (name == "carrier" or asked.isdecimal())
        ):
            choices = [*choices, (asked, asked)]
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [_ANY, *choices]

    def _attention(self, queryset: QuerySet[Any], view: str) -> QuerySet[Any]:
        if view == "stuck":
            before = timezone.now() - timedelta(seconds=STUCK_AFTER_S)
            return _created(queryset.filter(state__in=OPEN), None, before)
        if view == "paid_not_credited":
            return queryset.filter(state=State.REVIEW, taken_minor__isnull=False)
        return queryset


def _created(queryset: QuerySet[Any], start: datetime | None, end: datetime | None) -> QuerySet[Any]:
    """Created from `start` until before `end`: the ids bound the index scan, the column decides at the edges."""
    if start is not None:
        queryset = queryset.filter(pk__gte=first_id_at(start - _CLOCK_DIFFERENCE), created_at__gte=start)
    if end is not None:
        queryset = queryset.filter(pk__lt=first_id_at(end + _CLOCK_DIFFERENCE), created_at__lt=end)
    return queryset


def _minor(amount: Decimal) -> int:
    return int(amount * _MINOR_PER_MAJOR)
