"""The safeties of deposits from the bank and of refunds."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

REFUNDS = "tests/refunds"
BANK = "tests/deposits/bank"

BANK_AND_REFUNDS = (
    Mutant(
        "bank: an order is repeated under the same key",
        (
            Edit(
                "carriers/adapters/_open_banking_calls.py",
                'f"{order.reference}-{purpose}"',
                'f"{order.reference}-{purpose}-{self._clock.now():.3f}"',
            ),
        ),
        (f"{BANK}/test_lost_answers.py",),
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
        "bank: a refusal is believed while the consent is unused",
        (Edit("carriers/adapters/open_banking.py", 'not in ("AUTH", "AWAU"):', 'in ("none",):'),),
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
                "    if not is_remembered(",
                "    if False and not is_remembered(",
            ),
        ),
        (f"{BANK}/test_lost_answers.py",),
    ),
    Mutant(
        "bank: whoever is barred after the approval orders nothing more",
        (Edit("deposits/sql/claim.sql", "(found.bound OR found.step = 'confirm') THEN", "false THEN"),),
        (f"{BANK}/test_barred.py",),
    ),
    Mutant(
        "bank: what may still arrive is not called cancelled",
        (
            Edit(
                "carriers/adapters/open_banking.py",
                'case "AUTH" if self._may_arrive(order):',
                'case "AUTH" if not order.reference:',
            ),
        ),
        (f"{BANK}/test_barred.py",),
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
)
