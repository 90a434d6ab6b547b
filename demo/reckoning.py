"""Holds what the recount found against what the cast must have come to. Pure: values in, checks out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from demo.cast import Chapter, Granted, Part, Story, Total, Visit, expected_grants, expected_verdicts, screens_for
from demo.processes import Line
from demo.recount import VERDICTS, Books, Check, KioskSums, grants_in
from sync.entry import hash_of

OVER = "time"
"""The hub's reason to hold a grant outside its event's time."""
OK_WORDS = frozenset({"received", "recorded"})
"""The screens that promise points."""
LOST = "lost card"
"""The hub's flag for a grant on a card that was reported lost."""


class Played(NamedTuple):
    """What has happened. `shown` is each visit with the screen it got; `identities` are the stands' kiosks; `members`
    are the numbers of 見本1, 見本2 ….
    """

    story: Story
    shown: Sequence[tuple[Visit, str]]
    identities: Sequence[bytes]
    members: Sequence[int]
    other_event: int


def screen_checks(books: Books, identities: Sequence[bytes], scans: Sequence[Sequence[Line]]) -> list[Check]:
    """Return whether every OK that a screen showed is a grant in that kiosk's journal, killed or not."""
    return [
        Check(f"booth {stand + 1}: OKs shown that are not in the journal", [], _unkept(books, identity, said))
        for stand, (identity, said) in enumerate(zip(identities, scans, strict=True))
    ]


def cast_checks(played: Played, books: Books, sums: Mapping[bytes, KioskSums]) -> list[Check]:
    """Return whether everybody came to what they had to come to."""
    wanted = Counter(expected_grants(visit for visit, _ in played.shown))
    found = _granted(played, books)
    lowest = played.identities.index(min(played.identities))
    verdicts = expected_verdicts(wanted, lowest)
    return [
        Check("screens that the visit does not call for", [], _wrong_screens(played.shown)),
        Check("grants that nobody came for", [], sorted((found - wanted).elements())),
        Check("people without the grant they came for", [], sorted((wanted - found).elements())),
        *(
            Check(
                f"booth {stand + 1}: {verdict}", verdicts.get((stand, verdict), Total()), getattr(sums[kiosk], verdict)
            )
            for stand, kiosk in enumerate(played.identities)
            for verdict in VERDICTS
        ),
        Check("reasons to hold", {OVER: 1}, _reasons(books)),
        Check("who is flagged for a lost card", [played.story.person_with(Part.LOST_LATER)], _flagged(played, books)),
        *_presence_checks(played),
    ]


def _presence_checks(played: Played) -> list[Check]:
    """Return whether every planted case was there at all: a story without one would prove nothing."""
    parts = Counter(visit.part for visit, _ in played.shown)
    planted = (Part.BOTH, Part.FORGED, Part.LOST_LISTED, Part.LOST_LATER, Part.OTHER_EVENT)
    offline = [visit for visit, screen in played.shown if visit.chapter is Chapter.OFFLINE and screen in OK_WORDS]
    return [
        Check("planted cases", dict.fromkeys(planted, 1), {part: parts[part] for part in planted}),
        Check("people who were served offline", True, len(offline) > 0),
    ]


def _unkept(books: Books, identity: bytes, scans: Iterable[Line]) -> list[object]:
    """Return the numbers of the OKs whose entry is not in the journal, is another grant than the screen said, or was
    promised before.
    """
    grants = grants_in(books.journals.get(identity, ()))
    kept: Counter[tuple[object, ...]] = Counter((seq, grant.event, grant.points) for seq, grant in grants)
    said = (scan for scan in scans if scan["outcome"] in OK_WORDS)
    shown: Counter[tuple[object, ...]] = Counter((scan["seq"], scan["event"], scan["points"]) for scan in said)
    return sorted((promise[0] for promise in (shown - kept).elements()), key=str)


def _wrong_screens(shown: Iterable[tuple[Visit, str]]) -> list[str]:
    return [
        f"booth {visit.stand + 1}, {visit.part.value}: {screen}"
        for visit, screen in shown
        if screen not in screens_for(visit)
    ]


def _granted(played: Played, books: Books) -> Counter[Granted]:
    """Return the grants in the journals by stand and person; a member nobody knows is person 0."""
    persons = {member: person for person, member in enumerate(played.members, start=1)}
    return Counter(
        Granted(stand, persons.get(grant.member, 0), grant.event == played.other_event)
        for stand, identity in enumerate(played.identities)
        for _, grant in grants_in(books.journals.get(identity, ()))
    )


def _reasons(books: Books) -> dict[str, int]:
    return dict(Counter(aside.reason for aside in books.hub.asides if aside.verdict == "held"))


def _flagged(played: Played, books: Books) -> list[int]:
    """Return the persons whose grants carry the flag of a lost card."""
    persons = {member: person for person, member in enumerate(played.members, start=1)}
    flagged = {entry_hash for _, entry_hash, flag in books.hub.flags if flag == LOST}
    arrived = [encoded for _, encoded in books.hub.entries if hash_of(encoded) in flagged]
    return sorted(persons.get(grant.member, 0) for _, grant in grants_in(arrived))
