"""What judging is handed and what it returns: entries, facts, folds and standings (docs/verdicts.md). Values only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import NamedTuple

import cbor2

from hub.intake.intervals import Answer, Floors, Sample, Source, settled
from hub.intake.reasons import NONE, NOT_COUNTED, Reason
from hub.intake.settle import Claim, RepeatKey
from sync.entry import Clock, Entry, Grant
from sync.keys import Instance
from sync.manifest import Activity, Manifest

NO_KEY = RepeatKey(0, 0, 0, 0, 0)
"""Where entries lie that are no grant, or are not understood."""


class Candidacy(Enum):
    """Whether a grant may win its repeat key."""

    ELIGIBLE = "eligible"
    HELD = "held"
    DISMISSED = "dismissed"


class Flag(Enum):
    """What is posted all the same and may be worth a look. The daily limit is looked at where keys are settled."""

    LOST_CARD = "lost card"
    EXPIRED = "expired token"
    TYPED = "typed"
    UNKNOWN_ISSUE = "unknown issue"
    UNKNOWN_KEY = "unknown key"
    TIME_DOUBTED = "time doubted"
    DAY_DOUBTED = "day doubted"
    OVER_LIMIT = "over daily limit"


class Standing(NamedTuple):
    """What an entry is worth by itself. `is_natural` tells that key, points and allotment are those of the signed grant
    and its manifest. `grant` is None for what is not understood and for voids; those lie under NO_KEY.
    """

    seq: int
    hash: bytes
    grant: Grant | None
    key: RepeatKey
    points: int
    allotment: int
    candidacy: Candidacy
    reasons: Reason
    flags: tuple[Flag, ...]
    occurred_ms: int
    occurred_from: Source
    boot: bytes
    is_natural: bool = True

    @property
    def is_counted(self) -> bool:
        """Tell whether it counts as a grant; a void does not."""
        return not self.reasons & NOT_COUNTED

    def claim(self, kiosk: bytes) -> Claim:
        """Return the grant as it would be posted."""
        where = (self.points, self.allotment, self.occurred_ms, int(self.occurred_from))
        return Claim(self.key, kiosk, self.seq, self.hash, *where)


class Attested(NamedTuple):
    """An arrived entry as it is judged. `entry` is None where it is not understood."""

    seq: int
    hash: bytes
    arrived_ms: int
    entry: Entry | None
    defect: str


def grants_in(entries: Iterable[Attested]) -> list[Grant]:
    """Return the bodies of those entries that are grants."""
    return [one.entry.body for one in entries if one.entry is not None and isinstance(one.entry.body, Grant)]


class EventNow(NamedTuple):
    """An event as the hub has it now; its window may have been corrected since a manifest was signed."""

    starts_ms: int
    ends_ms: int
    allotment: int
    activities: Mapping[int, Activity] = {}


class MemberNow(NamedTuple):
    """An account that is not simply open: "unknown" or "ended", and since when."""

    state: str
    since_ms: int = 0


class Decision(NamedTuple):
    """The newest decision on an entry: release, dismiss or reopen; the reasons a release sets aside, and from which
    allotment it took the points where no share covers them.
    """

    kind: str
    reasons: Reason = NONE
    allotment: int = 0


class Replacement(NamedTuple):
    """A person's word that in a range of numbers another event and activity was meant; `offered` is that activity as it
    was then. It is about what had arrived by `since_ms`: for that, points were moved to the kiosk.
    """

    first_seq: int
    last_seq: int
    from_event: int
    from_activity: int
    event: int
    activity: int
    slot: int
    allotment: int
    since_ms: int
    offered: Activity | None = None


class SignedShare(NamedTuple):
    """Total + reserve of a share, as a manifest (opening of its instance, version) says."""

    manifest: tuple[int, int]
    limit: int


@dataclass(frozen=True)
class Facts:
    """Everything beside the entries that a standing depends on, for one kiosk.

    `members` holds only accounts that are not simply open; `issues` the card issues of those members whose card
    is not the first; `keys` the ids of all member keys the hub has had. `shares` is what was signed for each allotment,
    manifest by manifest: a grant is covered by the highest since the one it was signed under. `events` are those that
    the grants or a replacement name, as they stand now; `decisions` the newest act on each entry by hash.
    """

    manifests: Mapping[tuple[Instance, int], Manifest]
    events: Mapping[int, EventNow]
    shares: Mapping[int, tuple[SignedShare, ...]]
    members: Mapping[int, MemberNow] = field(default_factory=dict)
    lost_cards: frozenset[tuple[int, int]] = frozenset()
    issues: Mapping[int, frozenset[int]] = field(default_factory=dict)
    keys: frozenset[bytes] = frozenset()
    decisions: Mapping[bytes, Decision] = field(default_factory=dict)
    replacements: tuple[Replacement, ...] = ()
    answers: Mapping[bytes, Answer] = field(default_factory=dict)


@dataclass(frozen=True)
class Fold:
    """What judging a branch so far has left behind. Small, and the same however the entries were split into batches.

    `newest` is the highest manifest named so far; `used` the points signed out of each allotment; `confirmed` and
    `sample` (the first that is believed) are of the boot the branch is in.
    """

    manifest: tuple[Instance, int] | None = None
    newest: tuple[Instance, int] | None = None
    used: tuple[tuple[int, int], ...] = ()
    floors: Floors = ()
    boot: bytes = b""
    confirmed: tuple[int, int] | None = None
    sample: Sample | None = None

    def asked_from(self, arrived_ms: int) -> Fold:
        """Return the fold as entries need it that arrive at a moment or later."""
        return replace(self, floors=settled(self.floors, arrived_ms))

    def pack(self) -> bytes:
        """Return the fold as bytes for the progress tables."""
        past = (self.manifest, self.newest, self.used, self.floors)
        return cbor2.dumps((*past, self.boot, self.confirmed, self.sample))

    @classmethod
    def unpack(cls, packed: bytes) -> Fold:
        """Return the fold in `packed`; the empty fold for nothing."""
        if not packed:
            return cls()
        manifest, newest, used, floors, boot, confirmed, sample = cbor2.loads(packed, immutable=True)
        if sample is not None:
            sample = Sample(*sample)._replace(clock=Clock(*sample[3]))
        return cls(_named(manifest), _named(newest), used, floors, boot, confirmed, sample)


def _named(value: tuple[tuple[int, bytes], int] | None) -> tuple[Instance, int] | None:
    return None if value is None else (Instance(*value[0]), value[1])


def is_released(decision: Decision | None, reason: Reason) -> bool:
    """Tell whether the newest decision on an entry sets a reason aside."""
    return decision is not None and decision.kind == "release" and bool(decision.reasons & reason)


@dataclass(frozen=True)
class Voids:
    """Which grants of a branch are voided, by number, and why other voids do not count, by number of the void."""

    voided: frozenset[int] = frozenset()
    held: Mapping[int, Reason] = field(default_factory=dict)


NO_VOIDS = Voids()


class Judged(NamedTuple):
    """What a branch comes to: the fold after it, and the standing of every grant, of every entry not understood and of
    every void that does not count, in order.
    """

    fold: Fold
    standings: list[Standing]
