"""Our public keys, for those who check our signatures (RFC 7517)."""

from __future__ import annotations

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from carriers import registry

#: Whoever checks signatures may keep the keys for so long.
KEPT_S = 300


@require_safe
@cache_control(public=True, max_age=KEPT_S)
def published(request: HttpRequest) -> JsonResponse:
    """Answer with a JSON Web Key Set: the key of each carrier's profile that has one, each key once."""
    keys = {
        key["kid"]: dict(key)
        for adapter in registry.registry().adapters.values()
        for key in adapter.public_keys()
    }
    return JsonResponse({"keys": list(keys.values())})
