"""The filters of a list as a form: its fields are the only query parameters that the list reads."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

#: Parameters of every list: the text searched for, and from which row on to show which way.
SEARCH, OLDER, NEWER = "q", "older", "newer"
PAGING = frozenset({OLDER, NEWER})
#: Longer than any reference that we or a carrier give out.
_LONGEST_SEARCH = 300


class MomentField(forms.DateTimeField):
    """A date with its time, in the site's time zone."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def __init__(self, label: str) -> None:
        formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"]
        super().__init__(label=label, input_formats=formats)
        self.error_messages["invalid"] = "Write the time like 2026-01-31T14:05."


class FilterForm(forms.Form):
    """No filter at all. Subclasses add fields and say in `narrow` what they do to the list."""

    q = forms.CharField(label="Search", required=False, max_length=_LONGEST_SEARCH)

    def __init__(self, *args: Any, search_hint: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.required = False
            field.widget.attrs.update({"class": "ps-field", "id": f"filter-{name}"})
        if not search_hint:
            self.fields["q"].widget = forms.HiddenInput()
        self.fields["q"].widget.attrs.update(
            {"placeholder": search_hint, "autocomplete": "off", "data-find": ""}
        )

    def narrow(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return `queryset` with the chosen filters applied. Called for valid input only."""
        return queryset

    def ordering(self) -> tuple[str, ...] | None:
        """Return the fields, newest first, that an index for the chosen filters is sorted by; None for the usual."""
        return None

    @property
    def active(self) -> dict[str, Any]:
        """What is filled in, by the field's label."""
        if not self.is_valid():
            return {}
        return {name: value for name, value in self.cleaned_data.items() if value not in (None, "", False)}
