"""The addresses of refunds. Each reads what it was sent, calls an action, and answers with the refund as it is now."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from accounts.api_keys import KeyHolder
from deposits.actions.command import Caller
from deposits.actions.refunds.request import RefundRequest, request
from deposits.actions.refusal import Refusal
from deposits.api import inputs, reading, refund_operations, selection
from deposits.api.answers import answer
from deposits.api.authentication import REFUND, holder_of
from deposits.api.problems import NOT_FOUND, Problem, request_id
from deposits.api.refusals import as_problem
from deposits.api.views import ApiView
from deposits.models import Refund
from deposits.refunds_shown import as_object

_ID = re.compile(r"ref_([0-9a-f]{32})\Z")
_REFERENCE = re.compile(r"R-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\Z")


class RefundList(ApiView):
    """/deposits/{deposit_id}/refunds"""

    described = {"get": refund_operations.LIST_REFUNDS, "post": refund_operations.CREATE_REFUND}
    write_scope = REFUND

    def get(self, request: Request, deposit_id: str) -> HttpResponse:
        """Return the refunds of a deposit, newest first. They are few: there are no pages."""
        deposit = selection.find(deposit_id, holder_of(request), request._request)
        refunds = deposit.refunds.select_related("deposit").order_by("-id")
        return answer({"object": "list", "data": [as_object(refund) for refund in refunds]})

    def post(self, request: Request, deposit_id: str) -> HttpResponse:
        """Give part or all of a deposit back, once per key."""
        http: HttpRequest = request._request
        key = reading.idempotency_key(http)
        holder = holder_of(request)
        wanted = inputs.create_refund(reading.read_object(http))
        deposit = selection.find(deposit_id, holder, http)
        try:
            requested = _request(wanted, deposit.id, holder, key)
        except Refusal as refusal:
            raise as_problem(refusal, deposit.currency) from None
        body = as_object(requested.refund)
        if requested.replayed:
            return answer(body, 200, {"Idempotent-Replayed": "true"})
        return answer(body, 201, {"Location": f"{settings.BASE_URL}/api/v1/refunds/{body['id']}"})


class RefundDetail(ApiView):
    """/refunds/{refund_id}"""

    described = {"get": refund_operations.GET_REFUND}

    def get(self, request: Request, refund_id: str) -> HttpResponse:
        """Return one refund."""
        return answer(as_object(_find(refund_id, holder_of(request), request._request)))


def _request(wanted: inputs.CreateRefund, deposit_id: UUID, holder: KeyHolder, key: str) -> Any:
    return request(
        RefundRequest(
            deposit_id=deposit_id,
            amount_minor=wanted.amount,
            reason=Refund.Reason(wanted.reason),
            note=wanted.note or "",
            caller=Caller(client=holder.client, kind="partner", actor=holder.prefix),
            idempotency_key=key,
            request_id=request_id(),
        )
    )


def _find(name: str, holder: KeyHolder, http: HttpRequest) -> Refund:
    """Return the refund with the id (ref_…) or reference (R-…) `name`. Raises `Problem` (404), always alike."""
    refunds = Refund.objects.filter(deposit__in=selection.visible_to(holder)).select_related("deposit")
    if match := _ID.match(name):
        refund = refunds.filter(pk=UUID(hex=match[1])).first()
    elif _REFERENCE.match(name):
        refund = refunds.filter(reference=name).first()
    else:
        raise Problem("not_found", NOT_FOUND)
    if refund is None:
        raise selection.not_visible("refund", name, holder, http)
    structlog.contextvars.bind_contextvars(reference=refund.reference)
    return refund
