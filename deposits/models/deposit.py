"""The deposit: one intended payment, with its state, its lease and the time of its next action."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import models
from django.db.models.functions import Least, Now
from django.db.models.lookups import GreaterThanOrEqual

from accounts.models import Partner, Player
from deposits.states import CLAIMABLE, State

#: So many claims without anything to record, and a deposit is set aside for people (deposits/actions/set_aside.py).
MOST_FRUITLESS = 5


class DepositQuerySet(models.QuerySet["Deposit"]):
    """Named selections."""

    def due(self, carriers: Sequence[str]) -> DepositQuerySet:
        """Deposits at one of `carriers` (codes) whose next action is due, by the database's clock.

        In two halves, because there are two indexes of due rows; without them the planner reads the whole table.
        """
        due, received = (
            models.Q(carrier__in=carriers, next_action_at__lte=Now()),
            models.Q(state=State.RECEIVED),
        )
        return self.filter((received & due) | (~received & due & models.Q(state__in=CLAIMABLE)))


class Deposit(models.Model):
    """One intended payment. States change in `transitions.py` only; a trigger refuses illegal moves and deletion."""

    class Next(models.TextChoices):
        """What the worker that claims the row does with it."""

        AUTHORISE = "authorise", "authorise"
        CONFIRM = "confirm", "confirm"
        CANCEL = "cancel", "cancel"
        INQUIRE = "inquire", "inquire"

    id = models.UUIDField(primary_key=True)
    # "D-7F3K-92QX": minted here once, shown to everybody, and the reference that the carrier gets on every try.
    reference = models.CharField(max_length=16)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="deposits", db_index=False)
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="deposits", db_index=False)
    partner_reference = models.CharField(max_length=64, blank=True, default="")
    return_url = models.CharField(max_length=500, blank=True, default="")

    # Who asked, and under which key: "partner:7" or "player:42". Keys never expire, they are columns of the deposit.
    client = models.CharField(max_length=40)
    idempotency_key = models.CharField(max_length=255)
    idempotency_hash = models.BinaryField(max_length=32)
    request_id = models.CharField(max_length=64, blank=True, default="")

    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    method_type = models.CharField(max_length=20)
    phone_number = models.CharField(max_length=16, blank=True, default="")
    # The player's device, by whatever name the partner or our own cookie gives it; for velocity.
    device = models.CharField(max_length=64, blank=True, default="", db_default="")
    carrier = models.CharField(max_length=40)
    carrier_payment_id = models.CharField(max_length=100, blank=True, default="")
    # Where the one-time code is checked; the code itself stays only until the carrier has answered.
    authorization_id = models.CharField(max_length=100, blank=True, default="")
    one_time_code = models.CharField(max_length=10, blank=True, default="")
    code_tries = models.SmallIntegerField(default=0, db_default=0)
    # What the player is asked to approve elsewhere, and where. What they brought back stays until it is exchanged; what
    # it was exchanged for is sealed (accounts/sealing.py), until the payment is known or the deposit has ended.
    consent_id = models.CharField(max_length=128, blank=True, default="", db_default="")
    action_url = models.TextField(blank=True, default="", db_default="")
    approval_code = models.TextField(blank=True, default="", db_default="")
    credential = models.TextField(blank=True, default="", db_default="")
    return_seen_at = models.DateTimeField(null=True, blank=True)
    action_expires_at = models.DateTimeField(null=True, blank=True)
    proof_needed = models.BooleanField(default=False, db_default=False)

    state = models.CharField(max_length=16, choices=State, default=State.RECEIVED)
    reason_code = models.CharField(max_length=40, blank=True, default="")
    carrier_code = models.CharField(max_length=80, blank=True, default="")
    # What the carrier says it took, where that is not what was asked; it is booked as unallocated.
    taken_minor = models.BigIntegerField(null=True, blank=True)
    # Taken after the deposit had ended, and credited by two people: the state stays what it was.
    credited_late = models.BooleanField(default=False, db_default=False)
    reversed_at = models.DateTimeField(null=True, blank=True)
    # The sum of its refunds that have been returned, kept by a trigger: lists show it without counting.
    refunded_minor = models.BigIntegerField(default=0, db_default=0)

    next_step = models.CharField(max_length=10, choices=Next, default=Next.AUTHORISE)
    next_action_at = models.DateTimeField(null=True, blank=True)
    # A notification came while a worker held the lease: the record statement makes the row due again.
    woken = models.BooleanField(default=False, db_default=False)
    # Who holds the lease, and until `next_action_at`; empty when nobody does.
    lease_owner = models.CharField(max_length=80, blank=True, default="")
    lease_epoch = models.BigIntegerField(default=0, db_default=0)
    # Claims in all, and inquiries since the last send: they space out what comes next.
    tries = models.IntegerField(default=0, db_default=0)
    inquiries = models.IntegerField(default=0, db_default=0)
    # Claims since the last one that came to anything that could be recorded: what kills its workers shows here.
    fruitless = models.SmallIntegerField(default=0, db_default=0)
    not_found_seen = models.IntegerField(default=0, db_default=0)
    not_found_first_at = models.DateTimeField(null=True, blank=True)
    # How often the carrier has seen it, as far as we cannot rule it out; sending it again is for the retry budget.
    sends = models.IntegerField(default=0, db_default=0)
    # It may be with its carrier: from here on no other route takes it.
    bound = models.BooleanField(default=False, db_default=False)
    # Why it goes by another route than the first.
    route_reason = models.CharField(max_length=300, blank=True, default="", db_default="")
    # The window that an inquiry looks in begins at the first send; the carrier's horizon runs from the last.
    first_sent_at = models.DateTimeField(null=True, blank=True)
    last_sent_at = models.DateTimeField(null=True, blank=True)
    # The calendar day, in the limits' time zone, whose limits this deposit counts towards.
    counted_on = models.DateField()

    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())
    resolved_at = models.DateTimeField(null=True, blank=True)

    objects = DepositQuerySet.as_manager()

    class Meta:
        constraints = [
            # Not `unique=True`: that would bring a second index, for LIKE, which nothing uses.
            models.UniqueConstraint(fields=["reference"], name="deposit_reference"),
            # The key comes first, so that staff find a deposit by its key without knowing whose it is.
            models.UniqueConstraint(fields=["idempotency_key", "client"], name="deposit_idempotency"),
            models.CheckConstraint(
                condition=models.Q(amount_minor__range=(1, 100_000_000)), name="deposit_amount"
            ),
            models.CheckConstraint(condition=models.Q(state__in=State.values), name="deposit_state"),
            # One for all that count, because PostgreSQL reads and plans each anew in every statement.
            models.CheckConstraint(
                condition=GreaterThanOrEqual(
                    Least(
                        *("code_tries", "tries", "inquiries", "fruitless", "not_found_seen", "sends"),
                        output_field=models.IntegerField(),
                    ),
                    0,
                ),
                name="deposit_counters",
            ),
        ]
        indexes = [
            # The claim reads these two: what may already have moved money comes before what has not been sent. Each
            # carrier has its own queue, so that one that is shut is passed by at no cost.
            models.Index(
                fields=["carrier", "next_action_at"],
                name="deposit_due_open",
                condition=models.Q(next_action_at__isnull=False) & ~models.Q(state="received"),
            ),
            models.Index(
                fields=["carrier", "next_action_at"],
                name="deposit_due_received",
                condition=models.Q(next_action_at__isnull=False, state="received"),
            ),
            models.Index(
                fields=["carrier_payment_id"],
                name="deposit_by_payment",
                condition=~models.Q(carrier_payment_id=""),
            ),
            models.Index(
                fields=["next_action_at"],
                name="deposit_poison",
                condition=models.Q(fruitless__gte=MOST_FRUITLESS, next_action_at__isnull=False),
            ),
            models.Index(fields=["player", "-created_at"], name="deposit_by_player"),
            models.Index(fields=["partner", "-created_at", "-id"], name="deposit_by_partner"),
            # Filters and searches of the admin. Ids grow with time, so (column, id) gives a list newest first.
            # A credited deposit leaves the first and never enters the second.
            models.Index(
                fields=["state", "id"], name="deposit_by_state", condition=~models.Q(state="credited")
            ),
            models.Index(
                fields=["reason_code", "id"], name="deposit_by_reason", condition=~models.Q(reason_code="")
            ),
            models.Index(fields=["carrier", "id"], name="deposit_by_carrier"),
            models.Index(fields=["amount_minor", "id"], name="deposit_by_amount"),
            models.Index(fields=["phone_number"], name="deposit_by_phone"),
            models.Index(fields=["id"], name="deposit_by_bank", condition=models.Q(method_type="bank")),
            models.Index(
                fields=["consent_id"], name="deposit_by_consent", condition=~models.Q(consent_id="")
            ),
            models.Index(
                fields=["partner_reference"],
                name="deposit_by_partner_ref",
                condition=~models.Q(partner_reference=""),
            ),
        ]

    def __str__(self) -> str:
        return self.reference
