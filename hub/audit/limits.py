"""Watches the flag for what goes over a person's daily limit. The hub raises it while it judges, when it sees that many
posted, so only bounds can be told: where it must be at the least, and where it cannot be.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from hub.audit.expected import Expected, Identity, Key
from hub.audit.findings import Findings
from hub.audit.reference import Reference
from sync.citytime import city_day

OVER_LIMIT = "over daily limit"


class LimitWatch:
    """Follows the ledger in key order and looks at one (event, member, activity) after another."""

    def __init__(self, reference: Reference, flagged: set[Identity], findings: Findings) -> None:
        self._limits = _limits(reference)
        self._flagged = flagged
        self._findings = findings
        self._whose: tuple[int, ...] = ()
        self._occasions = 0
        self._posted: Counter[int] = Counter()
        self._flags: list[Identity] = []

    def see(self, key: Key, expected: list[Expected], transfers: list[Any]) -> None:
        """Take in one repeat key."""
        if key[:4] != self._whose:
            self.end()
            self._whose = key[:4]
        if (key[0], key[3]) not in self._limits:
            self._flags += [one.identity for one in expected if one.identity in self._flagged]
            return
        self._occasions += bool(expected)
        self._flags += [one.identity for one in expected if one.identity in self._flagged]
        days = {city_day(one.occurred_ms) for one in transfers}
        if transfers and transfers[-1].points > 0 and len(days) == 1:
            self._posted[days.pop()] += 1

    def end(self) -> None:
        """Close what was looked at."""
        if self._whose:
            event, _, member, activity = self._whose
            lowest, highest = self._limits.get((event, activity), (0, 0))
            if self._flags and (not lowest or self._occasions <= lowest):
                for kiosk, seq, entry_hash in self._flags:
                    self._findings.defect(
                        "flag", "no limit was passed", kiosk=kiosk, seq=seq, hash=entry_hash, flag=OVER_LIMIT
                    )
            over = sum(max(0, posted - highest) for posted in self._posted.values()) if highest else 0
            if len(self._flags) < over:
                self._findings.defect(
                    "flag",
                    f"missing: {over} grants went over the limit, {len(self._flags)} are flagged",
                    event=event,
                    member=member,
                    activity=activity,
                    flag=OVER_LIMIT,
                )
        self._whose, self._occasions, self._posted, self._flags = (), 0, Counter(), []


def _limits(reference: Reference) -> dict[tuple[int, int], tuple[int, int]]:
    """Return the lowest and highest daily limit of each (event, activity) that a kiosk was ever told."""
    without_end = 2**63
    told: dict[tuple[int, int], set[int]] = defaultdict(set)
    for manifests in reference.manifests.values():
        for manifest in manifests.values():
            for event in manifest.events:
                for activity in event.activities:
                    told[event.event, activity.activity].add(activity.daily_limit or without_end)
    return {key: (min(limits), max(limits)) for key, limits in told.items() if min(limits) < without_end}
