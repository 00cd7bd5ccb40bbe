"""The addresses of the API. Each reads what it was sent, calls an action, and answers with the deposit as it is now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.api_keys import KeyHolder
from deposits import consent_shown, links, presentation
from deposits.actions.accept import DepositRequest, accept, canonical
from deposits.actions.command import Caller, cancel, confirm
from deposits.actions.refusal import KeyRefused, Refusal
from deposits.api import inputs, methods, operations, paging, reading, selection
from deposits.api.answers import answer
from deposits.api.authentication import RecognisedApiKey, holder_of, unauthenticated
from deposits.api.problems import NOT_FOUND, FieldError, Problem, request_id
from deposits.api.refusals import as_problem
from deposits.api.timeline import as_timeline
from deposits.models import Deposit

_ACTOR = "partner"


class ApiView(APIView):
    """What all addresses share: the key, its scope, and no more of the framework than that needs."""

    http_method_names = ["get", "head", "post"]
    #: How each method is described (OpenAPI operations, by method in lower case).
    described: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    takes_query: ClassVar[bool] = False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let in whom the key lets in. There is one format and one version, so nothing is negotiated."""
        self.perform_authentication(request)
        self.check_permissions(request)
        if not self.takes_query and request._request.META.get("QUERY_STRING"):
            paging.refuse_any(request._request.GET)

    @property
    def default_response_headers(self) -> dict[str, str]:
        """None: `Allow` is for 405 only."""
        return {}

    def raise_uncaught_exception(self, exc: Exception) -> NoReturn:
        """Leave what is nobody's refusal to the site: 503 for the database, 500 for a bug."""
        raise exc


class DepositList(ApiView):
    """/deposits"""

    described = {"get": operations.LIST_DEPOSITS, "post": operations.CREATE_DEPOSIT}
    takes_query = True

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Accepting a deposit asks about the key in its own statement."""
        # The description of the API is made without a request.
        accepts = getattr(self.request, "method", None) == "POST"
        return [RecognisedApiKey()] if accepts else super().get_authenticators()

    def get(self, request: Request) -> HttpResponse:
        """Return one page of the partner's deposits."""
        query = paging.read(request._request.GET)
        deposits, cursor = paging.page(selection.visible_to(holder_of(request)), query)
        return answer({"object": "list", "data": [_shown(one) for one in deposits], "next_cursor": cursor})

    def post(self, request: Request) -> HttpResponse:
        """Accept a deposit, once per key."""
        http: HttpRequest = request._request
        if http.META.get("QUERY_STRING"):
            paging.refuse_any(http.GET)
        holder = holder_of(request)
        key = reading.idempotency_key(http)
        wanted = inputs.create_deposit(reading.read_object(http), holder.mode)
        _check_return_url(wanted, holder, key)
        try:
            accepted = accept(_deposit_request(wanted, holder, key))
        except Refusal as refusal:
            raise as_problem(refusal, wanted.currency) from None
        except KeyRefused:
            raise unauthenticated() from None
        deposit = accepted.deposit
        body = presentation.as_object(deposit, wanted.player, links.page_url(deposit.reference))
        if accepted.replayed:
            return answer(body, 200, {"Idempotent-Replayed": "true"})
        return answer(body, 201, {"Location": f"{settings.BASE_URL}/api/v1/deposits/{body['id']}"})


class MethodList(ApiView):
    """/methods"""

    described = {"get": operations.LIST_METHODS}

    def get(self, request: Request) -> HttpResponse:
        """Return the ways to pay."""
        return answer(methods.as_list())


class DepositDetail(ApiView):
    """/deposits/{deposit_id}"""

    described = {"get": operations.GET_DEPOSIT}

    def get(self, request: Request, deposit_id: str) -> HttpResponse:
        """Return one deposit."""
        return answer(_shown(selection.find(deposit_id, holder_of(request), request._request)))


class DepositConfirm(ApiView):
    """/deposits/{deposit_id}/confirm"""

    described = {"post": operations.CONFIRM_DEPOSIT}

    def post(self, request: Request, deposit_id: str) -> HttpResponse:
        """Hand over the player's one-time code."""
        http: HttpRequest = request._request
        key = reading.idempotency_key(http)
        code = inputs.confirm_code(reading.read_object(http))
        deposit = selection.find(deposit_id, holder_of(request), http)
        try:
            confirmed = confirm(deposit.id, code, _caller(holder_of(request)), key)
        except Refusal as refusal:
            raise as_problem(refusal, deposit.currency) from None
        return answer(_shown(confirmed, deposit.player.external_id))


class DepositCancel(ApiView):
    """/deposits/{deposit_id}/cancel"""

    described = {"post": operations.CANCEL_DEPOSIT}

    def post(self, request: Request, deposit_id: str) -> HttpResponse:
        """Cancel it, or have the carrier asked to."""
        http: HttpRequest = request._request
        key = reading.idempotency_key(http)
        inputs.nothing(reading.read_object(http, may_be_empty=True))
        deposit = selection.find(deposit_id, holder_of(request), http)
        cancelled = cancel(deposit.id, _caller(holder_of(request)), key)
        return answer(_shown(cancelled, deposit.player.external_id))


class DepositTimeline(ApiView):
    """/deposits/{deposit_id}/timeline"""

    described = {"get": operations.GET_TIMELINE}

    def get(self, request: Request, deposit_id: str) -> HttpResponse:
        """Return what happened to a deposit."""
        return answer(as_timeline(selection.find(deposit_id, holder_of(request), request._request)))


class DepositConsent(ApiView):
    """/deposits/{deposit_id}/consent"""

    described = {"get": operations.GET_CONSENT}

    def get(self, request: Request, deposit_id: str) -> HttpResponse:
        """Return what the player was told and agreed to."""
        deposit = selection.find(deposit_id, holder_of(request), request._request)
        kept = consent_shown.evidence(deposit)
        if kept is None:
            raise Problem("not_found", NOT_FOUND)
        return answer(consent_shown.as_object(deposit, kept))


def _shown(deposit: Deposit, player: str = "") -> dict[str, Any]:
    player = player or deposit.player.external_id
    return presentation.as_object(deposit, player, links.page_url(deposit.reference))


def _check_return_url(wanted: inputs.CreateDeposit, holder: KeyHolder, key: str) -> None:
    """Refuse an address that the partner has not registered, unless the request is a repetition."""
    if wanted.return_url is None or holder.may_return_to(wanted.return_url):
        return
    # What was accepted under this key stays so, whatever has been registered since.
    if Deposit.objects.filter(client=holder.client, idempotency_key=key).exists():
        return
    raise return_url_refused(holder)


def return_url_refused(holder: KeyHolder) -> Problem:
    """The answer to an address that the partner has not registered."""
    code = "return_url_not_registered"
    registered = ", ".join(holder.return_addresses) or "none yet"
    detail = f"Send an address that begins with one of your registered ones: {registered}."
    return Problem(code, detail, errors=[FieldError("return_url", code, detail)])


def _caller(holder: KeyHolder) -> Caller:
    return Caller(client=holder.client, kind=_ACTOR, actor=holder.prefix)


def _deposit_request(wanted: inputs.CreateDeposit, holder: KeyHolder, key: str) -> DepositRequest:
    return DepositRequest(
        partner_id=holder.partner_id,
        player=wanted.player,
        amount_minor=wanted.amount,
        currency=wanted.currency,
        method_type=wanted.method.type,
        phone_number=wanted.method.phone_number,
        bank_id=wanted.method.bank_id,
        client=holder.client,
        idempotency_key=key,
        canonical_body=canonical(wanted),
        actor_kind=_ACTOR,
        actor=holder.prefix,
        key_id=holder.key_id,
        test_mode=holder.mode == "test",
        partner_reference=wanted.partner_reference or "",
        return_url=wanted.return_url or "",
        device=wanted.device or "",
        words=wanted.consent.words if wanted.consent else "",
        language=wanted.consent.language if wanted.consent else "",
        request_id=request_id(),
    )
