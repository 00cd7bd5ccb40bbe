"""Addresses of the players' pages."""

from __future__ import annotations

from django.urls import URLPattern, path, register_converter

from deposits.ui import (
    brand,
    demo,
    deposit_page,
    first_limit,
    hosted_link_page,
    installed,
    off,
    pages,
    passkey_page,
    policy_reports,
    protection_page,
    returning,
    review,
    sign_in_page,
)


class ReferenceConverter:
    """A deposit's reference in an address: "D-7F3K-92QX"."""

    regex = "D-[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}"

    def to_python(self, value: str) -> str:
        """Return it as it stands."""
        return value

    def to_url(self, value: str) -> str:
        """Return it as it stands."""
        return value


register_converter(ReferenceConverter, "reference")

urlpatterns: list[URLPattern] = [
    path("deposit/", pages.deposit, name="deposit"),
    path("deposit/history/", pages.my_deposits, name="deposit-history"),
    path("deposit/history/deposits.csv", pages.my_deposits_csv, name="deposit-history-csv"),
    path("deposit/limits/", pages.my_limits, name="deposit-limits"),
    path("deposit/brand/<str:name>", brand.serve, name="brand"),
    path("deposit/worker.js", installed.worker, name="worker"),
    path("deposit/no-network/", installed.no_network, name="no-network"),
    path("deposit/review/", review.page, name="deposit-review"),
    path("deposit/back/", off.text_me, name="deposit-back"),
    path("deposit/limits/first/", first_limit.page, name="deposit-first-limit"),
    path("deposit/limits/change/", protection_page.page, name="deposit-protection"),
    path("deposit/link/<uuid:link_id>/", hosted_link_page.page, name="hosted-link"),
    path("deposit/phone-bill/", pages.phone_bill, name="phone-bill"),
    path("deposit/policy-reports/", policy_reports.receive, name="policy-reports"),
    path("deposit/return/<slug:carrier>/", returning.come_back, name="deposit-return"),
    path("deposit/<reference:reference>/", deposit_page.page, name="deposit-page"),
    path("deposit/<reference:reference>/code/", deposit_page.enter_code, name="deposit-code"),
    path("deposit/<reference:reference>/approve/", deposit_page.approve, name="deposit-approve"),
    path("deposit/<reference:reference>/receipt/", deposit_page.receipt, name="deposit-receipt"),
    path("deposit/<reference:reference>/text/", deposit_page.text_result, name="deposit-text"),
    path("deposit/<reference:reference>/cancel/", deposit_page.cancel, name="deposit-cancel"),
    path("deposit/<reference:reference>/take-back/", deposit_page.take_back, name="deposit-take-back"),
    path("sign-in/", sign_in_page.number, name="sign-in"),
    path("sign-in/code/", sign_in_page.code, name="sign-in-code"),
    path("sign-in/account/", sign_in_page.account, name="sign-in-account"),
    path("sign-in/passkey/", passkey_page.use, name="passkey"),
    path("sign-in/passkey/ask/", passkey_page.ask, name="passkey-ask"),
    path("sign-in/passkey/add/", passkey_page.add, name="passkey-add"),
    path("sign-in/passkey/added/", passkey_page.added, name="passkey-added"),
    path("sign-out/", sign_in_page.sign_out, name="sign-out"),
    path("demo/", demo.lobby, name="demo"),
]
