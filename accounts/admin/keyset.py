"""Lists that are paged by the last row seen: no OFFSET, no full count, however big the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.admin.utils import label_for_field
from django.core.exceptions import BadRequest, ValidationError
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.http import urlencode
from unfold.views import ChangeList

from accounts.admin.counting import Count, count
from accounts.admin.filters import NEWER, OLDER, PAGING
from accounts.admin.pages import Fact, cell


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page stands: addresses of its neighbours ("" where there is none), and the rows in all."""

    newer: str
    older: str
    count_text: str
    template_name: str = "admin/keyset_pager.html"


class KeysetChangeList(ChangeList):  # type: ignore[misc]  # the library has no types
    """A change list of a `ReadOnlyAdmin`: its filter form decides what is in it, its cursor where it begins."""

    result_list: list[Model]

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        """Return the filtered rows, newest first, from the top. Nothing but the form's fields is ever looked at."""
        self.form = self.model_admin.bound_filters(request)
        self.newest_first = self.model_admin.newest_first
        queryset: QuerySet[Any] = self.root_queryset
        if not self.form.is_valid():
            return queryset.none()
        queryset = self.form.narrow(queryset)
        if self.query:
            queryset = self.model_admin.search(queryset, self.query)
        self.newest_first = self.form.ordering() or self.newest_first
        if self.list_select_related:
            queryset = queryset.select_related(*self.list_select_related)
        return queryset.order_by(*self.newest_first)

    def get_results(self, request: HttpRequest) -> None:
        """Read one page and what the templates want to know about it."""
        size = self.list_per_page
        upwards = NEWER in request.GET
        cursor = self._cursor_row(request.GET.get(NEWER) or request.GET.get(OLDER))
        rows = self.queryset
        if cursor is not None:
            rows = rows.filter(beyond(cursor, self.newest_first, upwards=upwards))
        if upwards:
            rows = rows.reverse()
        found = list(rows[: size + 1])
        more, found = len(found) > size, found[:size]
        if upwards:
            found.reverse()
        rest = count(self.queryset) if cursor is not None or more else Count(len(found), exact=True)
        self.result_list = found
        labels = [(name, label_for_field(name, self.model, self.model_admin)) for name in self.list_display]
        self.columns = [label for _, label in labels]
        self.rows = [[(label, self._cell(name, row)) for name, label in labels] for row in found]
        self.paginator = Page(
            newer=self._link(NEWER, found[:1]) if (more if upwards else cursor is not None) else "",
            older=self._link(OLDER, found[-1:]) if (cursor is not None if upwards else more) else "",
            count_text=rest.of(str(self.opts.verbose_name), str(self.opts.verbose_name_plural)),
        )
        self._tell_the_templates(rest.number)

    def _cell(self, name: str, row: Model) -> Fact:
        """What the admin's method of that name, or the row itself, says."""
        shown = getattr(self.model_admin, name, None)
        value = shown(row) if shown else getattr(row, name)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = value.isoformat()
        return value if isinstance(value, Fact) else cell(value)

    def _tell_the_templates(self, number: int) -> None:
        self.result_count = number
        self.full_result_count = None
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all = self.multi_page = False
        self.filter_specs: list[Any] = []
        self.has_filters = False
        self.has_active_filters = bool(self.form.active)

    def _cursor_row(self, key: str | None) -> Model | None:
        """The row that the page begins after. Raises BadRequest for a key that no row has."""
        if not key:
            return None
        try:
            row = self.model._default_manager.filter(pk=key).only("pk", *_names(self.newest_first)).first()
        except (ValueError, ValidationError):
            row = None
        if row is None:
            raise BadRequest(f"{OLDER}, {NEWER}: no such row; go back to the first page")
        return row  # type: ignore[no-any-return]

    def _link(self, direction: str, row: Sequence[Model]) -> str:
        kept = {name: value for name, value in self.params.items() if name not in PAGING}
        return "?" + urlencode(kept | {direction: str(row[0].pk)}) if row else ""


def beyond(row: Model, newest_first: Sequence[str], *, upwards: bool) -> Q:
    """Return the condition for rows after `row` in the order `newest_first`; before it if `upwards`.

    The order is all descending or, for a queue, all ascending.
    """
    descending = newest_first[-1].startswith("-")
    comparison = "gt" if upwards == descending else "lt"
    names = _names(newest_first)
    last = names[-1]
    condition = Q(**{f"{last}__{comparison}": getattr(row, last)})
    for name in reversed(names[:-1]):
        value = getattr(row, name)
        # The first part alone bounds the index scan; the second decides among equals.
        condition = Q(**{f"{name}__{comparison}e": value}) & (
            Q(**{f"{name}__{comparison}": value}) | condition
        )
    return condition


def _names(newest_first: Sequence[str]) -> list[str]:
    return [name.removeprefix("-") for name in newest_first]
