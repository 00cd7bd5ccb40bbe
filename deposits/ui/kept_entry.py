"""What was filled in, kept from one page to the next: in the address, and a typed number in the session."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from deposits.ui.forms import ANOTHER_BANK, NEW_NUMBER, Entry

#: What was typed as a number is kept here and not in an address: addresses end up in logs.
_TYPED_NUMBER = "typed_number"
#: In an address: there is a number to be looked up in the session, and the entry was sent as it is.
SENT = "sent"


def lead_on(request: HttpRequest, entry: Entry, page: str, **query: str) -> HttpResponse:
    """Redirect to the page of that name with the entry kept, and with more in its address."""
    return HttpResponseRedirect(address(request, entry, page, **query), status=303)


def address(request: HttpRequest, entry: Entry, page: str, **query: str) -> str:
    """Return the address of the page of that name with the entry in it; keeps a typed number in the session."""
    query = {"amount": entry.amount, **query}
    if entry.method:
        query["method"] = entry.method
    if entry.method == ANOTHER_BANK:
        query["bank"] = entry.bank
    if entry.method == NEW_NUMBER or (entry.number and entry.method != ANOTHER_BANK):
        request.session[_TYPED_NUMBER] = entry.number
        query[SENT] = "1"
    return f"{reverse(page)}?{urlencode(query)}"


def read(request: HttpRequest) -> Entry:
    """Return the entry that the page's address keeps."""
    number = request.session.get(_TYPED_NUMBER, "") if SENT in request.GET else ""
    told = {name: request.GET.get(name, "") for name in ("amount", "method", "bank")}
    return Entry.of({**told, "number": number})


def forget(request: HttpRequest) -> None:
    """Drop the typed number: it has served."""
    request.session.pop(_TYPED_NUMBER, None)
