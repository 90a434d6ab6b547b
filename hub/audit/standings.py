"""What each grant of one kiosk is worth by itself (DESIGN §7): eligible, held or dismissed, and for what reason. Pure.

Written from the design and not from the hub's own judging, so that a misreading on either side shows as a difference.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from hub.audit.journal import Arrived
from hub.audit.reference import Reference
from hub.audit.times import Times
from hub.audit.tree import Tree
from sync.citytime import city_day
from sync.entry import Grant, Opened, Read, Void
from sync.keys import Instance
from sync.manifest import Event, Manifest
from sync.rules import points_for

ELIGIBLE, HELD, DISMISSED = "eligible", "held", "dismissed"
MAY_BE_RELEASED = {"points", "time", "member ended", "not this kiosk's", "fork", "fenced", "revoked"}
"""Reasons a person may set aside. A share is topped up, a hole accepted, an unknown member made known instead."""


class Standing(NamedTuple):
    """What is expected of one arrived entry that is a grant, or is not understood, or voids nothing.

    `moments` and `allotments` are all that may be written down with it: both depend on when that was. `from_share` is 1
    where only a share makes it eligible, else None. `must_flag` flags are there, others of `may_flag` may be.
    """

    seq: int
    hash: bytes
    arrived_ms: int
    grant: Grant | None
    verdict: str
    reason: str
    moments: frozenset[int]
    allotments: frozenset[int]
    from_share: int | None
    must_flag: frozenset[str]
    may_flag: frozenset[str]
    is_counted: bool = True


@dataclass
class State:
    """What the main branch has come to so far: the manifest in force, and the points signed out of each allotment."""

    manifest: tuple[Instance, int] | None = None
    used: dict[int, int] = field(default_factory=lambda: defaultdict(int))


class Judge:
    """Judges one kiosk."""

    def __init__(
        self, kiosk: bytes, tree: Tree, holes: Mapping[int, int], reference: Reference, decisions: Mapping[bytes, str]
    ) -> None:
        self._kiosk = kiosk
        self._tree = tree
        self._reference = reference
        self._manifests: Mapping[tuple[Instance, int], Manifest] = reference.manifests.get(kiosk, {})
        self._decisions = decisions
        self.times = Times(tree.main, self._manifests)
        self._as_it_was = list(_earlier_branches(tree.main, holes, self._manifests))
        self._voided, self._good_voids = _voids(tree.main)
        self.state = State()

    def standings(self) -> Iterator[Standing]:
        """Yield the standing of every entry that has one; afterwards `state` is what the main branch comes to."""
        for position, one in enumerate(self._tree.main):
            standing = self._on_main(position, one)
            if standing is not None:
                yield standing
        for one, reason in self._tree.aside:
            standing = self._off_main(one, reason)
            if standing is not None:
                yield standing

    def _on_main(self, position: int, one: Arrived) -> Standing | None:
        if one.is_altered:
            return None
        if one.body is None:
            return self._not_a_grant(one, f"not understood: {one.defect}")
        if isinstance(one.body, Opened):
            self.state.manifest = one.body.manifest
        if isinstance(one.body, Void) and position not in self._good_voids:
            return self._not_a_grant(one, "void of nothing")
        if isinstance(one.body, Grant):
            return self._grant(position, one, one.body)
        return None

    def _grant(self, position: int, one: Arrived, grant: Grant) -> Standing:
        manifest = self._manifests.get(self.state.manifest) if self.state.manifest else None
        event = manifest.event(grant.event) if manifest else None
        if event is not None:
            self.state.used[event.allotment] += grant.points
        moments = self._moments(position, one)
        reason = self._reason_to_hold(position, grant, event)
        verdict, why = self._decided(one, reason, grant)
        if one.seq in self._voided:
            verdict, why = DISMISSED, "voided"
        allotments = frozenset({event.allotment}) if event else self._allotments_ever(grant.event)
        if why == "decided":  # it may have been held for another reason when it was put aside
            moments, allotments = moments | {one.arrived_ms}, allotments | self._allotments_ever(grant.event)
        flags = self._flags(one, grant, moments)
        must, may = flags if why not in {"voided", "decided"} else (frozenset(), flags[1])
        is_decided = one.hash in self._decisions
        from_share = 1 if verdict == ELIGIBLE and not is_decided else None
        return Standing(
            one.seq, one.hash, one.arrived_ms, grant, verdict, why, moments, allotments, from_share, must, may
        )

    def _reason_to_hold(self, position: int, grant: Grant, event: Event | None) -> str:
        activity = event.activity(grant.activity) if event else None
        if event is None or activity is None:
            return "not this kiosk's"
        if points_for(activity.rule, grant.quantity) != grant.points:
            return "points"
        unusual = self._reference.unusual_member(grant.member, self._tree.main[position].arrived_ms)
        if unusual:
            return unusual
        window = self._reference.events.get(grant.event, [event])[-1]
        interval = self.times.interval(position)
        if interval.not_after_ms < window.starts_ms or interval.not_before_ms > window.ends_ms:
            return "time"
        if self.state.used[event.allotment] > self._reference.limit_in_force(self._kiosk, event.allotment):
            return "beyond share"
        return ""

    def _off_main(self, one: Arrived, reason: str) -> Standing | None:
        if one.is_altered:
            return None
        if one.body is None:
            return self._not_a_grant(one, reason)
        if not isinstance(one.body, Grant):
            return None
        verdict, why = self._decided(one, reason, one.body)
        unusual = self._reference.unusual_member(one.body.member, one.arrived_ms)
        if verdict == ELIGIBLE and unusual == "member unknown":  # nobody can be given points who is not there
            verdict, why = HELD, unusual
        moments, allotments = frozenset({one.arrived_ms}), self._allotments_ever(one.body.event)
        none: frozenset[str] = frozenset()
        return Standing(
            one.seq, one.hash, one.arrived_ms, one.body, verdict, why, moments, allotments, None, none, none
        )

    def _not_a_grant(self, one: Arrived, reason: str) -> Standing:
        dismissed = self._decisions.get(one.hash) == "dismiss"
        verdict, why = (DISMISSED, "decided") if dismissed else (HELD, reason)
        if one.body is not None:
            why = reason  # a void that names nothing keeps its reason: it is never counted as a grant
        at, none, no_flags = frozenset({one.arrived_ms}), frozenset({0}), frozenset[str]()
        return Standing(
            one.seq, one.hash, one.arrived_ms, None, verdict, why, at, none, 0, no_flags, no_flags, one.body is None
        )

    def _decided(self, one: Arrived, reason: str, grant: Grant) -> tuple[str, str]:
        decision = self._decisions.get(one.hash)
        if decision == "dismiss":
            return DISMISSED, "decided"
        has_allotment = bool(self._reference.events.get(grant.event))
        if not reason or (decision == "release" and reason in MAY_BE_RELEASED and has_allotment):
            return ELIGIBLE, ""
        return HELD, reason

    def _allotments_ever(self, event: int) -> frozenset[int]:
        return frozenset({0} | {version.allotment for version in self._reference.events.get(event, [])})

    def _moments(self, position: int, one: Arrived) -> frozenset[int]:
        found = self.times.moments(position)
        for positions, times in self._as_it_was:
            if (one.seq, one.hash) in positions:
                found |= times.moments(positions[one.seq, one.hash])
        return frozenset(found)

    def _flags(self, one: Arrived, grant: Grant, moments: Iterable[int]) -> tuple[frozenset[str], frozenset[str]]:
        """Return the flags that must stand, and those that may: some depend on what was known when it was judged."""
        must, may = set(), set()
        lost_ms = self._reference.lost_ms.get((grant.member, grant.issue))
        if lost_ms is not None:
            may.add("lost card")
            must |= {"lost card"} if lost_ms < one.arrived_ms else set()
        expired = [bool(grant.expiry_day) and city_day(moment) > (grant.expiry_day or 0) for moment in moments]
        may |= {"expired token"} if any(expired) else set()
        must |= {"expired token"} if all(expired) else set()
        if grant.how == Read.TYPED:
            must.add("typed")
        return frozenset(must), frozenset(may | must)


def _voids(main: list[Arrived]) -> tuple[set[int], set[int]]:
    """Return the numbers of voided grants, and the positions of the voids that name an earlier grant of the branch."""
    grants: set[int] = set()
    voided: set[int] = set()
    good: set[int] = set()
    for position, one in enumerate(main):
        if isinstance(one.body, Grant) or one.is_altered:
            grants.add(one.seq)
        elif isinstance(one.body, Void) and one.body.seq in grants:
            voided.add(one.body.seq)
            good.add(position)
    return voided, good


def _earlier_branches(
    main: list[Arrived], holes: Mapping[int, int], manifests: Mapping[tuple[Instance, int], Manifest]
) -> Iterator[tuple[dict[tuple[int, bytes], int], Times]]:
    """Yield the main branch as it was before entries of an accepted hole turned up: what was posted then keeps its
    moment.
    """
    late = [one for one in main if any(first <= one.seq <= last for first, last in holes.items())]
    for turned_up_ms in sorted({one.arrived_ms for one in late}):
        without = {(one.seq, one.hash) for one in late if one.arrived_ms >= turned_up_ms}
        branch = [one for one in main if (one.seq, one.hash) not in without]
        yield {(one.seq, one.hash): position for position, one in enumerate(branch)}, Times(branch, manifests)
