"""The base of pages that show and never change: what they show is written by the product alone."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.forms import Media
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin

from accounts.admin.acts import note_staff_act
from accounts.admin.filters import PAGING, FilterForm
from accounts.admin.keyset import KeysetChangeList
from accounts.admin.pages import Page, audit_address


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]  # the library has no types
    """View permission only, for superusers too. Lists are paged by keyset and read no parameter but their own."""

    #: The list's filters; its fields are the only parameters that the list takes.
    filter_form: type[FilterForm] = FilterForm
    #: What the list is sorted by, all descending; it ends with a unique column and an index has the same order.
    newest_first: tuple[str, ...] = ("-id",)
    #: What the search field takes, in words; empty where the list has none.
    search_hint = ""

    #: What a row is called in the audit trail; empty where opening its page is not noted.
    subject_kind = ""

    page_template = "admin/facts_page.html"
    change_list_template = "admin/keyset_list.html"
    list_per_page = 50
    list_fullwidth = True
    actions = None
    sortable_by = ()
    show_full_result_count = False
    preserve_filters = False
    view_on_site = False

    def search(self, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        """Return the rows that `text` names exactly; each way of looking has an index."""
        return queryset.none()

    def find(self, key: str) -> Model | None:
        """Return the row that a page's address names, or None."""
        try:
            row: Model | None = self.get_queryset(None).filter(pk=key).first()
        except (ValueError, ValidationError):
            return None
        return row

    def page(self, request: HttpRequest, row: Any) -> Page:
        """Return what the page of `row` shows."""
        raise NotImplementedError

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Return the variables of the page's template."""
        page = self.page(request, row)
        return {"page": page, "title": page.title}

    def subject(self, row: Any) -> str:
        """Return the name of `row` in the audit trail."""
        return str(row.pk)

    def quick_links(self) -> list[tuple[str, str]]:
        """Return named selections of the list as (name, query string)."""
        return []

    def bound_filters(self, request: HttpRequest) -> FilterForm:
        """Return the filter form with what the request says."""
        return self.filter_form(request.GET, search_hint=self.search_hint)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list. 403 for anything but reading; 400 for a parameter that is not the list's own."""
        if request.method not in ("GET", "HEAD"):
            raise PermissionDenied
        self._refuse_strange_parameters(request.GET)
        quick_links = [
            (name, query, query == request.META.get("QUERY_STRING")) for name, query in self.quick_links()
        ]
        context = {"title": str(self.opts.verbose_name_plural).capitalize(), "quick_links": quick_links}
        response: HttpResponse = super().changelist_view(request, context | (extra_context or {}))
        return response

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one row and note who looked, where that matters. 403 for anything but reading."""
        if request.method not in ("GET", "HEAD") or not self.has_view_permission(request):
            raise PermissionDenied
        row = self.find(object_id)
        if row is None:
            raise Http404
        if self.subject_kind:
            note_staff_act(request, f"{self.subject_kind}.viewed", self.subject_kind, self.subject(row))
        context = {
            **self.admin_site.each_context(request),
            **self.page_context(request, row),
            "opts": self.opts,
            "show_back_button": True,
        }
        return TemplateResponse(request, self.page_template, context)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The history of what nobody edits is its audit trail."""
        row = self.find(object_id)
        if row is None or not self.subject_kind:
            raise Http404
        return HttpResponseRedirect(audit_address(self.subject_kind, self.subject(row)))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return KeysetChangeList

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @property
    def media(self) -> Media:
        """Nothing: a page that changes nothing needs none of the admin's scripts for forms."""
        return Media()

    def _refuse_strange_parameters(self, given: QueryDict) -> None:
        if strange := given.keys() - self.filter_form.base_fields.keys() - PAGING:
            raise BadRequest(f"{', '.join(sorted(strange))}: the list has no such filter or order")
