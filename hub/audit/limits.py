"""Says which grants are over a person's daily limit: one too many of an activity for one member and city day, counted
over what stands posted, in order of occurrence. Follows the ledger in key order.
"""

from __future__ import annotations

from collections.abc import Container
from itertools import groupby

from hub.audit.expected import Expected, Identity, Key
from hub.audit.reference import Reference
from sync.citytime import city_day

OVER_LIMIT = "over daily limit"


class LimitWatch:
    """Looks at one (event, member, activity) after another; `over` are the grants that are too many.

    `whose`, where given, are the only ones that are asked about: (event, bucket, member, activity).
    """

    def __init__(self, reference: Reference, whose: Container[tuple[int, ...]] | None = None) -> None:
        self._limits = {
            (number, activity.activity): activity.daily_limit
            for number, versions in reference.events.items()
            for activity in versions[-1].activities
            if activity.daily_limit
        }
        self._only = whose
        self._whose: tuple[int, ...] = ()
        self._standing: list[Expected] = []
        self.over: set[Identity] = set()

    def see(self, key: Key, winner: Expected | None) -> None:
        """Take in what is to stand on a repeat key."""
        if (key[0], key[3]) not in self._limits or winner is None:
            return
        if key[:4] != self._whose:
            self.end()
            self._whose = key[:4]
        if self._only is None or key[:4] in self._only:
            self._standing.append(winner)

    def end(self) -> None:
        """Close what was looked at."""
        if self._standing:
            limit = self._limits[self._whose[0], self._whose[3]]
            in_order = sorted(self._standing, key=lambda one: (one.occurred_ms, *one.identity))
            for _, day in groupby(in_order, key=lambda one: city_day(one.occurred_ms)):
                self.over |= {one.identity for one in list(day)[limit:]}
        self._whose, self._standing = (), []
