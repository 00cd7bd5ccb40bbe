"""What each phone number plays, and the faults that can be drawn for the others. All times in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from hashlib import blake2b

from carriers.sandbox import errors
from carriers.sandbox.errors import Refusal
from carriers.sandbox.settings import Settings

PREFIX = "+44770090"
_LENGTH = len("+447700900001")
ALWAYS = 1_000_000_000


class Settles(Enum):
    """When the money moves after a request that was let in."""

    AT_ONCE = auto()
    LATER = auto()
    UNSEEN = auto()  # later, and until then nothing is to be found
    DENIED_LATER = auto()
    NEVER = auto()


class Answers(Enum):
    """How the request is answered once the money has, or has not, moved."""

    PROPERLY = auto()
    RESET = auto()
    SILENCE = auto()
    GARBAGE = auto()
    UNAVAILABLE = auto()


@dataclass(frozen=True, slots=True)
class Story:
    """How one request that moves money (create, or confirm in two steps) goes.

    With `arrives_after_s` the request is lost on its way for so long: until then there is no trace of it, and its
    reference is free. `turned_away_times` first requests of a reference, and all within `turned_away_s` of the first,
    get `turned_away` (None: a connection reset) and leave nothing behind.
    """

    text: str
    refusal: Refusal | None = None
    asks_code: bool = False
    turned_away: Refusal | None = None
    turned_away_times: int = 0
    turned_away_s: float = 0.0
    settles: Settles = Settles.AT_ONCE
    settles_after_s: float = 0.0
    reversed_after_s: float = 0.0
    surcharge_minor: int = 0
    early_copies: int = 0
    answers: Answers = Answers.PROPERLY
    answer_after_s: float = 0.0
    arrives_after_s: float = 0.0


APPROVED = Story("approved at once")

STORIES = {
    PREFIX + "0" + suffix: story
    for suffix, story in {
        "001": APPROVED,
        "002": Story("declined, the carrier gives no reason", refusal=errors.PAYMENT_DENIED),
        "003": Story("declined, monthly cap used", refusal=errors.THRESHOLD_OVERPASSED),
        "004": Story("declined, amount not allowed", refusal=errors.UNAUTHORIZED_AMOUNT),
        "005": Story("number unknown to the carrier", refusal=errors.IDENTIFIER_NOT_FOUND),
        "006": Story("this line cannot use carrier billing", refusal=errors.SERVICE_NOT_APPLICABLE),
        "007": Story("processing, then approved after 15 s", settles=Settles.LATER, settles_after_s=15),
        "008": Story("processing, then denied after 5 s", settles=Settles.DENIED_LATER, settles_after_s=5),
        "009": Story("needs a one-time code: 123456, three tries", asks_code=True),
        "010": Story("charged, and the connection drops before the answer", answers=Answers.RESET),
        "011": Story("not charged, and the connection drops before the answer", turned_away_times=1),
        "012": Story("503 twice, then approved", turned_away=errors.UNAVAILABLE, turned_away_times=2),
        "013": Story(
            "429 with Retry-After: 3, then approved",
            turned_away=errors.TOO_MANY_REQUESTS,
            turned_away_times=1,
            turned_away_s=3,
        ),
        "014": Story(
            "times out; charged 30 s later",
            settles=Settles.UNSEEN,
            settles_after_s=30,
            answers=Answers.SILENCE,
        ),
        "015": Story("approved with £1.00 more than asked", surcharge_minor=100),
        "016": Story("processing for ever, no notification", settles=Settles.NEVER),
        "017": Story("approved; notified three times, twice before the answer", early_copies=2),
        "018": Story("approved, reversed by the carrier 20 s later", reversed_after_s=20),
        "019": Story("charged, and the answer is unreadable (HTML with status 200)", answers=Answers.GARBAGE),
        "020": Story("approved after 4 s, inside the call", answer_after_s=4),
    }.items()
}

# A late answer comes after any client's patience: 20 s is the longest time-out in use.
LATE_ANSWER_S = 25.0

CHARGE_FAULTS = {
    "drop_after_charge": Story("charged, connection reset", answers=Answers.RESET),
    "drop_before_charge": Story("not charged, connection reset", turned_away_times=ALWAYS),
    "error_503_charged": Story("charged, 503", answers=Answers.UNAVAILABLE),
    "error_503_not_charged": Story(
        "not charged, 503", turned_away=errors.UNAVAILABLE, turned_away_times=ALWAYS
    ),
    "rate_limited": Story("not charged, 429", turned_away=errors.TOO_MANY_REQUESTS, turned_away_times=ALWAYS),
    "late_answer": Story("charged, answered after 25 s", answer_after_s=LATE_ANSWER_S),
    "late_arrival": Story("arrives 60 s later, connection reset", arrives_after_s=60),
    "late_charge": STORIES[PREFIX + "0014"],
    "garbage_charged": STORIES[PREFIX + "0019"],
    "other_amount": STORIES[PREFIX + "0015"],
}
INQUIRY_FAULT = "inquiry_error"
NOTIFICATION_FAULTS = ("notification_lost", "notification_doubled")
FAULTS = (*CHARGE_FAULTS, INQUIRY_FAULT, *NOTIFICATION_FAULTS)


def is_served(phone_number: str) -> bool:
    """Whether the number is one of this carrier's."""
    return phone_number.startswith(PREFIX) and len(phone_number) == _LENGTH


def draw(*key: object) -> float:
    """A number from 0 up to 1 that depends on `key` alone: the order of requests does not matter."""
    digest = blake2b("\n".join(map(str, key)).encode(), digest_size=8).digest()
    # 53 bits are what a float holds exactly; 64 would round up to 1.0 now and then.
    return float(int.from_bytes(digest, "big") >> 11) / float(1 << 53)


class Faults:
    """Draws faults from the settings: the forced ones first, then by probability."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._inquiries: dict[str, int] = {}

    @property
    def active(self) -> bool:
        """Whether any fault can come at all; the fast path asks this first."""
        return bool(self._settings.faults or self._settings.force)

    def for_charge(self, key: str, attempt: int, phone_number: str) -> Story | None:
        """The fault of one request that moves money, or None.

        Numbers with a story of their own keep it: only forced faults reach them.
        """
        forced = self._forced(phone_number, tuple(CHARGE_FAULTS))
        if forced:
            return CHARGE_FAULTS[forced]
        if STORIES.get(phone_number, APPROVED) is not APPROVED:
            return None
        left = draw(self._settings.seed, key, attempt)
        for fault, story in CHARGE_FAULTS.items():
            left -= self._settings.faults.get(fault, 0.0)
            if left < 0:
                return story
        return None

    def for_inquiry(self, key: str, phone_number: str) -> bool:
        """Whether this GET fails."""
        if self._forced(phone_number, (INQUIRY_FAULT,)):
            return True
        probability = self._settings.faults.get(INQUIRY_FAULT, 0.0)
        if not probability:
            return False
        number = self._inquiries[key] = self._inquiries.get(key, 0) + 1
        return draw(self._settings.seed, "inquiry", key, number) < probability

    def for_notification(self, key: str, event: int, phone_number: str) -> str:
        """The fault of the `event`-th notification of one reference, or an empty string."""
        forced = self._forced(phone_number, NOTIFICATION_FAULTS)
        if forced:
            return forced
        left = draw(self._settings.seed, "notification", key, event)
        for fault in NOTIFICATION_FAULTS:
            left -= self._settings.faults.get(fault, 0.0)
            if left < 0:
                return fault
        return ""

    def _forced(self, phone_number: str, kinds: tuple[str, ...]) -> str:
        for force in self._settings.force:
            if force.fault not in kinds or (force.phone_number and force.phone_number != phone_number):
                continue
            if force.next_n is not None:
                force.next_n -= 1
                if force.next_n <= 0:
                    self._settings.force.remove(force)
            return force.fault
        return ""
