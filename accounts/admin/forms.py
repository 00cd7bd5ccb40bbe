"""A page with one form that does one thing: why is asked, and written down."""

from __future__ import annotations

import secrets
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin

_SHORTEST_REASON = 10
_ONCE = "act_once"


class ActForm(forms.Form):
    """Asks for a reason. `once` makes a form that was sent already, or reloaded, do nothing."""

    reason = forms.CharField(
        label="Reason",
        min_length=_SHORTEST_REASON,
        max_length=500,
        help_text="Kept in the audit trail. A sentence that a colleague understands next year.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    once = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, request: HttpRequest, **kwargs: Any) -> None:
        self.request = request
        if request.method == "POST":
            super().__init__(request.POST, **kwargs)
        else:
            request.session[_ONCE] = secrets.token_urlsafe(16)
            super().__init__(initial={"once": request.session[_ONCE]}, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.update({"class": "ps-field", "id": f"act-{name}"})

    def clean_once(self) -> str:
        """Take the mark off the session; a second try does not find it."""
        given: str = self.cleaned_data["once"]
        if given != self.request.session.get(_ONCE):
            raise forms.ValidationError("This form was sent already. Open the page again to do it once more.")
        return given

    def clean(self) -> dict[str, Any]:
        """Use up the mark only when everything else is right."""
        given = super().clean() or {}
        if not self.errors:
            del self.request.session[_ONCE]
        return given


def act_page(
    admin: ModelAdmin, request: HttpRequest, form: ActForm, *, title: str, explanation: str, button: str
) -> HttpResponse:
    """Return the page that shows `form`."""
    context = {
        **admin.admin_site.each_context(request),
        "title": title,
        "opts": admin.opts,
        "form": form,
        "explanation": explanation,
        "button": button,
        "show_back_button": True,
    }
    return TemplateResponse(request, "admin/act_form.html", context)
