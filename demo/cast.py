"""Who comes to which stand, when, with what, and what each of them must come to. Pure: all chance is handed in.

The story has chapters; what the conductor does to network and machines stands between them. Every story holds each
planted case, at a place chance chooses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Literal, NamedTuple

STANDS = 2
POINTS = 50
OTHER_POINTS = 30
"""What the other event gives, the one that is over."""


class Part(Enum):
    """Why somebody is in the story."""

    VISITOR = "visitor"
    AGAIN = "again"
    """Has had the points at this stand already."""
    BOTH = "both"
    """Has had the points at the other stand."""
    FORGED = "forged"
    """Shows a card the hub has not signed."""
    LOST_LISTED = "lost, listed"
    """Shows a card the stands know to be lost."""
    LOST_LATER = "lost, reported later"
    """Shows a card that was reported lost when the stand could no longer hear of it."""
    OTHER_EVENT = "other event"
    """Comes while the stand is set to an event that is over."""


class Chapter(Enum):
    """The parts of the story, in order."""

    WRONG_EVENT = "one stand is set to the event that is over"
    MORNING = "both stands, hub and network are well"
    HUB_KILLED = "the hub is killed and comes back"
    OFFLINE = "the cables are cut, and a stand is killed and comes back"
    JOINED = "the cables are joined"


class Visit(NamedTuple):
    """One person before one camera. `person` counts from 1 and is shown as 見本1 …; the stand is 0 or 1."""

    chapter: Chapter
    stand: int
    person: int
    part: Part
    kind: Literal["card", "phone"]
    is_interrupted: bool = False
    """The stand is killed while this person stands there."""


@dataclass(frozen=True)
class Story:
    """All visits in order, and which stands are put to the test."""

    visits: tuple[Visit, ...]
    killed_stand: int
    wrong_stand: int

    @property
    def people(self) -> int:
        """Return how many different people come."""
        return max(visit.person for visit in self.visits)

    def at(self, chapter: Chapter, stand: int) -> list[Visit]:
        """Return the visits of one chapter at one stand."""
        return [visit for visit in self.visits if (visit.chapter, visit.stand) == (chapter, stand)]

    def person_with(self, part: Part) -> int:
        """Return who plays a part that is played once."""
        return next(visit.person for visit in self.visits if visit.part is part)


class Granted(NamedTuple):
    """A grant that must be in a stand's journal; `is_other` tells the event that is over."""

    stand: int
    person: int
    is_other: bool


class Total(NamedTuple):
    """A number of grants and their points."""

    grants: int = 0
    points: int = 0

    def plus(self, other: Total) -> Total:
        """Return the sum of both."""
        return Total(self.grants + other.grants, self.points + other.points)


def write_story(random: Random, seconds: float, stands: Sequence[int] = (0, 1)) -> Story:
    """Return a story of about that many seconds with people at `stands`; a stand that has a camera of its own is left
    out.
    """
    killed_stand, wrong_stand = random.choice(stands), random.choice(stands)
    visits = _Writer(random, tuple(stands), killed_stand).write(seconds, wrong_stand)
    return Story(visits, killed_stand, wrong_stand)


def screens_for(visit: Visit) -> frozenset[str]:
    """Return the outcomes the kiosk may show for a visit."""
    if visit.is_interrupted:  # kept before the kill, or not
        return frozenset({"received", "already_received"})
    return frozenset({_SCREENS[visit.part]})


_SCREENS = {
    Part.VISITOR: "received",
    Part.AGAIN: "already_received",
    Part.BOTH: "received",
    Part.FORGED: "not_usable",
    Part.LOST_LISTED: "call_staff",
    Part.LOST_LATER: "received",
    Part.OTHER_EVENT: "received",
}


def expected_grants(visits: Iterable[Visit]) -> set[Granted]:
    """Return what the journals must hold after these visits, and nothing else."""
    return {
        Granted(visit.stand, visit.person, visit.part is Part.OTHER_EVENT)
        for visit in visits
        if visit.part not in {Part.FORGED, Part.LOST_LISTED}
    }


def expected_verdicts(grants: Iterable[Granted], stand_of_lowest_identity: int) -> dict[tuple[int, str], Total]:
    """Return {(stand, verdict): grants and points} for these grants, by the rules of docs/verdicts.md.

    Of two grants on one repeat key with the same points, the one of the kiosk with the lower identity is posted.
    """
    found: dict[tuple[int, str], Total] = {}
    granted = set(grants)
    for grant in granted:
        verdict = "held" if grant.is_other else "posted"
        if not grant.is_other and grant.stand != stand_of_lowest_identity:
            verdict = "duplicate" if grant._replace(stand=stand_of_lowest_identity) in granted else "posted"
        points = OTHER_POINTS if grant.is_other else POINTS
        key = (grant.stand, verdict)
        found[key] = found.get(key, Total()).plus(Total(1, points))
    return found


SHARES = {Chapter.MORNING: 0.2, Chapter.HUB_KILLED: 0.18, Chapter.OFFLINE: 0.46, Chapter.JOINED: 0.16}
"""How the time is spread over the chapters."""

VISIT_SECONDS = {Chapter.MORNING: 8.0, Chapter.HUB_KILLED: 5.0, Chapter.OFFLINE: 2.0, Chapter.JOINED: 3.0}
"""From one person to the next. First there is time to see the screen invite, see and answer; without a network there is
a crowd. Two seconds are a second before a camera of five frames a second, half a second of nobody, and some slack.
"""

_FEWEST = {Chapter.MORNING: 2, Chapter.HUB_KILLED: 1, Chapter.OFFLINE: 3, Chapter.JOINED: 1}
"""Visits at each stand that a chapter needs, so that there is a place for every planted case."""

_CONNECTED = (Chapter.MORNING, Chapter.HUB_KILLED, Chapter.JOINED)
_EARLY = (Chapter.MORNING, Chapter.HUB_KILLED)
_CARDS = 0.6
"""How many of the people bring a paper card; the others show a phone."""

_RETURNING = 0.12
_SERVED = (Part.VISITOR, Part.AGAIN, Part.BOTH, Part.LOST_LATER)


class _Writer:
    """Writes a story of newcomers, then gives some of their places to the planted cases and to people who come back."""

    def __init__(self, random: Random, stands: tuple[int, ...], killed_stand: int) -> None:
        self._random = random
        self._stands = stands
        self._killed_stand = killed_stand
        self._visits: list[Visit] = []
        self._free: set[int] = set()
        """Places of newcomers whom nothing else in the story depends on."""

    def write(self, seconds: float, wrong_stand: int) -> tuple[Visit, ...]:
        """Return all visits."""
        self._add(Chapter.WRONG_EVENT, wrong_stand, Part.OTHER_EVENT)
        for chapter, share in SHARES.items():
            for stand in self._stands:
                for _ in range(max(_FEWEST[chapter], round(seconds * share / VISIT_SECONDS[chapter]))):
                    self._free.add(len(self._visits))
                    self._add(chapter, stand, Part.VISITOR)
        self._interrupt()
        self._change(self._take((Chapter.OFFLINE,)), part=Part.LOST_LATER)
        self._change(self._take(_CONNECTED), part=Part.FORGED)
        self._change(self._take(_CONNECTED), part=Part.LOST_LISTED)
        if len(self._stands) == STANDS:
            self._send_to_both()
        for place in sorted(self._free):
            if self._random.random() < _RETURNING:
                self._call_back(place)
        return _numbered(self._visits)

    def _add(self, chapter: Chapter, stand: int, part: Part) -> None:
        kind: Literal["card", "phone"] = "card" if self._random.random() < _CARDS else "phone"
        self._visits.append(Visit(chapter, stand, len(self._visits), part, kind))

    def _take(self, chapters: tuple[Chapter, ...], stand: int | None = None) -> int:
        """Return a free place by chance, and keep it."""
        places = [
            place
            for place in sorted(self._free)
            if self._visits[place].chapter in chapters and stand in {None, self._visits[place].stand}
        ]
        place = self._random.choice(places)
        self._free.remove(place)
        return place

    def _change(self, place: int, **changes: object) -> None:
        self._visits[place] = self._visits[place]._replace(**changes)  # type: ignore[arg-type]  # a visit's own fields

    def _interrupt(self) -> None:
        """Let the stand be killed after its first person of the chapter, when it has something that is not sent."""
        first = next(
            place
            for place, visit in enumerate(self._visits)
            if (visit.chapter, visit.stand) == (Chapter.OFFLINE, self._killed_stand)
        )
        self._free.remove(first)
        self._change(self._take((Chapter.OFFLINE,), self._killed_stand), is_interrupted=True)
        self._free.add(first)

    def _send_to_both(self) -> None:
        """Somebody who was at one stand early comes to the other while it is offline and cannot know of it."""
        later = self._take((Chapter.OFFLINE,))
        earlier = self._visits[self._take(_EARLY, 1 - self._visits[later].stand)]
        self._change(later, part=Part.BOTH, person=earlier.person, kind=earlier.kind)

    def _call_back(self, place: int) -> None:
        """Give a newcomer's place to somebody who has been at this stand before, but not just now: a card that does not
        leave the camera is one scan.
        """
        stand = self._visits[place].stand
        *before, last = [visit for visit in self._visits[:place] if visit.stand == stand] or [self._visits[place]]
        known = [
            visit
            for visit in before
            if visit.part in _SERVED and not visit.is_interrupted and visit.person != last.person
        ]
        if known:
            earlier = self._random.choice(known)
            self._change(place, part=Part.AGAIN, person=earlier.person, kind=earlier.kind)


def _numbered(visits: list[Visit]) -> tuple[Visit, ...]:
    """Number the people 1, 2 … in the order in which they first come."""
    numbers: dict[int, int] = {}
    return tuple(visit._replace(person=numbers.setdefault(visit.person, len(numbers) + 1)) for visit in visits)
