"""The reference that people read: no third party is asked for anything, and no script or style stands in the page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from deposits.api.kinds import FIELD_CODES, KINDS, SITE_CODES
from deposits.api.schema import document

_UI = "drf_spectacular_sidecar/swagger-ui-dist"
# Only GET of our own document; the validator badge would ask a stranger.
_SCRIPT = """\
window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: document.getElementById("reference").dataset.schema,
    dom_id: "#reference",
    deepLinking: true,
    validatorUrl: null,
    persistAuthorization: false,
    displayRequestDuration: true,
  });
});
"""
_PAGE = """<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
{head}</head>
<body>
{body}</body>
</html>
"""


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document. Public, like the documentation."""
    return HttpResponse(document(), content_type="application/json")


@require_safe
def reference(request: HttpRequest) -> HttpResponse:
    """The reference, with a form to try each operation."""
    head = format_html(
        '<link rel="icon" href="{}">\n<link rel="stylesheet" href="{}">\n'
        '<script src="{}" defer></script>\n<script src="{}" defer></script>\n',
        static(f"{_UI}/favicon-32x32.png"),
        static(f"{_UI}/swagger-ui.css"),
        static(f"{_UI}/swagger-ui-bundle.js"),
        reverse("api-docs-script"),
    )
    body = format_html('<main id="reference" data-schema="{}"></main>\n', reverse("openapi"))
    return _page("Paysite API", head, body)


@require_safe
def reference_script(request: HttpRequest) -> HttpResponse:
    """The few lines that start the reference; a script of its own, so that the page needs no inline one."""
    return HttpResponse(_SCRIPT, content_type="text/javascript; charset=utf-8")


@require_safe
def errors(request: HttpRequest) -> HttpResponse:
    """What each `code` means and what to do about it: where the `type` of a problem leads."""
    kinds = format_html_join(
        "",
        '<section id="{}">\n<h2>{}: {}</h2>\n<p><code>{}</code></p>\n<p>{}</p>\n</section>\n',
        (
            (code, kind.status, kind.title, code, kind.advice)
            for code, kind in {**KINDS, **SITE_CODES}.items()
        ),
    )
    fields = format_html_join("", "<dt><code>{}</code></dt><dd>{}</dd>\n", FIELD_CODES.items())
    body = format_html(
        "<main>\n<h1>Errors</h1>\n{}<section>\n<h2>Codes of single fields</h2>\n<dl>\n{}</dl>\n</section>\n</main>\n",
        kinds,
        fields,
    )
    return _page("Paysite API: errors", SafeString(""), body)


def _page(title: str, head: SafeString, body: SafeString) -> HttpResponse:
    return HttpResponse(format_html(_PAGE, title=title, head=head, body=body))
