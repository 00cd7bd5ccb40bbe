"""The OpenAPI document: the addresses and methods are those that are routed, the descriptions are the views' own."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec
from django.conf import settings
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema

from deposits.api import link_operations, refund_operations, withdrawal_operations
from deposits.api.components import HEADERS, SCHEMAS, SECURITY_SCHEMES
from deposits.api.player_components import PLAYER_SCHEMAS
from deposits.api.rule_components import ELIGIBILITY_SCHEMAS


class DescribedSchema(AutoSchema):
    """Takes each operation from its view instead of guessing it from serializers, of which there are none."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: Any
    ) -> dict[str, Any]:
        """Return the view's own description. KeyError for a method that is routed and not described."""
        view: Any = self.view
        return dict(view.described[method.lower()])


def complete(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add what the operations refer to. Called by the generator (SPECTACULAR_SETTINGS)."""
    schemas = {
        **SCHEMAS,
        **refund_operations.SCHEMAS,
        **withdrawal_operations.SCHEMAS,
        **ELIGIBILITY_SCHEMAS,
        **PLAYER_SCHEMAS,
        **link_operations.SCHEMAS,
    }
    result["components"] = {"schemas": schemas, "headers": HEADERS, "securitySchemes": SECURITY_SCHEMES}
    result["security"] = [{"apiKey": []}]
    result["servers"] = [{"url": settings.BASE_URL}]
    return result


@lru_cache(maxsize=1)
def document() -> bytes:
    """Return the whole document as JSON. It does not change while a process lives."""
    generator: Any = SchemaGenerator(urlconf=settings.ROOT_URLCONF)  # type: ignore[no-untyped-call]
    return msgspec.json.encode(generator.get_schema(request=None, public=True))
