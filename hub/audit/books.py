"""What everything is held against, and what one kiosk's entries are expected to have led to: shared by the audit of
everything and by the watch, which looks at some keys.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field

import sqlalchemy as sa

from hub.audit.accounts import Bounds
from hub.audit.acts import Acts
from hub.audit.decided import Covers, Decided
from hub.audit.expected import Identity, Scratch
from hub.audit.findings import Findings
from hub.audit.flags import check_placed
from hub.audit.journal import Arrived, read_journal
from hub.audit.kiosks import Kiosk
from hub.audit.progress import (
    check_kept_folds,
    check_landmarks,
    check_lines,
    check_progress,
    kept_cursor,
    read_kept_folds,
    read_progress,
)
from hub.audit.reference import Reference
from hub.audit.shares import Carried, read_carried
from hub.audit.standings import Judge
from hub.audit.tree import Lines, hang_together
from hub.audit.trust import Trust
from sync.entry import first_prev


@dataclass
class Books:
    """What everything is held against: acts, reference records, what was decided and signed, and what each kiosk's
    entries are expected to have led to.
    """

    trust: Trust
    acts: Acts
    reference: Reference
    decided: dict[bytes, Decided]
    covers: Covers
    carried: dict[bytes, Carried] = field(default_factory=dict)
    altered: set[Identity] = field(default_factory=set)
    shares: dict[tuple[bytes, int], Bounds] = field(default_factory=dict)


def check_kiosk(
    connection: sa.Connection,
    kiosk: Kiosk,
    books: Books,
    expected: Scratch,
    findings: Findings,
    to_prove: Container[bytes] | None = None,
) -> None:
    """Prove what was signed for one kiosk and what it has signed (all of it, or some entries, by hash), judge it, and
    keep what is expected of the ledger.
    """
    carried = read_carried(connection, kiosk, books.trust, books.reference, books.acts, findings)
    books.carried[kiosk.kiosk] = carried
    arrived = read_journal(connection, kiosk, findings, to_prove)
    books.altered |= {(kiosk.kiosk, one.seq, one.hash) for one in arrived if one.is_altered}
    judge = judge_kiosk(connection, kiosk, arrived, books, expected, findings)
    check_placed(connection, kiosk.kiosk, judge.elsewhere, books.altered, findings)
    check_landmarks(connection, kiosk.kiosk, arrived, findings)


def judge_kiosk(
    connection: sa.Connection,
    kiosk: Kiosk,
    arrived: list[Arrived],
    books: Books,
    expected: Scratch,
    findings: Findings,
) -> Judge:
    """Judge one kiosk's entries, check how far the hub has come with them, and keep what is expected of the ledger."""
    decided = books.decided.get(kiosk.kiosk, Decided())
    progress, kept = read_progress(connection, kiosk.kiosk), read_kept_folds(connection, kiosk.kiosk)
    start = first_prev(kiosk.public_key)
    lines = Lines(decided.fork(), decided.drawn(), decided.accepted())
    tree = hang_together(arrived, start, lines, kept_cursor(progress))
    for seq in tree.missing:
        findings.defect("entry", "missing, though the hub went past it", kiosk=kiosk.kiosk, seq=seq)
    check_lines(kiosk.kiosk, arrived, start, decided, findings)
    judge = Judge(kiosk.kiosk, tree, books.carried[kiosk.kiosk], decided, books.reference, kept)
    expected.add(judge.expected())
    expected.add_flags(
        (kiosk.kiosk, seq, entry_hash, flag) for (seq, entry_hash), flags in judge.flags.items() for flag in flags
    )
    books.shares |= {
        (kiosk.kiosk, allotment): bounds for allotment, bounds in _bounds_of(judge, books.carried[kiosk.kiosk]).items()
    }
    check_kept_folds(kiosk.kiosk, kept, judge.folds, findings)
    check_progress(kiosk.kiosk, progress, arrived, tree, decided, judge.folds[-1], findings)
    check_decided(kiosk.kiosk, arrived, decided, findings)
    _check_replacements(kiosk.kiosk, decided, books.reference, findings)
    return judge


def _bounds_of(judge: Judge, carried: Carried) -> dict[int, Bounds]:
    """Return between what a kiosk's shares must lie, as the points moved for them come to. A share that is lowered
    gives its points back when the kiosk has named the lower settings with nothing missing before that, all but what it
    has used.
    """
    named = judge.named_without_gap
    limits = carried.highest if named is None else judge.limits[named]
    return {
        allotment: Bounds(
            carried.newest[allotment],
            min(highest, max(limits.get(allotment, 0), carried.newest[allotment], judge.state.used[allotment])),
        )
        for allotment, highest in carried.highest.items()
    }


def _check_replacements(kiosk: bytes, decided: Decided, reference: Reference, findings: Findings) -> None:
    """Check that each replacement goes by its event as that was when it was said."""
    for one in decided.replaced_ever:
        said_ms = decided.replaced_at.get(one.version)
        if said_ms is not None and not reference.had_version(one.event, one.event_version, said_ms):
            defect = f"event {one.event} was not in version {one.event_version} when it was said"
            findings.defect("replacement", defect, kiosk=kiosk, version=one.version)


def check_decided(kiosk: bytes, arrived: list[Arrived], decided: Decided, findings: Findings) -> None:
    """Check that what was decided upon has arrived."""
    if not decided.decisions:
        return
    places = {(one.seq, one.hash) for one in arrived}
    for seq, entry_hash in sorted(decided.decisions.keys() - places):
        findings.defect("decision", "there is no such entry", kiosk=kiosk, seq=seq, hash=entry_hash)
        findings.defect("entry", "missing, though it was decided upon", kiosk=kiosk, seq=seq, hash=entry_hash)
