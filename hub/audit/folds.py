"""What the main branch has come to before an entry, in the form in which the hub keeps it between batches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

from hub.audit.times import Times
from sync.entry import Opened
from sync.keys import Instance

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

    def open(self, opened: Opened, known: Container[Named]) -> None:
        """Take in which manifest an opening names; one that the hub does not know is no newer one."""
        self.manifest = opened.manifest
        if opened.manifest is not None and opened.manifest in known:
            self.newest = opened.manifest if self.newest is None else max(self.newest, opened.manifest)

    def copy(self) -> State:
        """Return a state that can be carried on by itself."""
        return State(self.manifest, self.newest, defaultdict(int, self.used))


def fold_of(state: State, times: Times, position: int) -> Fold:
    """Return the fold before an entry of the branch; after the last one where `position` is its length."""
    situation = times.before(position)
    sample = times.first_sample(situation.boot, position)
    packed = None if sample is None else (sample.seq, sample.arrived_ms, sample.boot, (*sample.clock,))
    return (
        _plain(state.manifest),
        _plain(state.newest),
        tuple(sorted((allotment, points) for allotment, points in state.used.items() if points)),
        situation.floor_ms,
        situation.boot,
        situation.confirmed,
        None if sample is None or packed is None else (*packed, sample.signed_by_ms),
    )


def _plain(named: Named | None) -> Any:
    return None if named is None else ((*named[0],), named[1])
