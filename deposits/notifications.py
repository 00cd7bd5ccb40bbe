"""The address that carriers push to. Keep first, answer fast, believe nothing: a notification only wakes an inquiry."""

from __future__ import annotations

import structlog
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from carriers import registry
from carriers.interface import NotificationRefused
from carriers.redaction import redact_text
from deposits.actions.notify import take_in

log = structlog.get_logger("deposits.notifications")

#: Twice what a CloudEvent of a payment can reasonably be; Django has read at most this much anyway.
MAX_BODY_BYTES = 64 * 1024


@csrf_exempt
@require_POST
def receive(request: HttpRequest, carrier: str) -> HttpResponse:
    """Take in one pushed message: 204, also for one that came before; 4xx with a reason for one we cannot use."""
    adapter = registry.find_adapter(carrier)
    if adapter is None:
        return _refused(404, "No such carrier.")
    if int(request.headers.get("Content-Length") or 0) > MAX_BODY_BYTES:
        return _refused(413, "Send at most 64 kB.")
    headers = {name.lower(): value for name, value in request.headers.items()}
    body = request.body
    try:
        notification = adapter.read_notification(headers, body)
    except NotificationRefused as refusal:
        log.warning("notification_refused", carrier=carrier, status=refusal.status, detail=refusal.detail)
        return _refused(refusal.status, refusal.detail)
    new = take_in(carrier, notification, redact_text(body.decode("utf-8", "replace")))
    log.info(
        "notification",
        carrier=carrier,
        kind=notification.kind,
        event_id=notification.event_id,
        new=new,
        # Carriers give back what we sent with the charge: our reference, also before we know the payment.
        correlator=headers.get("x-correlator", "")[:64],
    )
    return HttpResponse(status=204)


def _refused(status: int, detail: str) -> HttpResponse:
    code = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND"}.get(status, "INVALID_ARGUMENT")
    return JsonResponse({"status": status, "code": code, "message": detail}, status=status)
