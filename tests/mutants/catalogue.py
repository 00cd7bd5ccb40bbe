"""The safeties that are removed, one at a time, and the tests that must notice.

A mutant is data. `find` must stand in its file exactly once; where it does not any more, the run fails and says so.
"""

from __future__ import annotations

from tests.mutants.bank_and_refunds import BANK_AND_REFUNDS
from tests.mutants.mutant import Edit, Mutant

LIFECYCLE = "tests/deposits/lifecycle"

MUTANTS = (
    *BANK_AND_REFUNDS,
    Mutant(
        "bank: an answer counts with the bank's signature only",
        (Edit("carriers/signatures.py", "        if not right:\n", "        if False:\n"),),
        ("tests/carriers/test_open_banking.py",),
    ),
    Mutant(
        "bank: a token is for our consent",
        (Edit("carriers/code_flow.py", '{"nonce": self._derived("nonce", reference), **intent})', "{})"),),
        ("tests/carriers/test_open_banking.py",),
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
        "of two answers in one batch that of the newest claim counts",
        (Edit("deposits/sql/record.sql", "JOIN held USING (id, epoch)", "JOIN held ON held.id = given.id"),),
        (f"{LIFECYCLE}/test_claim_and_record.py",),
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
                "deposits/actions/not_found.py",
                "profile.horizon_s - (now - sent_at).total_seconds()",
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
                "deposits/actions/not_found.py",
                "profile.not_found_apart_s - (now - (first_heard_at or now)).total_seconds()",
                "0.0",
            ),
        ),
        (f"{LIFECYCLE}/test_decide.py",),
    ),
    Mutant(
        "what was not found before it was sent again says nothing about that send",
        (
            Edit(
                "deposits/sql/claim.sql",
                "not_found_first_at = CASE WHEN due.step = 'inquire' THEN d.not_found_first_at END,",
                "not_found_first_at = d.not_found_first_at,",
            ),
        ),
        (f"{LIFECYCLE}/test_claim_and_record.py",),
    ),
    Mutant(
        "news that came while the answer was on its way is asked about",
        (
            Edit(
                "deposits/actions/notify.py",
                "if not answered.filter(deposit__resolved_at__isnull=False).exists():",
                "if not Deposit.objects.filter(pk=row.found, resolved_at__gte=row.received_at).exists():",
            ),
        ),
        ("tests/faults_evidence/test_notification_orders.py",),
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
                "deposits/actions/not_found.py",
                "return (now - first_sent_at).total_seconds() + profile.http_total_s < profile.reference_kept_s",
                "return True",
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
            Edit("deposits/actions/record.py", "from django.db import transaction\n", ""),
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
        (Edit("deposits/sql/accept.sql", "        now(), '', counted_on", "        NULL, '', counted_on"),),
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
        "a break begun after the acceptance stops the charge",
        (
            Edit(
                "deposits/actions/drain.py",
                "return bool(claimed.bar) and (claimed.step == Deposit.Next.AUTHORISE or is_approved_only(claimed))",
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
