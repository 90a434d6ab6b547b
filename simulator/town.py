"""What everybody in a simulated city shares: the true time, chance that comes from the seed, and what has been found.

Nothing here reads a clock or asks the machine for randomness. Bytes are drawn anew for each step from the seed and the
step's own number, so that a step draws the same bytes in a shortened story.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeVar

from sync.citytime import CITY_ZONE, DAY_MS, wall_ms_of

Thing = TypeVar("Thing")

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
FIRST_MORNING_MS = wall_ms_of(datetime(2026, 10, 3, 9, tzinfo=CITY_ZONE))
FOUNDED_MS = FIRST_MORNING_MS - 3 * DAY_MS
HOURS_A_DAY = 3
"""Hours of one of the city's days that are played; the nights between them are passed over."""


def hour_begins(hour: int) -> int:
    """Return when the `hour`-th played hour of a story begins."""
    return FIRST_MORNING_MS + hour // HOURS_A_DAY * DAY_MS + hour % HOURS_A_DAY * HOUR_MS


class Violation(NamedTuple):
    """Something that must never be: which rule, in which step, and what was seen. `rule` is short and the same for the
    same fault, so that a shortened story can be told to show the same one.
    """

    step: int
    rule: str
    seen: str


class Violated(Exception):
    """Ends a story at the first thing that must never be."""

    def __init__(self, rule: str, seen: str) -> None:
        super().__init__(f"{rule}: {seen}")
        self.rule = rule
        self.seen = seen


class Impossible(Exception):
    """A step that cannot be taken as things stand; it is passed over."""


@dataclass
class World:
    """The true time, the seed, and the step that is being taken."""

    seed: str
    now_ms: int = FOUNDED_MS
    step: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    _drawn: int = 0

    def begin(self, step: int, at_ms: int) -> None:
        """Begin a step: time goes on to its moment, never back."""
        self.step, self._drawn = step, 0
        self.now_ms = max(self.now_ms, at_ms)

    def random_bytes(self, length: int) -> bytes:
        """Return bytes that depend on the seed, the step, and how many were drawn in it before."""
        found = b""
        while len(found) < length:
            said = f"{self.seed}/{self.step}/{self._drawn}".encode()
            found += hashlib.sha256(said).digest()
            self._drawn += 1
        return found[:length]

    def count(self, what: str, amount: int = 1) -> None:
        """Count something that happened."""
        self.counts[what] += amount


class Picks:
    """The numbers a step was given when it was drawn; each choice in it takes the next. They never run out: after the
    last the first is taken again, changed.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = numbers
        self._taken = 0

    def number(self) -> int:
        """Return the next number."""
        place, rounds = self._taken % len(self._numbers), self._taken // len(self._numbers)
        self._taken += 1
        return self._numbers[place] // int(7**rounds) + rounds * self._taken

    def below(self, limit: int) -> int:
        """Return a number from 0 to just below `limit`."""
        return self.number() % limit

    def chance(self, one_in: int) -> bool:
        """Tell whether something that happens one time in so many happens now."""
        return self.below(one_in) == 0

    def one_of(self, things: Sequence[Thing]) -> Thing:
        """Return one of some things. Raises Impossible where there is none."""
        if not things:
            raise Impossible
        return things[self.below(len(things))]

    def some_of(self, things: Sequence[Thing], most: int) -> tuple[Thing, ...]:
        """Return a run of one to `most` things that stand beside each other. Raises Impossible where there is none."""
        if not things:
            raise Impossible
        first = self.below(len(things))
        return tuple(things[first : first + 1 + self.below(most)])
