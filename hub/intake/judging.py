"""Judges entries of one kiosk and posts what has changed. Three ways to the same standings: what goes on at the cursor
of a plain kiosk, some earlier entries of a plain kiosk from the nearest kept folds, and everything from entry 1.

A plain kiosk's new boot, time sample or void costs what it can change. Only a kiosk with a hole, a fork or a stop takes
the whole way.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import NamedTuple

import sqlalchemy as sa

from hub.intake.chain import Branches, Line, Lines, branches, fork_seq, fork_tip
from hub.intake.facts import accepted_holes, events_now, find_kiosk, lines_of, load_facts
from hub.intake.intervals import FOR_EVER_MS, Known, know
from hub.intake.judge import judge, manifests_named, samples_in
from hub.intake.progress import Progress, lock_progress, write_progress
from hub.intake.reach import (
    arrived_after,
    before_first_sample,
    comes_back,
    voids_among_new,
    voids_on,
)
from hub.intake.readings import readings_in, with_readings
from hub.intake.reasons import Reason
from hub.intake.stored import (
    Kept,
    Name,
    Stored,
    all_entries,
    entries_between,
    forget_folds,
    keep_folds,
    kept_fold_before,
    kept_fold_places,
    kept_standings,
    kept_standings_of,
    landmarks,
    last_kept_fold,
)
from hub.intake.values import NO_VOIDS, Attested, EventNow, Facts, Fold, Standing, Voids, grants_in
from hub.intake.voids import Starts, grants_by_number, voids_among, voids_in
from hub.ledger.accounts import Movement
from hub.ledger.daily_limits import flag_over_limits
from hub.ledger.posting import Change, Moved, post
from hub.ledger.shares import lowered
from hub.service import Hub
from hub.store.database import execute_many, insert, row
from sync.entry import first_prev
from sync.head import Head
from sync.keys import Instance

FOLD_EVERY = 500
"""Entries between kept folds within one boot."""


RUN_LIMIT = 2_000
"""As many entries an act judges in its own transaction; of more, it leaves a list that is worked off in runs."""


class Cause(NamedTuple):
    """When, and because of which act (None: because something has arrived). `may_wait`: what is too much for one
    transaction is put on the list of entries to be judged. `movements` between accounts are posted with what is judged,
    so that all accounts are written in one go.
    """

    now_ms: int
    act: bytes | None = None
    may_wait: bool = False
    movements: tuple[Movement, ...] = ()


def goes_on(progress: Progress, fresh: Sequence[tuple[int, bytes, bytes]]) -> bool:
    """Tell whether entries (number, hash, prev) simply follow the cursor of a plain kiosk."""
    return (
        progress.is_plain
        and fresh[0][0] == progress.cursor.seq + 1
        and fresh[0][2] == progress.cursor.hash
        and all(later[2] == earlier[1] for earlier, later in pairwise(fresh))
    )


def judge_on(  # what goes on at the cursor
    hub: Hub, connection: sa.Connection, kiosk: bytes, progress: Progress, fresh: list[Attested], cause: Cause
) -> Progress:
    """Judge entries that follow the cursor of a plain kiosk, and those before them that they can change."""
    facts = load_facts(hub, connection, kiosk, grants_in(fresh))
    samples = samples_in(fresh, facts.manifests, progress.fold.floors)
    ours = [progress.fold.sample] if progress.fold.sample is not None else []
    known = know([*ours, *samples], facts.answers)
    if comes_back(connection, kiosk, progress.fold, fresh):
        known = know(samples_in(landmarks(connection, kiosk), facts.manifests), facts.answers)
    known = with_readings(connection, kiosk, known, facts, fresh, progress.fold)
    voids, voided_before = voids_among_new(connection, kiosk, facts, fresh)
    places = _fold_places(fresh, progress.fold.boot, last_kept_fold(connection, kiosk))
    fold, folds, standings = _judge_in_parts(facts, progress.fold, fresh, known, voids, places)
    fold = fold.asked_from(FOR_EVER_MS)
    keep_folds(connection, kiosk, _settled(folds, fresh))
    touched = voided_before | before_first_sample(connection, kiosk, progress, samples)
    touched |= arrived_after(connection, kiosk, progress, samples)
    touched -= {(one.seq, one.hash) for one in fresh}
    earlier = _changes_at(hub, connection, kiosk, touched, fresh)
    changes = [*earlier.changes, *(Change(None, one) for one in standings)]
    if fold.newest != progress.fold.newest and not _has_gaps(connection, kiosk, fresh[-1].seq):
        cause = _with_lowered(connection, kiosk, fold, cause)
    moved = post(connection, kiosk, changes, cause.now_ms, cause.act, cause.movements)
    _flag_over_limits(connection, {**earlier.events, **facts.events}, moved)
    return progress._replace(cursor=Head(fresh[-1].seq, fresh[-1].hash), fold=fold)


def judge_some(hub: Hub, connection: sa.Connection, kiosk: bytes, names: set[Name], cause: Cause) -> Moved:
    """Judge some entries of a kiosk anew, after something beside the entries has changed, and post the difference."""
    if not names:
        return post(connection, kiosk, (), cause.now_ms, cause.act, cause.movements)
    progress = lock_progress(connection, kiosk, cause.now_ms)
    if cause.may_wait and len(names) > RUN_LIMIT:
        return _leave_for_later(connection, kiosk, names, cause)
    if not progress.is_plain:
        _, moved = judge_whole(hub, connection, kiosk, progress, cause, only=names)
        return moved
    found = _changes_at(hub, connection, kiosk, names, ())
    moved = post(connection, kiosk, found.changes, cause.now_ms, cause.act, cause.movements)
    _flag_over_limits(connection, found.events, moved)
    return moved


def judge_kiosk(hub: Hub, connection: sa.Connection, kiosk: bytes, cause: Cause) -> Moved:
    """Judge everything of a kiosk anew, after its branches have changed (a hole, a stop), and post the difference."""
    progress = lock_progress(connection, kiosk, cause.now_ms)
    progress, moved = judge_whole(hub, connection, kiosk, progress, cause)
    write_progress(connection, kiosk, progress)
    return moved


def judge_whole(
    hub: Hub,
    connection: sa.Connection,
    kiosk: bytes,
    progress: Progress,
    cause: Cause,
    fresh: Collection[Name] = (),
    only: Collection[Name] | None = None,
) -> tuple[Progress, Moved]:
    """Judge every entry of a kiosk from the beginning and post what has changed (`only` among some, where given). Draws
    the line where a fork has come to light.
    """
    stored = all_entries(connection, kiosk)
    lines, tree = _tree(connection, kiosk, progress, stored, cause)
    attested = {one.link.hash: one.attested for one in stored}
    main = [attested[link.hash] for link in tree.main]
    facts = load_facts(hub, connection, kiosk, grants_in(attested.values()))
    known = replace(know(samples_in(main, facts.manifests), facts.answers), readings=readings_in(main))
    voids = voids_among(voids_in(main), grants_by_number(main), Starts(main), known, facts.decisions)
    runs = runs_aside([one for one in stored if one.link.hash in tree.aside])
    wanted = [*_fold_places(main, b"", 0), *(run[0].attested.seq for run in runs)]
    fold, folds, standings = _judge_in_parts(facts, Fold(), main, known, voids, wanted)
    standings += _judge_aside(facts, runs, folds, fold, replace(known, in_order=()), tree.aside)
    kept = kept_standings(connection, kiosk, standings)
    changed_from = min((seq for seq, _ in fresh), default=progress.cursor.seq + 1)
    changes = _changes(kept, standings, fresh, changed_from if changed_from <= progress.cursor.seq else None)
    changes += _without_standing(kept, {(one.seq, one.hash) for one in standings})
    if only is not None:
        changes = [one for one in changes if _name_of(one) in only]
    is_plain = not tree.aside and not tree.beyond and lines.is_empty
    forget_folds(connection, kiosk)
    if is_plain:
        keep_folds(connection, kiosk, _settled(folds, main))
    after = progress._replace(
        cursor=tree.cursor, beyond=tree.beyond, is_plain=is_plain, fold=fold.asked_from(FOR_EVER_MS)
    )
    if only is None:
        cause = _with_lowered(connection, kiosk, replace(fold, newest=_named_without_gap(facts, main)), cause)
    if cause.may_wait and len(changes) > RUN_LIMIT:
        return after, _leave_for_later(connection, kiosk, {_name_of(one) for one in changes}, cause)
    moved = post(connection, kiosk, changes, cause.now_ms, cause.act, cause.movements)
    _flag_over_limits(connection, facts.events, moved)
    return after, moved


class _Found(NamedTuple):
    """What has changed about some entries, and the events they are of."""

    changes: list[Change]
    events: Mapping[int, EventNow]


def _changes_at(
    hub: Hub, connection: sa.Connection, kiosk: bytes, names: set[Name], fresh: Sequence[Attested]
) -> _Found:
    """Judge some entries of a plain kiosk, each from the nearest fold kept before it, and return what has changed.
    `fresh` are entries that have just arrived and stand in no table of standings yet.
    """
    if not names:
        return _Found([], {})
    stretches = _stretches(connection, kiosk, names)
    wanted = [one for _, run in stretches for one in run if (one.seq, one.hash) in names]
    facts = load_facts(hub, connection, kiosk, grants_in(wanted))
    marks = landmarks(connection, kiosk)
    known = know(samples_in(marks, facts.manifests), facts.answers)
    known = with_readings(connection, kiosk, known, facts, [*wanted, *fresh], stretches[0][0])
    voids = voids_on(connection, kiosk, marks, known, facts.decisions, {seq for seq, _ in names})
    standings = [
        one
        for fold, run in stretches
        for one in judge(facts, fold, run, known, voids).standings
        if (one.seq, one.hash) in names
    ]
    kept = kept_standings_of(connection, kiosk, names, standings)
    changes = _changes(kept, standings, (), None)
    changes += _without_standing(kept, {(one.seq, one.hash) for one in standings})
    return _Found(changes, facts.events)


def _flag_over_limits(connection: sa.Connection, events: Mapping[int, EventNow], moved: Moved) -> None:
    """Flag anew what is over a daily limit where something has moved, also at events that no entry is of any more: a
    replacement that was taken back had put it there.
    """
    others = {key.event for key in moved.touched} - events.keys()
    flag_over_limits(connection, {**events, **events_now(connection, others)}, moved.touched)


def _has_gaps(connection: sa.Connection, kiosk: bytes, last_seq: int) -> bool:
    """Tell whether entries of a plain kiosk are missing, in accepted holes: what they give may still turn up."""
    if not accepted_holes(connection, kiosk):
        return False
    text = "SELECT count(*) AS arrived FROM entry WHERE kiosk = :kiosk AND seq <= :last_seq"
    return int(row(connection, text, kiosk=kiosk, last_seq=last_seq).arrived) < last_seq


def _named_without_gap(facts: Facts, main: Sequence[Attested]) -> tuple[Instance, int] | None:
    """Return the newest manifest that was named with nothing missing before it: a hole behind it changes nothing."""
    whole = [one for place, one in enumerate(main, 1) if one.seq == place]
    return max(manifests_named(whole, facts.manifests), default=None)


def _with_lowered(connection: sa.Connection, kiosk: bytes, after: Fold, cause: Cause) -> Cause:
    """Add what gives back the points that a lowered share has set free, once the kiosk has named the lower manifest and
    nothing is missing before that.
    """
    if after.newest is None:
        return cause
    named = (after.newest[0].opened_ms, after.newest[1])
    brought_by = cause.act or cause.now_ms.to_bytes(16, "big")
    back = lowered(connection, kiosk, named, dict(after.used), cause.movements, cause.now_ms, brought_by)
    return cause._replace(movements=(*cause.movements, *back))


def _stretches(connection: sa.Connection, kiosk: bytes, names: set[Name]) -> list[tuple[Fold, list[Attested]]]:
    """Return runs of entries that hold all of `names`, each with the fold before it."""
    numbers = sorted({seq for seq, _ in names})
    places = [1, *kept_fold_places(connection, kiosk, numbers[-1])]
    ends = {places[bisect_right(places, seq) - 1]: seq for seq in numbers}
    stretches = []
    for place, last in sorted(ends.items()):
        first, fold = kept_fold_before(connection, kiosk, place)
        stretches.append((fold, entries_between(connection, kiosk, first, last)))
    return stretches


def _tree(
    connection: sa.Connection, kiosk: bytes, progress: Progress, stored: Sequence[Stored], cause: Cause
) -> tuple[Lines, Branches]:
    """Return how the entries hang together, after drawing the line of a fork that has just come to light."""
    links = [one.link for one in stored]
    found = find_kiosk(connection, kiosk)
    start = first_prev(found.public_key) if found is not None else b""
    holes, lines = accepted_holes(connection, kiosk), lines_of(connection, kiosk)
    forked_at = fork_seq(links, start) if lines.fork is None else None
    if forked_at is not None:
        tip = fork_tip(links, forked_at, progress.cursor, holes)
        _draw_fork(connection, kiosk, tip, forked_at, cause.now_ms)
        lines = lines._replace(fork=Line(tip, Reason.FORK, forked_at))
    return lines, branches(links, start, lines, holes)


def _draw_fork(connection: sa.Connection, kiosk: bytes, tip: Head, forked_at: int, now_ms: int) -> None:
    """Draw the line of a fork once: what leads to the tip stays, all else is held, and a person decides."""
    newest = row(connection, "SELECT max(version) AS version FROM line WHERE kiosk = :kiosk", kiosk=kiosk)
    insert(
        connection,
        "line",
        kiosk=kiosk,
        version=(newest.version or 0) + 1,
        kind="fork",
        tip_seq=tip.seq,
        tip_hash=tip.hash,
        fork_seq=forked_at,
        since_ms=now_ms,
        act=None,
    )


def _fold_places(run: Sequence[Attested], boot: bytes, last: int) -> list[int]:
    """Return the numbers before which a fold is to be kept: at each new boot, and every 500 entries within one."""
    places: list[int] = []
    for one in run:
        its_boot = one.entry.stamp.boot if one.entry is not None else boot
        if its_boot != boot or one.seq - last >= FOLD_EVERY:
            places.append(one.seq)
            last = one.seq
        boot = its_boot
    return places


def _judge_in_parts(
    facts: Facts, fold: Fold, run: Sequence[Attested], known: Known, voids: Voids, places: Iterable[int]
) -> tuple[Fold, dict[int, Fold], list[Standing]]:
    """Judge a run of the main branch; return the fold after it, the folds before the entries at (or next after) the
    wanted places, and the standings.
    """
    wanted = set(places)
    starts = {bisect_left(run, place, key=lambda one: one.seq) for place in wanted}
    cuts = sorted(starts - {len(run)} | {0, len(run)})
    folds: dict[int, Fold] = {}
    standings: list[Standing] = []
    for start, end in pairwise(cuts):
        if start in starts:
            folds[run[start].seq] = fold
        fold, part = judge(facts, fold, run[start:end], known, voids)
        standings += part
    return fold, folds, standings


def _settled(folds: Mapping[int, Fold], run: Sequence[Attested]) -> dict[int, Fold]:
    """Return folds as the entries of their run ask for them, and any that come after it."""
    lows = [*accumulate((one.arrived_ms for one in reversed(run)), min)][::-1]
    places = {one.seq: low for one, low in zip(run, lows, strict=True)}
    return {seq: fold.asked_from(places[seq]) for seq, fold in folds.items()}


def runs_aside(stored: Sequence[Stored]) -> list[list[Stored]]:
    """Return the entries off the main branch as chained runs, lower numbers first. A run ends where several entries
    follow, so that each entry is in one run.
    """
    followers = Counter(one.link.prev for one in stored)
    ending: dict[bytes, list[Stored]] = {}
    runs: list[list[Stored]] = []
    for one in stored:
        run = ending.pop(one.link.prev, None) if followers[one.link.prev] == 1 else None
        if run is None or run[-1].link.seq != one.link.seq - 1:
            run = []
            runs.append(run)
        run.append(one)
        ending[one.link.hash] = run
    return runs


def _judge_aside(  # what lies off the main branch, and what is known beside it
    facts: Facts,
    runs: Iterable[Sequence[Stored]],
    folds: Mapping[int, Fold],
    last: Fold,
    known: Known,
    aside: Mapping[bytes, Reason],
) -> list[Standing]:
    """Judge runs off the main branch. Each goes on from the run it follows, or else from the main branch before its
    number: `folds` holds those folds, `last` the one after it.
    """
    places = sorted(folds)
    after: dict[Name, Fold] = {}
    standings: list[Standing] = []
    for run in runs:
        first = run[0].link
        place = bisect_left(places, first.seq)
        start = after.get((first.seq - 1, first.prev)) or (folds[places[place]] if place < len(places) else last)
        end = run[-1].link
        after[end.seq, end.hash], found = judge(facts, start, [one.attested for one in run], known, NO_VOIDS, aside)
        standings += found
    return standings


def _changes(
    kept: Kept, standings: Iterable[Standing], fresh: Collection[Name], changed_from: int | None
) -> list[Change]:
    """Return the standings that differ from what is kept. From `changed_from` on every one counts as changed: an entry
    has turned up before it, so that even what was posted may have to come from elsewhere.
    """
    changes = []
    for new in standings:
        name = (new.seq, new.hash)
        if name in fresh:
            changes.append(Change(None, new))
            continue
        old = kept.standing(new)
        is_forced = changed_from is not None and new.seq >= changed_from
        if old is None or is_forced or _said(old) != _said(new):
            changes.append(Change(old, new))
    return changes


def _said(one: Standing) -> tuple[object, ...]:
    where = (one.key, one.points, one.allotment, one.is_natural)
    return (one.candidacy, one.reasons, *where, one.flags, one.occurred_ms, one.occurred_from)


def _without_standing(kept: Kept, judged: set[Name]) -> list[Change]:
    """Return what is put aside and has no standing any more: a void that counts now."""
    return [Change(kept.put(name), None) for name in kept.aside if name not in judged]


def _name_of(change: Change) -> Name:
    one = change.new if change.new is not None else change.old
    return (0, b"") if one is None else (one.seq, one.hash)


def _leave_for_later(connection: sa.Connection, kiosk: bytes, names: Iterable[Name], cause: Cause) -> Moved:
    """Put entries on the list of those to be judged."""
    execute_many(
        connection,
        "INSERT INTO to_judge (act, kiosk, seq, hash) VALUES (:act, :kiosk, :seq, :hash)",
        [{"act": cause.act, "kiosk": kiosk, "seq": seq, "hash": entry_hash} for seq, entry_hash in sorted(names)],
    )
    return post(connection, kiosk, (), cause.now_ms, cause.act, cause.movements)
