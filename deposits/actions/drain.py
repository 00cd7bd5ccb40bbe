"""Claim, call, record: what a worker does when the bell rings, until nothing is due.

One worker holds many conversations at once. Each is recorded as soon as it has ended, so that a slow one delays nobody,
and new deposits are claimed meanwhile. No transaction is open while a carrier is being called: the claim commits first;
the record and the ledger entries of what was credited commit together.
"""

from __future__ import annotations

import time

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from accounts import particulars, sealing
from accounts.sealing import NotOpened
from carriers import registry
from carriers.driver import Conversations
from carriers.driver import Result as Ended
from carriers.interface import CarrierAdapter, Conversation, Order
from deposits import breakers, leases, stopping, transitions
from deposits.actions import each_alone, register_check
from deposits.actions.decide import decide, decide_barred
from deposits.actions.decide_approval import is_approved_only
from deposits.actions.record import record
from deposits.actions.refunds import converse as refunds
from deposits.actions.register_check import Check
from deposits.actions.take_over import let_go
from deposits.attendance import Attendance
from deposits.crash_points import reach
from deposits.models import Deposit
from deposits.refund_transitions import ClaimedRefund, Step
from deposits.transitions import Claimed

log = structlog.get_logger("deposits.drain")

#: What conversations are held about.
Owner = Claimed | ClaimedRefund | Check

#: While conversations run, this often what has ended is recorded and what has become due is claimed.
_PACE_S = 0.04
#: A conversation is not begun with less time than this left to it, and the task needs some for the last record.
_LEAST_S = 5
_MARGIN_S = 2
#: The database gets no quicker with what divides the other times.
_LEAST_MARGIN_S = 0.5
#: A database that is away is looked for this often.
_ASK_AGAIN_S = 0.2


def drain(owner: str | None = None) -> int:
    """Work through due deposits until none is left or the task's time is nearly up; return how many were handled.

    What remains is found by the next ring or sweep. `owner` signs the leases (default: this process). Raises
    Django's database errors, when what was held has been let go as far as that was possible.
    """
    shift = _Shift(owner or leases.owner())
    try:
        with shift.talks:
            shift.work()
    except Exception:
        _let_go(shift)
        raise
    shift.sightings.tell(all_of_it=True)
    return shift.handled


def _let_go(shift: _Shift) -> None:
    """The work is cut off and this process lives on: others need not wait for the leases to end.

    A database that is away is waited for, as long as the task may run: there is nothing else to be done meanwhile.
    """
    while True:
        # It is dead, or in the middle of a statement.
        connection.close()
        try:
            let_go(shift.owner, list(registry.registry().profiles))
        except (OperationalError, InterfaceError):
            if stopping.asked() or time.monotonic() + _ASK_AGAIN_S > shift.ends_at:
                return
            time.sleep(_ASK_AGAIN_S)
        else:
            return


class _Shift:
    """One run of a worker: what it holds, and until when."""

    def __init__(self, owner: str) -> None:
        limits, divisor = settings.TIME_LIMITS, settings.TIME_DIVISOR
        now = time.monotonic()
        self.owner = owner
        self.handled = 0
        self.talks: Conversations[Owner] = Conversations()
        self.refunds = refunds.Turn(self.owner)
        self.sightings = breakers.Sightings()
        self.bell = Attendance()
        self.ends_at = now + limits.task_soft - max(_MARGIN_S / divisor, _LEAST_MARGIN_S)
        # Until here a conversation has all of its time.
        self.fresh_until = self.ends_at - limits.http_total
        self.least_s = _LEAST_S / divisor

    def work(self) -> None:
        """Claim and record at a steady pace, until nothing is due and nothing runs, or the time is up."""
        reach("worker.before_claim")
        last_look = False
        while True:
            tick = time.monotonic() + _PACE_S
            may_claim = self._may_claim()
            if may_claim and not last_look:
                self.bell.attend()
            batch = self._claim() if may_claim else []
            more = self._claim_refunds(last_look=last_look) if may_claim else 0
            if not batch and not more and not len(self.talks):
                if not may_claim:
                    self.bell.call_help()  # the time is up, and more may be due
                    return
                if last_look:
                    return
                # What is accepted from here on rings; what was accepted just before is seen by one more look.
                self.bell.leave()
                last_look = True
                continue
            last_look = False
            full = len(batch) == settings.WORKER_BATCH_SIZE
            if full or not may_claim:
                self.bell.call_help()
            self._record(self._gather(time.monotonic() if full else tick))

    def _may_claim(self) -> bool:
        if stopping.asked():
            return False
        now = time.monotonic()
        # Later on, with slow conversations still open, the others must not wait for them: they get what time is left.
        return now < self.fresh_until or (len(self.talks) > 0 and self.ends_at - now > self.least_s)

    def _claim(self) -> list[Claimed]:
        batch = transitions.claim(settings.WORKER_BATCH_SIZE, self.owner, self._rooms())
        if batch:
            reach("worker.after_claim")
        self._refuse([(claimed, claimed.bar) for claimed in batch if _is_barred(claimed)])
        free = [claimed for claimed in batch if not _is_barred(claimed)]
        checks, unknown = register_check.checks([claimed for claimed in free if claimed.register_due])
        self._refuse([(claimed, "checks_needed") for claimed in unknown])
        for check in checks:
            route = check.register.route
            self.talks.start(
                check, check.conversation(), route, inquiry=True, reference=check.claimed.reference
            )
        for claimed in free:
            if not claimed.register_due:
                self._begin(claimed)
        self.handled += len(batch)
        return batch

    def _claim_refunds(self, *, last_look: bool) -> int:
        """Take in hand the refunds that are due, when it is time to look for them; return how many."""
        batch = self.refunds.claim(self._rooms(), now=last_look)
        for claimed in batch:
            self._start(claimed, refunds.conversation(claimed), inquiry=claimed.step == Step.INQUIRE)
        self.handled += len(batch)
        return len(batch)

    def _begin(self, claimed: Claimed) -> None:
        try:
            conversation = _conversation(registry.adapter_for(claimed.carrier), claimed)
        except NotOpened:
            # Its lease runs out; in the end it is set aside for people. The others go on.
            log.exception("particulars_not_opened", reference=claimed.reference)
            return
        self._start(claimed, conversation, inquiry=claimed.step == Deposit.Next.INQUIRE)

    def _start(self, claimed: Claimed | ClaimedRefund, conversation: Conversation, *, inquiry: bool) -> None:
        self.talks.start(
            claimed,
            conversation,
            registry.profile(claimed.carrier),
            inquiry=inquiry,
            reference=claimed.reference,
            within_s=self.ends_at - time.monotonic(),
        )

    def _refuse(self, refused: list[tuple[Claimed, str]]) -> None:
        """Record that these certainly were not sent, each for its reason."""
        if refused:
            record([(claimed, decide_barred(claimed, reason)) for claimed, reason in refused])

    def _go_on(self, check: Check) -> None:
        """The register has answered, or has not: charge, or refuse."""
        if reason := register_check.take(check):
            self._refuse([(check.claimed, reason)])
        else:
            self._begin(check.claimed)

    def _rooms(self) -> dict[str, int]:
        """How many conversations may begin with each carrier: a slow one never holds more than a third (bulkhead)."""
        free = settings.WORKER_SLOTS - len(self.talks)
        most = settings.WORKER_SLOTS // 3
        return {
            code: min(min(profile.slots, most) - self.talks.held_with(code), free)
            for code, profile in registry.registry().profiles.items()
        }

    def _gather(self, until: float) -> list[tuple[Owner, Ended]]:
        """Wait until `until` on the monotonic clock, or until everything has ended; return what has ended."""
        ended = self.talks.wait(until)
        while len(self.talks) and time.monotonic() < until:
            ended += self.talks.wait(until)
        return ended

    def _record(self, all_ended: list[tuple[Owner, Ended]]) -> None:
        given_back = [(owner, end) for owner, end in all_ended if isinstance(owner, ClaimedRefund)]
        refunds.conclude(given_back, self.sightings)
        for owner, _ in all_ended:
            if isinstance(owner, Check):
                self._go_on(owner)
        ended = [(owner, end) for owner, end in all_ended if isinstance(owner, Claimed)]
        if not ended:
            return
        reach("worker.after_answer")
        results = [(claimed, each_alone.decided(claimed, end, decide)) for claimed, end in ended]
        if decided := [(claimed, result) for claimed, result in results if result]:
            record(decided)
        reach("worker.after_commit")
        for claimed, end in ended:
            self.sightings.add(
                claimed.carrier, claimed.step.value, end.outcome, sends=claimed.sends, probe=claimed.probe
            )
        self.sightings.tell()
        for carrier in self.sightings.back():
            log.info("carrier_is_back", carrier=carrier, hastened=transitions.hasten(carrier))


def _is_barred(claimed: Claimed) -> bool:
    """Whether its player may not deposit any more, and nothing was ever ordered: then no byte leaves."""
    return bool(claimed.bar) and (claimed.step == Deposit.Next.AUTHORISE or is_approved_only(claimed))


def _conversation(adapter: CarrierAdapter, claimed: Claimed) -> Conversation:
    order = Order(
        reference=claimed.reference,
        msisdn=claimed.phone_number,
        amount_minor=claimed.amount_minor,
        currency=claimed.currency,
        description=f"Deposit {claimed.reference}",
        proof_needed=claimed.proof_needed,
        payment_id=claimed.carrier_payment_id,
        authorization_id=claimed.authorization_id,
        code=claimed.one_time_code,
        consent_id=claimed.consent_id,
        approval_code=claimed.approval_code,
        credential=sealing.unseal(claimed.credential),
        # One that cannot be opened is not taken for one that is not known: nothing is sent then.
        player_name=particulars.opened(claimed.player_sealed, claimed.player_id).name,
        created_at=claimed.created_at,
        first_sent_at=claimed.first_sent_at,
        last_sent_at=claimed.last_sent_at,
        asked_at=claimed.claimed_at,
    )
    match claimed.step:
        case Deposit.Next.AUTHORISE:
            return adapter.authorise(order)
        case Deposit.Next.CONFIRM:
            return adapter.confirm(order)
        case Deposit.Next.CANCEL:
            return adapter.cancel(order)
        case _:
            return adapter.inquire(order)
