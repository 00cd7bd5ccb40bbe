"""The demo's lobby: each of the sandbox's phone numbers and banks with its story, one button away."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from carriers import registry
from carriers.profiles import CarrierProfile
from deposits.ui import demo_players
from deposits.ui.forms import BANK_PREFIX
from deposits.ui.sign_in import sign_in

PREFIX = "+447700900"


@dataclass(frozen=True, slots=True)
class Story:
    """What happens to a deposit from one number. `limit_minor` is the player's weekly limit."""

    name: str
    ending: str
    text: str
    proved: bool = True
    limit_minor: int = demo_players.WEEKLY_LIMIT_MINOR

    @property
    def number(self) -> str:
        """The number as people write it: 07700 900001."""
        return f"07700 900{self.ending}"


def _numbers(*stories: tuple[str, str]) -> tuple[Story, ...]:
    return tuple(Story(ending, ending, text) for ending, text in stories)


GROUPS: tuple[tuple[str, tuple[Story, ...]], ...] = (
    (
        "It works",
        (
            *_numbers(
                ("001", "Approved at once"),
                ("007", "Processing, then approved after 15 seconds"),
                ("020", "Approved after 4 seconds"),
                ("012", "The network is busy twice, then approves"),
                ("013", "The network asks us to slow down, then approves"),
                ("017", "Approved; the network tells us three times"),
            ),
        ),
    ),
    (
        "A code first",
        (
            Story("code", "021", "Number not proved yet: enter 123456", proved=False),
            *_numbers(("009", "The network wants a code each time: 123456, three tries")),
        ),
    ),
    (
        "The answer is no",
        (
            *_numbers(
                ("002", "Declined without a reason"),
                ("003", "Declined: the monthly cap is used up"),
                ("004", "Declined: amount not allowed"),
                ("005", "Number unknown to the network"),
                ("006", "This line cannot pay by phone bill"),
                ("008", "Processing, then declined after 5 seconds"),
            ),
            Story("limit", "022", "The player's own limit is £15 a week", limit_minor=1_500),
        ),
    ),
    (
        "The connection breaks",
        _numbers(
            ("010", "Charged, but the answer is lost"),
            ("011", "Not charged, and the answer is lost"),
            ("014", "No answer; charged 30 seconds later"),
            ("016", "Processing for ever"),
            ("019", "Charged, but the answer cannot be read"),
        ),
    ),
    (
        "People must look",
        _numbers(
            ("015", "Approved with another amount than asked"),
            ("018", "Approved, taken back by the network 20 seconds later"),
        ),
    ),
)
#: What each of the sandbox's banks does once the player has approved; those that are configured are shown.
BANKS = {
    "sandbox-bank": "What you tap at the bank decides",
    "sandbox-bank-slow": "Accepted, and settled after 15 seconds",
    "sandbox-bank-rejects": "Accepted, and then rejected",
    "sandbox-bank-blocks": "Accepted, and then stopped by a gambling block",
    "sandbox-bank-holds": "Accepted, and held by the bank",
    "sandbox-bank-lost": "Accepted, but the answer is lost",
    "sandbox-bank-name": "The account is in another name",
    "sandbox-bank-down": "The bank does not answer",
}
_BY_NAME = {story.name: story for _, stories in GROUPS for story in stories}


@require_http_methods(["GET", "HEAD", "POST"])
def lobby(request: HttpRequest) -> HttpResponse:
    """GET: the list. POST `story` or `bank`: sign in as a fresh player, and go to the deposit page with it chosen."""
    if not settings.DEMO:
        raise Http404
    if request.method != "POST":
        return render(request, "deposits/demo.html", {"groups": GROUPS, "banks": _banks()})
    if "bank" in request.POST:
        return _with_bank(request, request.POST["bank"])
    story = _BY_NAME.get(request.POST.get("story", ""))
    if story is None:
        raise Http404
    player = demo_players.fresh_player(
        f"{PREFIX}{story.ending}", proved=story.proved, weekly_limit_minor=story.limit_minor
    )
    sign_in(request, player)
    return HttpResponseRedirect(reverse("deposit"))


def _banks() -> list[tuple[CarrierProfile, str]]:
    banks = registry.banks(settings.DEPOSIT_PAGE_CURRENCY)
    return [(bank, BANKS[bank.code]) for bank in banks if bank.code in BANKS]


def _with_bank(request: HttpRequest, code: str) -> HttpResponse:
    if registry.bank(code, settings.DEPOSIT_PAGE_CURRENCY) is None:
        raise Http404
    sign_in(request, demo_players.fresh_player(demo_players.USUAL_NUMBER))
    query = urlencode({"method": f"{BANK_PREFIX}{code}"}, safe=":")
    return HttpResponseRedirect(f"{reverse('deposit')}?{query}")
