"""Who may sign in and what they may do. Each change is in the audit trail with its before and after."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.admin.acts import note_staff_act
from accounts.models import User

admin.site.unregister(Group)
#: What only a superuser may give: whoever could give these could take everything.
_POWERS = ("is_staff", "is_superuser", "groups")


class AuditedAdmin(ModelAdmin):  # type: ignore[misc]  # the library has no types
    """Add and change with a record of both sides. Nothing is deleted: people are made inactive."""

    subject_kind = ""

    def facts(self, row: Any) -> dict[str, Any]:
        """Return what the audit trail keeps of `row`, without secrets."""
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            obj.facts_before = self.facts(self.model._default_manager.get(pk=obj.pk))
        super().save_model(request, obj, form, change)

    # Django calls these two after the row and its relations are saved, in the same transaction.
    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        note_staff_act(
            request, f"{self.subject_kind}.added", self.subject_kind, str(obj), after=self.facts(obj)
        )
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        after = self.facts(obj)
        if "password" in str(message).lower():
            after["password"] = "changed"
        before = getattr(obj, "facts_before", {})
        note_staff_act(
            request, f"{self.subject_kind}.changed", self.subject_kind, str(obj), before=before, after=after
        )
        return super().log_change(request, obj, message)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(AuditedAdmin, BaseUserAdmin):  # type: ignore[type-arg]
    """People who sign in."""

    subject_kind = "user"
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = (
        "username",
        "first_name",
        "last_name",
        "is_active",
        "is_staff",
        "is_superuser",
        "last_login",
    )
    list_filter = ("is_active", "is_staff", "is_superuser")
    # What a person may do comes from roles: single permissions given to single people are what nobody reviews.
    filter_horizontal = ()
    sortable_by = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("May", {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    readonly_fields = ("last_login", "date_joined")

    def facts(self, row: Any) -> dict[str, Any]:
        names = ("username", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser")
        return {
            **{name: getattr(row, name) for name in names},
            "roles": sorted(row.groups.values_list("name", flat=True)),
            "permissions": sorted(row.user_permissions.values_list("codename", flat=True)),
        }

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_readonly_fields(request, obj)
        return fields if request.user.is_superuser else (*fields, *_POWERS)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers are changed by superusers only: a new password for one would be a way to become one."""
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        allowed: bool = super().has_change_permission(request, obj)
        return allowed


@admin.register(Group)
class RoleAdmin(AuditedAdmin, BaseGroupAdmin):
    """Roles: named sets of permissions."""

    subject_kind = "role"
    filter_horizontal = ()

    def facts(self, row: Any) -> dict[str, Any]:
        return {"name": row.name, "permissions": sorted(row.permissions.values_list("codename", flat=True))}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)
