"""The safeties that are removed, one at a time, and the tests that must notice.

A mutant is data. `find` must stand in its file exactly once; where it does not any more, the run fails and says so.
"""

from __future__ import annotations

from dataclasses import dataclass

LIFECYCLE = "tests/deposits/lifecycle"
REFUNDS = "tests/refunds"
BANK = "tests/deposits/bank"
_ADAPTER = "carriers/adapters/open_banking.py"


@dataclass(frozen=True)
class Edit:
    """Replace `find`, which stands in `file` exactly once, by `replacement`."""

    file: str
    find: str
    replacement: str


@dataclass(frozen=True)
class Mutant:
    """One safety, how it is removed, and the tests of which at least one must fail then."""

    safety: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        "bank: an order is repeated under the same key",
        (
            Edit(
                _ADAPTER,
                'f"{order.reference}-{purpose}"',
                'f"{order.reference}-{purpose}-{self._clock.now():.3f}"',
            ),
        ),
        (f"{BANK}/test_lost_answers.py",),
    ),
    Mutant(
        "bank: an answer counts with the bank's signature only",
        (Edit("carriers/signatures.py", "        if not right:\n", "        if False:\n"),),
        ("tests/carriers/test_open_banking.py",),
    ),
    Mutant(
        "bank: a state is taken from nobody but us, for this deposit and this bank",
        (
            Edit(
                "carriers/binding.py",
                "    if not hmac.compare_digest(state.encode(), state_for(secret, carrier, reference).encode()):\n",
                "    if not reference:\n",
            ),
        ),
        (f"{BANK}/test_approvals.py",),
    ),
    Mutant(
        "bank: a token is for our consent",
        (Edit("carriers/code_flow.py", '{"nonce": self._derived("nonce", reference), **intent})', "{})"),),
        ("tests/carriers/test_open_banking.py",),
    ),
    Mutant(
        "bank: a refusal is believed while the consent is unused",
        (Edit(_ADAPTER, 'not in ("AUTH", "AWAU"):', 'in ("none",):'),),
        ("tests/carriers/test_open_banking.py",),
    ),
    Mutant(
        "bank: whoever holds a credential is in doubt",
        (
            Edit(
                "deposits/actions/decide.py",
                " or claimed.not_found_seen or claimed.credential\n",
                " or claimed.not_found_seen\n",
            ),
            Edit(
                "deposits/actions/decide_approval.py",
                "    if not open_still or ordered or",
                "    if not open_still or",
            ),
        ),
        (f"{BANK}/test_lost_answers.py",),
    ),
    Mutant(
        "bank: past the time that keys are kept nothing is ordered",
        (
            Edit(
                "deposits/actions/decide_approval.py",
                "    if since_first_s + profile.http_total_s >= profile.reference_kept_s:\n",
                "    if since_first_s < 0:\n",
            ),
        ),
        (f"{BANK}/test_lost_answers.py",),
    ),
    Mutant(
        "bank: after a cancel no approval is taken",
        (
            Edit(
                "deposits/actions/approve.py",
                "        and deposit.next_step == Deposit.Next.INQUIRE\n",
                "",
            ),
        ),
        (f"{BANK}/test_approvals.py",),
    ),
    Mutant(
        "bank: what an approval was good for is cleared",
        (
            Edit(
                "deposits/sql/record.sql",
                "credential = CASE WHEN given.final OR given.payment_id <> '' THEN '' WHEN",
                "credential = CASE WHEN",
            ),
        ),
        (f"{BANK}/test_approvals.py",),
    ),
    Mutant(
        "the same reference on every try",
        (
            Edit(
                "deposits/actions/drain.py",
                "        reference=claimed.reference,\n        msisdn=",
                '        reference=f"{claimed.reference}-{claimed.tries}",\n        msisdn=',
            ),
        ),
        (f"{LIFECYCLE}/test_claim_and_record.py",),
    ),
    Mutant(
        "the row says that it may have happened before a byte leaves",
        (
            Edit(
                "deposits/sql/claim.sql",
                "WHEN due.step IN ('authorise', 'confirm') OR due.was = 'received' THEN 'submitting'",
                "WHEN due.step = 'confirm' THEN 'submitting'",
            ),
        ),
        (f"{LIFECYCLE}/test_claim_and_record.py",),
    ),
    Mutant(
        "what a dead worker may have sent is asked about, not sent again",
        (
            Edit(
                "deposits/sql/claim.sql",
                "ELSE deposits_step_of(d.state, d.next_step) END AS step",
                "WHEN d.state = 'submitting' THEN 'authorise' ELSE deposits_step_of(d.state, d.next_step) END AS step",
            ),
        ),
        (f"{LIFECYCLE}/test_claim_and_record.py",),
    ),
    Mutant(
        "one ledger entry for each cause",
        (
            Edit("accounts/sql/post_entries.sql", "    ON CONFLICT (source, kind) DO NOTHING\n", ""),
            Edit(
                "accounts/migrations/0001_people_and_ledger.py",
                '"constraints": [models.UniqueConstraint(fields=("source", "kind"), name="ledger_entry_once")],',
                "",
            ),
        ),
        ("tests/accounts/test_ledger.py", f"{LIFECYCLE}/test_claim_and_record.py"),
    ),
    Mutant(
        "an answer counts only under the newest epoch",
        (Edit("deposits/sql/record.sql", " AND given.epoch = d.lease_epoch", ""),),
        (f"{LIFECYCLE}/test_claim_and_record.py", f"{LIFECYCLE}/test_moved_clock.py"),
    ),
    Mutant(
        "not found is nothing before the carrier's horizon",
        (
            Edit(
                "deposits/actions/decide.py",
                "profile.horizon_s - (claimed.claimed_at - sent_at).total_seconds()",
                "0.0",
            ),
        ),
        (f"{LIFECYCLE}/test_decide.py",),
    ),
    Mutant(
        "not found counts only twice",
        (
            Edit(
                "deposits/actions/decide.py",
                "if claimed.state == State.UNKNOWN and claimed.not_found_seen and proven_in_s <= 0:",
                "if claimed.state == State.UNKNOWN and proven_in_s <= 0:",
            ),
            Edit(
                "deposits/actions/decide.py",
                "profile.not_found_apart_s - (claimed.claimed_at - first_at).total_seconds()",
                "0.0",
            ),
        ),
        (f"{LIFECYCLE}/test_decide.py",),
    ),
    Mutant(
        "what was never found ends only under a tombstone that the carrier has confirmed",
        (
            Edit(
                "deposits/actions/decide.py",
                "            return result(claimed, Event.NOT_FOUND, outcome=name, **close)",
                "            return result(claimed, Event.CANCELLED, outcome=name)",
            ),
        ),
        ("tests/faults_evidence/test_late_arrivals.py",),
    ),
    Mutant(
        "past the time that the carrier keeps references nothing is sent again",
        (
            Edit(
                "deposits/actions/decide.py",
                "remembered = since_first_s + profile.http_total_s < profile.reference_kept_s",
                "remembered = since_first_s >= 0",
            ),
        ),
        ("tests/faults_evidence/test_late_arrivals.py",),
    ),
    Mutant(
        "a cancel is believed only from the payment's own record",
        (
            Edit(
                "carriers/adapters/camara.py",
                'answer = yield from self._second_step(order, "cancel")\n'
                "        if isinstance(answer, HttpAnswer) and answer.status in (200, 202, 204, 409):\n"
                "            return _settling(order, (yield from self._retrieve(order)))",
                'answer = yield from self._second_step(order, "cancel")\n'
                "        if isinstance(answer, HttpAnswer) and answer.status in (200, 202, 204, 409):\n"
                "            return outcomes.Cancelled(order.payment_id)",
            ),
        ),
        ("tests/carriers/test_camara_later.py",),
    ),
    Mutant(
        "state and ledger entry are written in one transaction",
        (
            Edit("deposits/actions/record.py", "@again_on_conflict\n@transaction.atomic\n", ""),
            Edit(
                "deposits/actions/record.py",
                "import DatabaseError, OperationalError, transaction",
                "import DatabaseError, OperationalError",
            ),
            Edit("deposits/actions/record.py", "from accounts.conflicts import again_on_conflict\n", ""),
            # The wall behind it would notice by itself, so it is taken away as well.
            Edit(
                "deposits/migrations/0002_lifecycle_guards.py",
                "(GUARD, CREDITED_IS_BOOKED, LIMIT_REFUSED, APPEND_ONLY)",
                "(GUARD, LIMIT_REFUSED, APPEND_ONLY)",
            ),
        ),
        (f"{LIFECYCLE}/test_undone_together.py",),
    ),
    Mutant(
        "the database refuses a credited deposit without its ledger entry",
        (
            Edit(
                "deposits/migrations/0002_lifecycle_guards.py",
                "(GUARD, CREDITED_IS_BOOKED, LIMIT_REFUSED, APPEND_ONLY)",
                "(GUARD, LIMIT_REFUSED, APPEND_ONLY)",
            ),
        ),
        (f"{LIFECYCLE}/test_states.py",),
    ),
    Mutant(
        "an accepted deposit is due in the transaction that accepts it",
        (Edit("deposits/sql/accept.sql", "'authorise', now(), '',", "'authorise', NULL, '',"),),
        (f"{LIFECYCLE}/test_sweep.py", f"{LIFECYCLE}/test_claim_and_record.py"),
    ),
    Mutant(
        "the sweeper rings for what nobody rang for",
        (
            Edit(
                "deposits/management/commands/sweep.py",
                "    if Deposit.objects.due(carriers).exists() or Refund.objects.due(carriers).exists():",
                "    if False:",
            ),
        ),
        (f"{LIFECYCLE}/test_sweep.py",),
    ),
    Mutant(
        "a try is counted in the claim",
        (Edit("deposits/sql/claim.sql", "tries = d.tries + 1", "tries = d.tries"),),
        (f"{LIFECYCLE}/test_undone_together.py",),
    ),
    Mutant(
        "a worker that is told to stop ends what it holds and claims no more",
        (Edit("deposits/actions/drain.py", "        if stopping.asked():", "        if False:"),),
        (f"{LIFECYCLE}/test_undone_together.py",),
    ),
    Mutant(
        "the same idempotency key is one deposit",
        (
            Edit("deposits/sql/accept.sql", "    ON CONFLICT (client, idempotency_key) DO NOTHING\n", ""),
            Edit(
                "deposits/migrations/0003_admin_indexes.py",
                'fields=("idempotency_key", "client"), name="deposit_idempotency"',
                'fields=("idempotency_key", "client", "id"), name="deposit_idempotency"',
            ),
        ),
        (f"{LIFECYCLE}/test_limits_hold.py", "tests/deposits/api/test_idempotency.py"),
    ),
    Mutant(
        "a limit is looked at again under its row's lock",
        (
            Edit(
                "deposits/migrations/0014_rules.py",
                "= in_currency FOR UPDATE;\n        IF NOT FOUND",
                "= in_currency;\n        IF NOT FOUND",
            ),
        ),
        (f"{LIFECYCLE}/test_limits_hold.py",),
    ),
    Mutant(
        "a refund says that it may have happened before a byte leaves",
        (Edit("deposits/sql/claim_refunds.sql", " WHEN 'approved' THEN 'submitting'", ""),),
        (f"{REFUNDS}/test_lifecycle.py",),
    ),
    Mutant(
        "all refunds of a deposit together never exceed what it credited, whatever code asks",
        (
            Edit(
                "deposits/migrations/0009_refunds.py",
                "IF taken + NEW.amount_minor > credited THEN",
                "IF NEW.amount_minor > credited THEN",
            ),
        ),
        (f"{REFUNDS}/test_requests.py",),
    ),
    Mutant(
        "two refunds at the edge meet at the deposit's row",
        (
            Edit("deposits/migrations/0009_refunds.py", " FOR NO KEY UPDATE;", ";"),
            Edit("deposits/actions/refunds/request.py", '.select_for_update(of=("self",))', ""),
        ),
        (f"{REFUNDS}/test_requests.py",),
    ),
    Mutant(
        "a refused repetition of a doubtful refund is no proof",
        (
            Edit(
                "deposits/actions/refunds/decide.py",
                "    if claimed.step == Step.REFUND and claimed.in_doubt:\n        kept",
                "    if False:\n        kept",
            ),
        ),
        (f"{REFUNDS}/test_decide.py",),
    ),
    Mutant(
        "what a dead worker knew of a refund counts no more",
        (
            Edit(
                "deposits/sql/record_refunds.sql",
                "JOIN given ON given.id = r.id AND given.epoch = r.lease_epoch",
                "JOIN given ON given.id = r.id",
            ),
        ),
        (f"{REFUNDS}/test_late_answers.py",),
    ),
    Mutant(
        "the end of a refund and its booking stand or fall together",
        (Edit("deposits/actions/refunds/record.py", "    with transaction.atomic():\n", "    if True:\n"),),
        (f"{REFUNDS}/test_bank.py",),
    ),
    Mutant(
        "a break begun after the acceptance stops the charge",
        (
            Edit(
                "deposits/actions/drain.py",
                "return bool(claimed.bar) and claimed.step == Deposit.Next.AUTHORISE",
                "return False",
            ),
        ),
        ("tests/faults_evidence/test_barred.py",),
    ),
    Mutant(
        "nobody ends a break or an exclusion early",
        (
            Edit(
                "accounts/migrations/0008_protections.py",
                "RAISE EXCEPTION 'player %: a break",
                "RAISE NOTICE 'player %: a break",
            ),
        ),
        ("tests/accounts/test_breaks.py",),
    ),
    Mutant(
        "no limit of a player's rises without the player's second act",
        (
            Edit(
                "deposits/migrations/0017_limit_raises.py",
                "RAISE EXCEPTION 'player %: only the player",
                "RAISE NOTICE 'player %: only the player",
            ),
        ),
        ("tests/deposits/api/test_own_limits.py",),
    ),
    Mutant(
        "nobody is charged while the register does not answer",
        (
            Edit(
                "deposits/actions/register_check.py",
                'return "" if profile.unanswered == "allow" else "check_unavailable"',
                'return ""',
            ),
        ),
        ("tests/faults_evidence/test_register.py",),
    ),
)
