"""The pages a customer sees: plain HTML for a phone, no script, nothing from other hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from carriers.sandbox.bank.records import Consent
from carriers.sandbox.bank.stories import BankStory
from carriers.sandbox.bank.wire import SORT_CODE_ACCOUNT

STYLE_PATH = "/bank.css"
STYLE = (Path(__file__).parent / "static" / "bank.css").read_bytes()

_MORE = (
    ("no_money", "Approve without enough money"),
    ("gambling_block", "Block gambling payments"),
    ("approve_no_return", "Approve, and do not go back"),
    ("approve_twice", "Approve twice"),
    ("close", "Close this page"),
)


@dataclass(frozen=True, slots=True)
class Account:
    """One account of the customer. The last one of a bank has hardly any money."""

    key: str
    label: str
    number: str
    holder: str
    balance_minor: int

    def shown(self) -> dict[str, object]:
        """The account as the client sees it, once the customer has chosen it."""
        return {"SchemeName": SORT_CODE_ACCOUNT, "Identification": self.number, "Name": self.holder}


def accounts_of(story: BankStory, holder: str) -> list[Account]:
    """The accounts to choose from; `holder` is the usual customer's name."""
    name = story.holder or holder
    return [
        Account("current", "Current", "20000112345678", name, 2_481_640),
        Account("savings", "Rainy day", "20000187654321", name, 71),
    ]


def approval_page(story: BankStory, consent: Consent, accounts: list[Account]) -> bytes:
    """The payment with its accounts and buttons. The form posts to the page's own address, query and all."""
    creditor = consent.initiation["CreditorAccount"]
    amount = _pounds(consent.amount_minor)
    choices = "\n".join(_choice(account, checked=account is accounts[0]) for account in accounts)
    more = "\n".join(_button(decision, label, "quiet") for decision, label in _MORE)
    body = f"""<h1>Approve a payment</h1>
<p class="amount">{amount}</p>
<dl>
<div><dt>To</dt><dd>{escape(creditor["Name"])}</dd></div>
<div><dt>Account</dt><dd>{_number(creditor["Identification"])}</dd></div>
<div><dt>Reference</dt><dd>{escape(_reference(consent))}</dd></div>
</dl>
<form method="post">
<fieldset><legend>From an account of {escape(accounts[0].holder)}</legend>
{choices}
</fieldset>
<div class="actions">
{_button("approve", f"Approve {amount}", "primary")}
{_button("refuse", "Do not approve", "secondary")}
</div>
<details><summary>Other endings, for testing</summary>
{more}
</details>
</form>"""
    return _document(story.name, f"Approve {amount}", body)


def front_page(banks: Mapping[str, BankStory]) -> bytes:
    """What is at the root of the bank's origin, where nothing can be approved."""
    names = "\n".join(
        f"<div><dt>{escape(story.name)}</dt><dd>{escape(story.text)}</dd></div>" for story in banks.values()
    )
    text = "Customers come here from a shop, to approve one payment. Each bank plays a story:"
    return _document(
        "Sandbox Bank", "Sandbox banks", f"<h1>Sandbox banks</h1>\n<p>{text}</p>\n<dl>{names}</dl>"
    )


def message_page(name: str, title: str, text: str, links: Iterable[tuple[str, str]] = ()) -> bytes:
    """A page that tells one thing, with ways to go on."""
    ways = "\n".join(
        f'<a class="primary" href="{escape(address)}">{escape(label)}</a>' for label, address in links
    )
    return _document(name, title, f"<h1>{escape(title)}</h1>\n<p>{escape(text)}</p>\n{ways}")


def _document(name: str, title: str, body: str) -> bytes:
    return f"""<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)} – {escape(name)}</title>
<link rel="stylesheet" href="{STYLE_PATH}">
</head>
<body>
<header><span class="mark" aria-hidden="true">{escape(name[0])}</span> <b>{escape(name)}</b></header>
<main>
{body}
</main>
<footer>Simulator: no real money moves.</footer>
</body>
</html>
""".encode()


def _choice(account: Account, *, checked: bool) -> str:
    return (
        f'<label class="account"><input type="radio" name="account" value="{account.key}"'
        f"{' checked' if checked else ''}> <b>{escape(account.label)}</b>"
        f' <span class="balance">{_pounds(account.balance_minor)}</span>'
        f" <small>{_number(account.number)}</small></label>"
    )


def _button(decision: str, label: str, kind: str) -> str:
    return f'<button class="{kind}" name="decision" value="{decision}">{escape(label)}</button>'


def _reference(consent: Consent) -> str:
    """What the customer will read on the statement: the first remittance line, or our reference."""
    told: list[str] = consent.initiation.get("RemittanceInformation", {}).get("Unstructured", [])
    return told[0] if told else consent.reference


def _number(identification: str) -> str:
    """Sort code and account number as printed on a card; other schemes as they are."""
    if len(identification) != 14 or not identification.isdigit():
        return escape(identification)
    return f"{identification[:2]}-{identification[2:4]}-{identification[4:6]} {identification[6:]}"


def _pounds(amount_minor: int) -> str:
    return f"£{amount_minor // 100:,}.{amount_minor % 100:02d}"
