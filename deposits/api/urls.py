"""Addresses below /api/."""

from __future__ import annotations

from django.urls import URLPattern, path

from deposits.api import docs, eligibility, link_views, players, refund_views, views, withdrawals

urlpatterns: list[URLPattern] = [
    path("v1/deposits", views.DepositList.as_view(), name="api-deposits"),
    path("v1/deposits/<str:deposit_id>", views.DepositDetail.as_view(), name="api-deposit"),
    path("v1/deposits/<str:deposit_id>/confirm", views.DepositConfirm.as_view(), name="api-deposit-confirm"),
    path("v1/deposits/<str:deposit_id>/cancel", views.DepositCancel.as_view(), name="api-deposit-cancel"),
    path(
        "v1/deposits/<str:deposit_id>/timeline", views.DepositTimeline.as_view(), name="api-deposit-timeline"
    ),
    path("v1/deposits/<str:deposit_id>/consent", views.DepositConsent.as_view(), name="api-deposit-consent"),
    path("v1/deposits/<str:deposit_id>/refunds", refund_views.RefundList.as_view(), name="api-refunds"),
    path("v1/refunds/<str:refund_id>", refund_views.RefundDetail.as_view(), name="api-refund"),
    path("v1/methods", views.MethodList.as_view(), name="api-methods"),
    path("v1/eligibility", eligibility.EligibilityView.as_view(), name="api-eligibility"),
    path("v1/players/<str:player>", players.PlayerDetail.as_view(), name="api-player"),
    path("v1/players/<str:player>/breaks", players.PlayerBreaks.as_view(), name="api-player-breaks"),
    path("v1/players/<str:player>/limits", players.PlayerLimits.as_view(), name="api-player-limits"),
    path("v1/players/<str:player>/sources", withdrawals.PlayerSources.as_view(), name="api-player-sources"),
    path(
        "v1/players/<str:player>/withdrawals",
        withdrawals.PlayerWithdrawals.as_view(),
        name="api-player-withdrawals",
    ),
    path(
        "v1/players/<str:player>/withdrawals/<str:withdrawal_id>",
        withdrawals.PlayerWithdrawal.as_view(),
        name="api-player-withdrawal",
    ),
    path("v1/players/<str:player>/links", link_views.PlayerLinks.as_view(), name="api-player-links"),
    path("v1/openapi.json", docs.openapi, name="openapi"),
    path("docs/", docs.reference, name="api-docs"),
    path("docs/reference.js", docs.reference_script, name="api-docs-script"),
    path("docs/errors", docs.errors, name="api-docs-errors"),
]
