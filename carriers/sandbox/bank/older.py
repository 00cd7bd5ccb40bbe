"""Version 3.1 of the protocol, as far as domestic payments differ: long names, and no reasons for a status.

Source: Read/Write API 3.1.10, namespaced enumerations and "Domestic Payments".
"""

from __future__ import annotations

from typing import Any

from msgspec import UnsetType

from carriers.sandbox.bank.refusals import bad
from carriers.sandbox.bank.wire import ConsentRequest, PaymentRequest

V3_1, V4_0 = "3.1", "4.0"
VERSIONS = {"v3.1": V3_1, "v4.0": V4_0}

_STATUSES = {
    "AWAU": "AwaitingAuthorisation",
    "AUTH": "Authorised",
    "COND": "Consumed",
    **dict.fromkeys(("RCVD", "PDNG", "ACTC", "ACCP", "ACFC"), "Pending"),
    **dict.fromkeys(("ACSP", "ACWC"), "AcceptedSettlementInProcess"),
    **dict.fromkeys(("ACWP", "BLCK"), "AcceptedWithoutPosting"),
    "ACSC": "AcceptedSettlementCompleted",
    "ACCC": "AcceptedCreditSettlementCompleted",
    "RJCT": "Rejected",
}
_ERRORS = {
    "U000": "UnexpectedError",
    "U002": "Field.Invalid",
    "U004": "Field.Missing",
    "U005": "Field.Unexpected",
    "U006": "Header.Invalid",
    "U007": "Header.Missing",
    "U008": "Resource.ConsentMismatch",
    "U009": "Resource.InvalidConsentStatus",
    "U010": "Resource.InvalidFormat",
    "U011": "Resource.NotFound",
    "U015": "Signature.Invalid",
    "U016": "Signature.InvalidClaim",
    "U017": "Signature.MissingClaim",
    "U018": "Signature.Malformed",
    "U019": "Signature.Missing",
    "U021": "Unsupported.AccountIdentifier",
    "U023": "Unsupported.Currency",
    "U027": "Unsupported.Scheme",
}
_CONTEXTS_OF_BOTH = frozenset({"BillingGoodsAndServicesInAdvance", "BillingGoodsAndServicesInArrears"})
_CONTEXTS = {
    V4_0: _CONTEXTS_OF_BOTH
    | {
        "EcommerceMerchantInitiatedPayment",
        "FaceToFacePointOfSale",
        "TransferToSelf",
        "TransferToThirdParty",
    },
    V3_1: _CONTEXTS_OF_BOTH
    | {"EcommerceGoods", "EcommerceServices", "Other", "PartyToParty", "PispPayee", "BillPayment"},
}


def check_version(asked: ConsentRequest | PaymentRequest, version: str) -> None:
    """Raises 400 U002 for what is of the other version: the form of the remittance, the context of the risk."""
    context = asked.risk.payment_context_code
    if not isinstance(context, UnsetType) and context not in _CONTEXTS[version]:
        known = ", ".join(sorted(_CONTEXTS[version]))
        raise bad("U002", f"Version {version} knows {known}.", "Risk.PaymentContextCode")
    remittance = asked.data.initiation.remittance_information
    if isinstance(remittance, UnsetType):
        return
    path = "Data.Initiation.RemittanceInformation"
    if not isinstance(remittance.unstructured, UnsetType | (str if version == V3_1 else list)):
        raise bad("U002", f"Version {version} has another form of it.", f"{path}.Unstructured")
    if version == V4_0 and not isinstance(remittance.reference, UnsetType):
        raise bad("U005", "Version 4.0 has Structured and Unstructured.", f"{path}.Reference")


def as_told(value: object, version: str) -> object:
    """What is answered, in the words of a version."""
    if version == V4_0 or not isinstance(value, dict):
        return value
    if "Errors" in value:
        errors = [{**one, "ErrorCode": _error(str(one["ErrorCode"]))} for one in value["Errors"]]
        return {**value, "Errors": errors}
    data: dict[str, Any] = {name: one for name, one in value["Data"].items() if name != "StatusReason"}
    if "Status" in data:
        data["Status"] = _STATUSES[data["Status"]]
    if "PaymentStatus" in data:
        data["PaymentStatus"] = [{**one, "Status": _STATUSES[one["Status"]]} for one in data["PaymentStatus"]]
    return {**value, "Data": data}


def _error(code: str) -> str:
    return f"UK.OBIE.{_ERRORS.get(code, 'UnexpectedError')}"
