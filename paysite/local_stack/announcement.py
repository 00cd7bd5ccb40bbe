"""What `make run` says once everything answers: to the person on the terminal, to programs in `.data/run.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from paysite.local_stack.ports import HOST
from paysite.local_stack.programs import Site


@dataclass(frozen=True)
class Staff:
    """How staff sign in to the admin."""

    username: str
    password: str


@dataclass(frozen=True)
class RunFacts:
    """Where everything is. Written to disk only when all of it answers."""

    base_url: str
    api_key: str
    player_url: str
    admin_url: str
    staff: Staff
    sandbox_url: str
    bank_url: str
    webhook_secret: str
    # One address per instance; they are all alike.
    web_urls: list[str]

    @classmethod
    def of(cls, site: Site, staff_username: str) -> RunFacts:
        """The facts of a site whose demo data has been made."""
        assert site.keys.api_key is not None
        return cls(
            base_url=site.base_url,
            api_key=site.keys.api_key,
            player_url=f"{site.base_url}/deposit/",
            admin_url=f"{site.base_url}/admin/",
            staff=Staff(staff_username, site.keys.staff_password),
            sandbox_url=site.sandbox_url,
            bank_url=site.bank_url,
            webhook_secret=site.keys.webhook_secret,
            web_urls=[f"http://{HOST}:{site.web_port(number)}" for number in range(site.instances)],
        )

    def to_json(self) -> str:
        """The facts as the text of run.json."""
        return json.dumps(asdict(self), indent=2) + "\n"


def first_curl(facts: RunFacts, key_suffix: str) -> str:
    """A command that makes a deposit when pasted into a shell. Each run shows another idempotency key."""
    body = {
        "player": "p-1001",
        "amount": 2000,
        "currency": "GBP",
        "partner_reference": "order-77",
        "method": {"type": "carrier_billing", "phone_number": "+447700900001"},
    }
    return (
        f"curl -sS -X POST {facts.base_url}/api/v1/deposits"
        f" -H 'Authorization: Bearer {facts.api_key}'"
        f" -H 'Idempotency-Key: first-curl-{key_suffix}'"
        " -H 'Content-Type: application/json'"
        f" -d '{json.dumps(body)}'"
    )


def announcement(facts: RunFacts, key_suffix: str) -> str:
    """The block for the terminal: every face of the site, and a first command to try."""
    return f"""
Paysite is running.

  Player's page   {facts.player_url}
  Partner API     {facts.base_url}/api/v1/   key {facts.api_key}
  API reference   {facts.base_url}/api/docs/
  Admin           {facts.admin_url}   sign in as {facts.staff.username} with {facts.staff.password}
  Sandbox         {facts.sandbox_url}/sandbox/   what the simulated carriers and banks do and have charged
  Bank            {facts.bank_url}/   where players approve payments

Make a first deposit; paste this into another terminal:

  {first_curl(facts, key_suffix)}

The same facts are in .data/run.json, the logs in .data/log. Ctrl-C stops everything and keeps the data.
"""
