"""Decisions on single entries: release, dismiss, take a decision back. The newest one on an entry counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import sqlalchemy as sa

from hub.acts.checks import want_kiosk
from hub.acts.doing import Doing, Outcome, act
from hub.acts.judged import judge_entries, lock_kiosk
from hub.acts.money import hand_out, take_back
from hub.acts.named import Put, entries_named, put_aside, targets_of
from hub.acts.refusals import ActRefused, Refusal
from hub.intake.judging import RUN_LIMIT
from hub.intake.reasons import NOT_COUNTED, RELEASABLE, UNCOVERED, Reason, first_of
from hub.intake.stored import Name
from hub.ledger.accounts import Movement
from hub.ledger.inbox import fill_wanted
from hub.ledger.posting import Moved
from hub.register.events import EventVersion, newest_event
from hub.store.database import execute_many, rows
from sync.citytime import city_day
from sync.entry import Entry, Grant

RELEASE, DISMISS, REOPEN = "release", "dismiss", "reopen"


class Decided(NamedTuple):
    """A decision on an entry: the reasons a release sets aside, and what it moved to the kiosk, from where."""

    kind: str
    version: int = 0
    reasons: int = 0
    allotment: int = 0
    points: int = 0


_UNDECIDED = Decided("")


def _number_of_entries(**told: Collection[Name]) -> str:
    return f"{len(told['entries']):,}件 / entries"


@act("release", counter="reopen decision", takes_points=True, text=_number_of_entries)
def release(doing: Doing, kiosk: bytes, entries: tuple[Name, ...], reasons: int) -> Outcome[None]:
    """Post held entries after all. `reasons` is the sum of the reasons that were shown; no other is set aside."""
    decisions = _Decisions(doing, kiosk, entries)
    new = {name: decisions.released(name, reasons) for name in decisions.names}
    moved = decisions.write(new)
    decisions.refuse_held(new)
    return Outcome(None, moved)


@act("dismiss", counter="reopen decision", takes_points=True, text=_number_of_entries)
def dismiss(doing: Doing, kiosk: bytes, entries: tuple[Name, ...]) -> Outcome[None]:
    """Dismiss grants, held or posted, or take what is no grant off the list. The hub never does so by itself."""
    decisions = _Decisions(doing, kiosk, entries)
    return Outcome(None, decisions.write({name: decisions.dismissed(name) for name in decisions.names}))


@act("reopen decision", counter="", takes_points=True, text=_number_of_entries)
def reopen_decision(
    doing: Doing, kiosk: bytes, entries: tuple[Name, ...], seen: Mapping[Name, int] | None = None
) -> Outcome[None]:
    """Take decisions back: the entries are judged as if nothing had been decided. `seen` are the versions that were
    shown of them.
    """
    decisions = _Decisions(doing, kiosk, entries)
    decisions.refuse_changed(seen or {})
    return Outcome(None, decisions.write({name: decisions.reopened(name) for name in decisions.names}))


class _Decisions:
    """One act's decisions on entries of one kiosk: what was there before, and what is written. Raises ActRefused where
    nothing is chosen, or an entry has not arrived.
    """

    def __init__(self, doing: Doing, kiosk: bytes, entries: Iterable[Name]) -> None:
        self.names = sorted(set(entries))
        if not self.names:
            raise ActRefused(Refusal.NOTHING_CHOSEN)
        want_kiosk(doing.connection, kiosk)
        lock_kiosk(doing, kiosk)
        self._doing, self._kiosk = doing, kiosk
        self._entries: Mapping[Name, Entry | None] = entries_named(doing.connection, kiosk, self.names)
        self._aside: Mapping[Name, Put] = put_aside(doing.connection, kiosk, self.names)
        self._before = newest_decisions(doing.connection, kiosk, self.names)
        self._events: dict[int, EventVersion | None] = {}
        for seq, entry_hash in self.names:
            if (seq, entry_hash) not in self._entries:
                raise ActRefused(Refusal.GONE, what=seq)

    def refuse_changed(self, seen: Mapping[Name, int]) -> None:
        """Raise ActRefused where another decision counts now than the one that was shown."""
        for name, version in sorted(seen.items()):
            if self._before.get(name, _UNDECIDED).version != version:
                raise ActRefused(Refusal.GROUND_CHANGED, what=name[0])

    def released(self, name: Name, shown: int) -> Decided:
        """Return the release of a held entry. Raises ActRefused where it would not post."""
        put = self._aside.get(name)
        if put is None or put.verdict != "held":
            raise ActRefused(Refusal.NOT_HELD, what=name[0])
        if put.reasons & ~shown:
            raise ActRefused(Refusal.GROUND_CHANGED, what=name[0])
        if put.reasons & ~RELEASABLE:
            needed = first_of(put.reasons & ~RELEASABLE)
            raise ActRefused(Refusal.NEEDS_OTHER_ACT, what=name[0], needed=needed)
        is_counted = not put.reasons & NOT_COUNTED
        if is_counted and not put.points:
            raise ActRefused(Refusal.CANNOT_POST, what=name[0], needed=Reason.POINTS)
        if put.reasons & Reason.DAY and not self._is_read_within(name, put.event):
            raise ActRefused(Refusal.CANNOT_POST, what=name[0], needed=Reason.DAY)
        covered = (self._allotment_of(put.event), put.points) if put.reasons & UNCOVERED and is_counted else (0, 0)
        return Decided(RELEASE, self._version(name), put.reasons, *covered)

    def dismissed(self, name: Name) -> Decided:
        """Return the dismissal of an entry. Raises ActRefused where it is dismissed so already, or is nothing that
        could be.
        """
        entry = self._entries[name]
        if name not in self._aside and (entry is None or not isinstance(entry.body, Grant)):
            raise ActRefused(Refusal.NOT_A_GRANT, what=name[0])
        if self._before.get(name, _UNDECIDED).kind == DISMISS:
            raise ActRefused(Refusal.STANDS_SO, what=name[0])
        return Decided(DISMISS, self._version(name))

    def reopened(self, name: Name) -> Decided:
        """Return that a decision no longer counts. Raises ActRefused where there is none."""
        if self._before.get(name, _UNDECIDED).kind not in {RELEASE, DISMISS}:
            raise ActRefused(Refusal.NOT_DECIDED, what=name[0])
        return Decided(REOPEN, self._version(name))

    def write(self, decided: Mapping[Name, Decided]) -> Moved:
        """Keep decisions, judge the entries, and move their covers and those that no longer count."""
        self._insert(decided)
        superseded = _covers(self._before.values())
        movements: list[Movement] = []
        for allotment, points in sorted(_covers(decided.values()).items()):
            movements += hand_out(self._doing, "cover", self._kiosk, allotment, points)
        for allotment, points in sorted(superseded.items()):
            movements += take_back(self._doing, "cover back", self._kiosk, allotment, points)
        touched = set(decided) | targets_of(self._doing.connection, self._kiosk, self._entries.values())
        # What is to be given back must have come back first: nothing of it may wait.
        return judge_entries(self._doing, self._kiosk, touched, movements, may_wait=not superseded)

    def refuse_held(self, decided: Mapping[Name, Decided]) -> None:
        """Raise ActRefused where a release did not release: what was read of it is no longer so."""
        if len(decided) > RUN_LIMIT:
            return
        for name, put in sorted(put_aside(self._doing.connection, self._kiosk, decided).items()):
            if put.verdict == "held":
                raise ActRefused(Refusal.CANNOT_POST, what=name[0], needed=first_of(put.reasons))

    def _allotment_of(self, event: int) -> int:
        """Return the allotment that an event has now. Raises ActRefused where there is no such event."""
        found = self._event(event)
        if found is None:
            raise ActRefused(Refusal.NO_EVENT, what=event)
        return found.allotment

    def _is_read_within(self, name: Name, event: int) -> bool:
        """Tell whether the day that a booth read is one of the event: a release puts the grant on that day, and a clock
        of another year would let the person have the right day's points as well.
        """
        entry, found = self._entries[name], self._event(event)
        if entry is None or not isinstance(entry.body, Grant) or found is None:
            return False
        return city_day(found.starts_ms) <= entry.body.occasion <= city_day(found.ends_ms)

    def _event(self, event: int) -> EventVersion | None:
        if event not in self._events:
            self._events[event] = newest_event(self._doing.connection, event)
        return self._events[event]

    def _version(self, name: Name) -> int:
        return self._before.get(name, _UNDECIDED).version + 1

    def _insert(self, decided: Mapping[Name, Decided]) -> None:
        execute_many(
            self._doing.connection,
            """
            INSERT INTO decision (kiosk, seq, hash, version, kind, reasons, allotment, points, act)
            VALUES (:kiosk, :seq, :hash, :version, :kind, :reasons, :allotment, :points, :act)
            """,
            [
                {
                    **one._asdict(),
                    "kiosk": self._kiosk,
                    "seq": seq,
                    "hash": entry_hash,
                    "act": self._doing.number,
                }
                for (seq, entry_hash), one in sorted(decided.items())
            ],
        )


def _covers(decided: Iterable[Decided]) -> Counter[int]:
    """Return the points that releases have moved to the kiosk, by allotment."""
    points: Counter[int] = Counter()
    for one in decided:
        if one.kind == RELEASE and one.points:
            points[one.allotment] += one.points
    return points


def newest_decisions(connection: sa.Connection, kiosk: bytes, names: Iterable[Name]) -> dict[Name, Decided]:
    """Return the newest decision on each of some entries."""
    fill_wanted(connection, names)
    found = rows(
        connection,
        """
        SELECT d.seq, d.hash, d.kind, d.version, d.reasons, d.allotment, d.points FROM wanted w
        CROSS JOIN decision d WHERE d.kiosk = :kiosk AND d.seq = w.seq AND d.hash = w.hash
        ORDER BY d.seq, d.hash, d.version
        """,
        kiosk=kiosk,
    )
    return {(one.seq, bytes(one.hash)): Decided(*one[2:]) for one in found}
