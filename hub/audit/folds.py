"""What the main branch has come to before an entry, in the form in which the hub keeps it between batches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hub.audit.journal import Arrived
from hub.audit.times import Times
from sync.entry import Opened
from sync.keys import Instance
from sync.manifest import Manifest

Fold = tuple[Any, ...]
"""Manifest in force, highest named, points used, floor, boot, what was confirmed in it, its first believed sample."""

Named = tuple[Instance, int]
"""A manifest by instance and version."""


@dataclass
class State:
    """What the main branch has come to so far: the manifest in force, the highest named, the points signed out of each
    allotment.
    """

    manifest: Named | None = None
    newest: Named | None = None
    used: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def open(self, named: Named | None) -> None:
        """Take in which manifest an opening names; None is one that had not been signed, which is no newer one."""
        self.manifest = named
        if named is not None:
            self.newest = named if self.newest is None else max(self.newest, named)

    def copy(self) -> State:
        """Return a state that can be carried on by itself."""
        return State(self.manifest, self.newest, defaultdict(int, self.used))


def named_by(one: Arrived, manifests: Mapping[Named, Manifest]) -> Named | None:
    """Return the manifest that an opening names, if it had been signed before the opening arrived."""
    named = one.body.manifest if isinstance(one.body, Opened) else None
    manifest = manifests.get(named) if named is not None else None
    return named if manifest is not None and manifest.issued_ms < one.arrived_ms else None


def fold_of(state: State, times: Times, position: int) -> Fold:
    """Return the fold before an entry of the branch; after the last one where `position` is its length."""
    situation = times.before(position)
    sample = times.first_sample(situation.boot, position)
    packed = None if sample is None else (sample.seq, sample.arrived_ms, sample.boot, (*sample.clock,))
    return (
        _plain(state.manifest),
        _plain(state.newest),
        tuple(sorted((allotment, points) for allotment, points in state.used.items() if points)),
        times.settled_floors(position),
        situation.boot,
        situation.confirmed,
        None if sample is None or packed is None else (*packed, sample.signed_by_ms),
    )


def _plain(named: Named | None) -> Any:
    return None if named is None else ((*named[0],), named[1])
