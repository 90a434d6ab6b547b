"""Pure: how the stored entries of one kiosk hang together. Finds the main branch, the cursor, holes, runs beyond a
hole, and forks.

Used when a kiosk is not plain (a hole, a fork, a fence); a plain kiosk's chain just grows at its cursor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sync.batch import Head


class Link(NamedTuple):
    """An attested entry's place in the chain."""

    seq: int
    hash: bytes
    prev: bytes
    arrived_ms: int = 0


class Line(NamedTuple):
    """Where judgement stops: ancestors of the tip are judged normally, all else is held for `reason` (fork, fenced or
    revoked).
    """

    tip: Head
    reason: str


class Branches(NamedTuple):
    """`main` is what is judged normally, in order; `aside` is held, each hash with its reason; `beyond` are runs after
    a hole.
    """

    main: list[Link]
    cursor: Head
    aside: dict[bytes, str]
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


def branches(
    links: Iterable[Link], first_prev: bytes, line: Line | None, accepted_holes: Mapping[int, int]
) -> Branches:
    """Return how the links hang together.

    `line` is the fence in force, if any; without one there must be no fork. `accepted_holes` maps first to last number
    of each hole that a
    person has accepted.
    """
    ordered = sorted(links)
    if line is not None:
        main = _ancestors(ordered, line.tip, accepted_holes)
        kept = {link.hash for link in main}
        aside = {link.hash: line.reason for link in ordered if link.hash not in kept}
        return Branches(main, line.tip, aside, ())
    main = _contiguous(ordered, accepted_holes)
    after = ordered[len(main) :]
    cursor = Head(main[-1].seq, main[-1].hash) if main else Head(0, first_prev)
    return Branches(main, cursor, {link.hash: "hole" for link in after}, _runs(after))


def cursor_on_branch(
    links: Iterable[Link], wanted: Iterable[Head], accepted_holes: Mapping[int, int], otherwise: Head
) -> Head:
    """Return the first of the `wanted` entries that has arrived together with all before it on its branch, else
    `otherwise`.
    """
    ordered = sorted(links)
    for head in wanted:
        path = _ancestors(ordered, head, accepted_holes)
        if path and _contiguous(path, accepted_holes) == path:
            return head
    return otherwise


def _ancestors(ordered: list[Link], tip: Head, accepted_holes: Mapping[int, int]) -> list[Link]:
    """Return the tip and everything before it on its branch, in order; an accepted hole is stepped over where its
    entries are missing.
    """
    by_hash = {(link.seq, link.hash): link for link in ordered}
    by_seq: dict[int, list[Link]] = {}
    for link in ordered:
        by_seq.setdefault(link.seq, []).append(link)
    holes = {last: first for first, last in accepted_holes.items()}
    path: list[Link] = []
    step = by_hash.get((tip.seq, tip.hash))
    while step is not None:
        path.append(step)
        before = by_hash.get((step.seq - 1, step.prev))
        step = before if before is not None else _over_hole(by_seq, holes, step.seq - 1)
    return path[::-1]


def _over_hole(by_seq: Mapping[int, list[Link]], holes: Mapping[int, int], seq: int) -> Link | None:
    """Return the nearest entry within or before the accepted hole around `seq`, whose own entry is missing.

    At `seq` itself only the hash that the entry above it names would do, and that one has not arrived. Where a number
    below has two entries, the one that arrived first was there when the hole was accepted.
    """
    first = next((first for last, first in holes.items() if first <= seq <= last), None)
    if first is None:
        return None
    for lower in range(seq - 1, first - 2, -1):
        found = by_seq.get(lower, [])
        if found:
            return min(found, key=lambda link: link.arrived_ms)
    return None


def _contiguous(ordered: list[Link], accepted_holes: Mapping[int, int]) -> list[Link]:
    """Return the leading links that follow each other from 1, or across an accepted hole."""
    expected = 1
    for count, link in enumerate(ordered):
        while expected < link.seq:
            last = next((last for first, last in accepted_holes.items() if first <= expected <= last), None)
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
