"""The accumulators against a plain model: any order of what can happen, over month ends, clock changes and cycles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings as site
from django.db import connection
from django.test import override_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.models import Player
from carriers import outcomes as carrier
from carriers import registry
from deposits import limits, rule_sets, transitions
from deposits.actions.accept import accept
from deposits.actions.decide import decide
from deposits.actions.record import record
from deposits.actions.refusal import Refusal
from deposits.models import Accumulator, Deposit
from deposits.rules import minute_of
from tests.deposits import making
from tests.deposits.clock import run_again, stand_at

pytestmark = pytest.mark.usefixtures("committed")

LONDON = ZoneInfo("Europe/London")
#: The clocks go back on 25 October and forward on 28 March 2027; months of 31, 30 and 28 days; the end of a year.
BEGINNINGS = [
    datetime(2026, 10, 24, 20, tzinfo=UTC),
    datetime(2026, 12, 30, 22, tzinfo=UTC),
    datetime(2027, 2, 27, 12, tzinfo=UTC),
    datetime(2027, 3, 27, 22, tzinfo=UTC),
]
STEPS_MIN = [
    0,
    1,
    7,
    59,
    60,
    61,
    12 * 60,
    24 * 60 - 1,
    24 * 60,
    24 * 60 + 1,
    3 * 24 * 60,
    7 * 24 * 60,
    30 * 24 * 60,
]
AMOUNTS = [100, 1_500, 2_000, 4_000]
DAY_MOST, CYCLE_MOST, MONTH_MOST, ROLLING_MOST, NET_MOST = 5_500, 8_000, 9_000, 6_500, 9_500
WEEK_COUNT, OWN_WEEK_MOST = 7, 7_500
ANCHOR_DAY = 31


@dataclass
class Booked:
    """One deposit as the model knows it."""

    id: UUID
    minute: int
    amount: int
    state: str = "open"


def day_start(at: datetime) -> datetime:
    local = at.astimezone(LONDON)
    return datetime(local.year, local.month, local.day, tzinfo=LONDON).astimezone(UTC)


def week_start(at: datetime) -> datetime:
    local = at.astimezone(LONDON)
    monday = local.date() - timedelta(days=local.weekday())
    return datetime(monday.year, monday.month, monday.day, tzinfo=LONDON).astimezone(UTC)


def month_start(at: datetime) -> datetime:
    local = at.astimezone(LONDON)
    return datetime(local.year, local.month, 1, tzinfo=LONDON).astimezone(UTC)


def cycle_start(at: datetime) -> datetime:
    """The last midnight in London on the anchor's day, or on the last day of a shorter month, looked for day by day."""
    day = at.astimezone(LONDON).date()
    while not _is_anchor(day):
        day -= timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)


def _is_anchor(day: date) -> bool:
    tomorrow = day + timedelta(days=1)
    return day.day == ANCHOR_DAY or (tomorrow.day == 1 and day.day < ANCHOR_DAY)


class Clock:
    """The database's clock, for the statements of this connection."""

    at = BEGINNINGS[0]

    def set(self, at: datetime) -> None:
        self.at = at
        stand_at(at)


def make_rules(partner_id: int, number: str) -> None:
    """Rules for one number and one partner only, in place of what would hold: each kind of window and of measure."""
    shared: dict[str, Any] = {
        "jurisdiction": "GB",
        "zone": "Europe/London",
        "currency": "GBP",
        "effective_from": datetime(2018, 1, 13, tzinfo=UTC),
        "source": "a test",
    }
    phone = {**shared, "subject": "phone_number", "subject_key": number}
    given: list[dict[str, Any]] = [
        {**phone, "measure": "gross", "window": "day", "amount": DAY_MOST},
        {
            **phone,
            "measure": "gross",
            "window": "billing_cycle",
            "anchor_day": ANCHOR_DAY,
            "amount": CYCLE_MOST,
            "replaces": "gb-psr-month",
        },
        {**phone, "measure": "gross", "window": "month", "amount": MONTH_MOST},
        {**phone, "measure": "count", "window": "week", "amount": WEEK_COUNT},
        {**phone, "measure": "gross", "window": "rolling", "length": "24 hours", "amount": ROLLING_MOST},
        {**phone, "measure": "net", "window": "rolling", "length": "30 days", "amount": NET_MOST},
    ]
    for index, one in enumerate(given):
        rule_sets.add({**one, "code": f"test-{partner_id}-{index}"}, "a test")


class Limits(RuleBasedStateMachine):
    """Whatever happens in whatever order: the database refuses what the model refuses, and holds what it holds."""

    clock = Clock()

    @initialize(beginning=st.sampled_from(BEGINNINGS))
    def begin(self, beginning: datetime) -> None:
        run_again()
        partner = making.partner()
        self.partner_id = partner.pk
        self.number = f"+447700900{partner.pk:06}"
        # A test player, whose failures cool nobody down, with a limit of his own that counts from Monday on.
        self.player = Player.objects.create(
            partner=partner,
            external_id="p-1",
            identity_state="verified",
            is_test=True,
            weekly_limit_minor=OWN_WEEK_MOST,
        )
        make_rules(partner.pk, self.number)
        self.booked: list[Booked] = []
        self.returned: list[tuple[int, int]] = []
        self.clock.set(beginning)

    @rule(minutes=st.sampled_from(STEPS_MIN))
    def time_passes(self, minutes: int) -> None:
        self.clock.set(self.clock.at + timedelta(minutes=minutes))

    @rule(amount=st.sampled_from(AMOUNTS))
    def deposit(self, amount: int) -> None:
        request = making.request(
            partner_id=self.partner_id, player="p-1", amount_minor=amount, phone_number=self.number
        )
        fits = self._fits(amount)
        if not fits:
            with pytest.raises(Refusal) as refused:
                accept(request)
            # The player's own limits come first: whoever has reached them is not to be sent to another number.
            own = self._gross(minute_of(week_start(self.clock.at))) + amount > OWN_WEEK_MOST
            assert refused.value.code.startswith("limit_") == own
            assert own or refused.value.code == "carrier_monthly_limit"
            return
        made = accept(request).deposit
        self.booked.append(Booked(made.id, minute_of(self.clock.at), amount))

    def _fits(self, amount: int) -> bool:
        at = self.clock.at
        month = minute_of(at - timedelta(days=30))
        back = sum(minor for minute, minor in self.returned if minute >= month)
        return (
            self._gross(minute_of(day_start(at))) + amount <= DAY_MOST
            and self._gross(minute_of(cycle_start(at))) + amount <= CYCLE_MOST
            and self._gross(minute_of(at - timedelta(hours=24))) + amount <= ROLLING_MOST
            and self._gross(month) - back + amount <= NET_MOST
            and self._gross(minute_of(month_start(at))) + amount <= MONTH_MOST
            and self._number(minute_of(week_start(at))) < WEEK_COUNT
            and self._gross(minute_of(week_start(at))) + amount <= OWN_WEEK_MOST
        )

    def _number(self, since: int) -> int:
        return sum(one.state != "failed" and one.minute >= since for one in self.booked)

    def _gross(self, since: int) -> int:
        return sum(one.amount for one in self.booked if one.state != "failed" and one.minute >= since)

    @rule(which=st.integers(0, 50), outcome=st.sampled_from(["succeed", "fail", "unknown"]))
    def answer(self, which: int, outcome: str) -> None:
        waiting = [one for one in self.booked if one.state == "open"]
        if not waiting:
            return
        booked = waiting[which % len(waiting)]
        self._end(booked, outcome)

    def _end(self, booked: Booked, outcome: str) -> None:
        deposit = Deposit.objects.get(pk=booked.id)
        with connection.cursor() as cursor:
            # Only this one is due.
            cursor.execute(
                "UPDATE deposits_deposit SET next_action_at = CASE WHEN id = %s THEN now() END"
                " WHERE partner_id = %s AND resolved_at IS NULL",
                [booked.id, self.partner_id],
            )
        held = [one for one in transitions.claim(20, "worker", {deposit.carrier: 20}) if one.id == booked.id]
        assert held
        answers: dict[str, carrier.Outcome] = {
            "succeed": carrier.Approved("pay", deposit.reference, deposit.amount_minor, deposit.currency),
            "fail": carrier.Declined("carrier_declined"),
            "unknown": carrier.Unknown("time-out"),
        }
        profile = registry.profile(deposit.carrier)
        record([(held[0], decide(held[0], answers[outcome], profile, resend_is_safe=False))])
        booked.state = {"succeed": "credited", "fail": "failed", "unknown": "open"}[outcome]

    @rule(amount=st.sampled_from(AMOUNTS))
    def money_goes_back(self, amount: int) -> None:
        limits.count_returned(self.partner_id, self.player.pk, self.number, "GBP", amount)
        if self.booked:
            self.returned.append((minute_of(self.clock.at), amount))

    @invariant()
    def what_is_held_is_what_is_owed(self) -> None:
        if not hasattr(self, "booked"):
            return
        for kind, key in (("player", str(self.player.pk)), ("phone_number", self.number)):
            row = Accumulator.objects.filter(subject_kind=kind, subject=key).first()
            reserved = sum(one.amount for one in self.booked if one.state == "open")
            assert (sum(row.reserved) if row else 0) == reserved
            since = minute_of(self.clock.at - timedelta(days=31))
            gross = sum(one.amount for one in self.booked if one.state != "failed" and one.minute >= since)
            number = self._number(since)
            assert (limits.used(row, "gross", since), limits.used(row, "count", since)) == (gross, number)

    @invariant()
    def nothing_is_above_a_limit(self) -> None:
        if not hasattr(self, "booked"):
            return
        row = Accumulator.objects.filter(subject_kind="phone_number", subject=self.number).first()
        for measure, since, most in (
            ("gross", day_start(self.clock.at), DAY_MOST),
            ("gross", cycle_start(self.clock.at), CYCLE_MOST),
            ("gross", month_start(self.clock.at), MONTH_MOST),
            ("gross", self.clock.at - timedelta(hours=24), ROLLING_MOST),
            ("count", week_start(self.clock.at), WEEK_COUNT),
            ("gross", week_start(self.clock.at), OWN_WEEK_MOST),
        ):
            assert limits.used(row, measure, minute_of(since)) <= most

    def teardown(self) -> None:
        if hasattr(self, "booked"):
            for booked in self.booked:
                if booked.state == "open":
                    self._end(booked, "fail")
            self.what_is_held_is_what_is_owed()
            reserved = Accumulator.objects.filter(subject=self.number).values_list("reserved", flat=True)
            assert sum(map(sum, reserved)) == 0
        run_again()


def test_the_accumulators_are_what_a_plain_model_says() -> None:
    # A queue of its own at the carrier, so that no other test's deposits are claimed.
    with override_settings(CARRIERS=[{**site.CARRIERS[0], "code": "counted-mobile"}]):
        run_state_machine_as_test(
            Limits,
            settings=settings(
                max_examples=20,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                database=None,
            ),
        )
