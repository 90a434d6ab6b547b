"""Pure: how the stored entries of one kiosk hang together. Finds the main branch, the cursor, holes, runs beyond a
hole, and forks.

Used when a kiosk is not plain (a hole, a fork, a stop); a plain kiosk's chain just grows at its cursor.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from hub.intake.reasons import NONE, Reason
from sync.head import Head


class Link(NamedTuple):
    """An attested entry's place in the chain."""

    seq: int
    hash: bytes
    prev: bytes
    arrived_ms: int = 0


class Line(NamedTuple):
    """Where judgement stops: what comes up to the tip is judged, what comes after it is held for `reason`. `fork_seq`
    is the forked number, 0 where a person has drawn the line; `since_ms` is when that was.
    """

    tip: Head
    reason: Reason
    fork_seq: int = 0
    since_ms: int = 0


class Lines(NamedTuple):
    """The lines of one kiosk: its fork's, and the newest that a person has drawn. None where there is none."""

    fork: Line | None = None
    drawn: Line | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is stopped."""
        return self.fork is None and self.drawn is None


class Branches(NamedTuple):
    """`main` is what is judged, in order; `aside` is held, each hash with its reasons; `beyond` are runs after a hole.

    `cursor` is the last entry that has arrived with all before it on the branch that counts.
    """

    main: list[Link]
    cursor: Head
    aside: dict[bytes, Reason]
    beyond: tuple[tuple[int, int], ...]


def fork_seq(links: Iterable[Link], first_prev: bytes) -> int | None:
    """Return the lowest number with two attested hashes, or None. A prev attests the hash of the number before it."""
    attested: dict[int, bytes] = {0: first_prev}
    lowest: int | None = None
    for link in links:
        for seq, known_hash in ((link.seq, link.hash), (link.seq - 1, link.prev)):
            if attested.setdefault(seq, known_hash) != known_hash and (lowest is None or seq < lowest):
                lowest = seq
    return lowest


def fork_tip(links: Iterable[Link], forked_at: int, cursor: Head, holes: Mapping[int, int]) -> Head:
    """Return the tip to be kept for a fork: what was judged by then, and at least the whole chain before the forked
    number, so that the tip does not depend on how the entries were split into batches.
    """
    if cursor.seq >= forked_at:
        return cursor
    before = _contiguous(sorted(link for link in links if link.seq < forked_at), holes)
    return Head(before[-1].seq, before[-1].hash) if before and before[-1].seq >= cursor.seq else cursor


def branches(links: Iterable[Link], first_prev: bytes, lines: Lines, holes: Mapping[int, int]) -> Branches:
    """Return how the links hang together. `holes` maps first to last number of each hole that a person has accepted."""
    ordered = sorted(links)
    usual = Reason.HOLE if lines.fork is None else Reason.FORK
    way = ordered if lines.fork is None else _way_of_forked(ordered, lines.fork)
    base = _contiguous(way, holes)
    in_base, on_way = {link.hash for link in base}, {link.hash for link in way}
    drawn = lines.drawn
    stopped = _stopped(base, drawn) if drawn is not None else set()
    main = [link for link in base if link.hash not in stopped]
    aside: dict[bytes, Reason] = {}
    for link in ordered:
        reasons = NONE if link.hash in in_base else Reason.HOLE if link.hash in on_way else usual
        if drawn is not None and (link.hash in stopped or link.seq > drawn.tip.seq):
            reasons |= drawn.reason
        if reasons:
            aside[link.hash] = reasons
    cursor = Head(base[-1].seq, base[-1].hash) if base else Head(0, first_prev)
    beyond = _runs([link for link in way if link.hash not in in_base])
    return Branches(main, cursor, aside, beyond)


def cursor_on_branch(links: Iterable[Link], wanted: Iterable[Head], holes: Mapping[int, int], otherwise: Head) -> Head:
    """Return the first of the `wanted` entries that has arrived together with all before it on its branch, else
    `otherwise`. Over an accepted hole a way may lead to another branch: one that leaves out another wanted entry does.
    """
    ordered, asked = sorted(links), list(wanted)
    for head in asked:
        path = _ancestors(ordered, head, holes)
        passed = {(link.seq, link.hash) for link in path}
        is_own = all((one.seq, one.hash) in passed for one in asked if one.seq <= head.seq)
        if path and is_own and _contiguous(path, holes) == path:
            return head
    return otherwise


def _way_of_forked(ordered: list[Link], fork: Line) -> list[Link]:
    """Return what may count of a forked kiosk: what contradicts nothing that had arrived before it, up to the tip and
    at least before the forked number. So whatever was judged before a fork came to light stays, also where another fork
    lies below it, and where an entry turns up in an accepted hole that does not fit.
    """
    last = max(fork.tip.seq, fork.fork_seq - 1)
    return [link for link in _arrived_first(ordered) if link.seq <= last]


def _stopped(base: list[Link], drawn: Line) -> set[bytes]:
    """Return what a drawn line stops: what comes after its tip; and what arrived since in an accepted hole before it,
    unless an entry that was there names it, so that it was signed before.
    """
    stopped: set[bytes] = set()
    named: tuple[int, bytes] = (0, b"")
    for link in reversed(base):
        is_late = link.arrived_ms > drawn.since_ms and (link.seq, link.hash) != named
        if link.seq > drawn.tip.seq or is_late:
            stopped.add(link.hash)
        else:
            named = (link.seq - 1, link.prev)
    return stopped


def _arrived_first(links: Iterable[Link]) -> list[Link]:
    """Return the links, by number, that contradict none that had arrived before them."""
    attested: dict[int, bytes] = {}
    kept = []
    for link in sorted(links, key=lambda link: (link.arrived_ms, link.seq, link.hash)):
        known = (attested.get(link.seq, link.hash), attested.get(link.seq - 1, link.prev))
        if known == (link.hash, link.prev):
            attested |= {link.seq: link.hash, link.seq - 1: link.prev}
            kept.append(link)
    return sorted(kept)


def _ancestors(ordered: list[Link], tip: Head, holes: Mapping[int, int]) -> list[Link]:
    """Return the tip and everything before it on its branch, in order; an accepted hole is stepped over where its
    entries are missing.
    """
    by_hash = {(link.seq, link.hash): link for link in ordered}
    path: list[Link] = []
    step = by_hash.get((tip.seq, tip.hash))
    while step is not None:
        path.append(step)
        before = by_hash.get((step.seq - 1, step.prev))
        step = before if before is not None else _over_hole(ordered, holes, step.seq - 1)
    return path[::-1]


def _over_hole(ordered: list[Link], holes: Mapping[int, int], seq: int) -> Link | None:
    """Return the nearest entry within or before the accepted hole around `seq`, whose own entry is missing.

    At `seq` itself only the hash that the entry above it names would do, and that one has not arrived. Where a number
    below has two entries, the one that arrived first was there when the hole was accepted. Goes by the entries there
    are, never number by number: a hole may be 10¹² long.
    """
    first = next((first for first, last in holes.items() if first <= seq <= last), None)
    if first is None:
        return None
    place = bisect_right(ordered, seq - 1, key=lambda link: link.seq)
    if place == 0 or ordered[place - 1].seq < first - 1:
        return None
    lower = ordered[place - 1].seq
    start = bisect_right(ordered, lower - 1, key=lambda link: link.seq)
    return min(ordered[start:place], key=lambda link: link.arrived_ms)


def _contiguous(ordered: list[Link], holes: Mapping[int, int]) -> list[Link]:
    """Return the leading links that follow each other from 1, or across an accepted hole."""
    expected = 1
    for count, link in enumerate(ordered):
        while expected < link.seq:
            last = next((last for first, last in holes.items() if first <= expected <= last), None)
            if last is None:
                return ordered[:count]
            expected = min(last + 1, link.seq)
        expected = link.seq + 1
    return ordered


def _runs(links: list[Link]) -> tuple[tuple[int, int], ...]:
    runs: list[tuple[int, int]] = []
    for link in links:
        if runs and link.seq <= runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], link.seq)
        else:
            runs.append((link.seq, link.seq))
    return tuple(runs)
