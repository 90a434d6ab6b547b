"""Says which grants are over a person's daily limit: one too many of an activity for one member and city day, counted
over what stands posted, in order of occurrence. Follows the ledger in key order.
"""

from __future__ import annotations

from itertools import groupby

from hub.audit.expected import Expected, Identity, Key
from hub.audit.reference import Reference
from sync.citytime import city_day

OVER_LIMIT = "over daily limit"


class LimitWatch:
    """Looks at one (event, member, activity) after another; `over` are the grants that are too many, `unsure` those of
    which it cannot be told while some are about to be judged.
    """

    def __init__(self, reference: Reference) -> None:
        self._limits = {
            (number, activity.activity): activity.daily_limit
            for number, versions in reference.events.items()
            for activity in versions[-1].activities
            if activity.daily_limit
        }
        self._whose: tuple[int, ...] = ()
        self._standing: list[Expected] = []
        self._is_unsure = False
        self.over: set[Identity] = set()
        self.unsure: set[Identity] = set()

    def has_limit(self, key: Key) -> bool:
        """Tell whether an activity of a key has a daily limit."""
        return (key[0], key[3]) in self._limits

    def pass_over(self, key: Key) -> None:
        """Take in that a repeat key is about to be judged: whether its day's grants are too many is not known yet."""
        if key[:4] != self._whose:
            self.end()
            self._whose = key[:4]
        self._is_unsure = True

    def see(self, key: Key, winner: Expected | None) -> None:
        """Take in what is to stand on a repeat key."""
        if winner is None or not self.has_limit(key):
            return
        if key[:4] != self._whose:
            self.end()
            self._whose = key[:4]
        self._standing.append(winner)

    def end(self) -> None:
        """Close what was looked at."""
        if self._is_unsure:
            self.unsure |= {one.identity for one in self._standing}
        elif self._standing:
            limit = self._limits[self._whose[0], self._whose[3]]
            in_order = sorted(self._standing, key=lambda one: (one.occurred_ms, *one.identity))
            for _, day in groupby(in_order, key=lambda one: city_day(one.occurred_ms)):
                self.over |= {one.identity for one in list(day)[limit:]}
        self._whose, self._standing, self._is_unsure = (), [], False
