"""Which earlier entries of a plain kiosk new ones can change: what voids name, what a new time sample may settle."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from hub.intake.intervals import Known, Sample, know
from hub.intake.judge import samples_in
from hub.intake.progress import Progress
from hub.intake.reasons import Reason
from hub.intake.stored import Name, boots_before, entries_numbered, kept_folds, landmarks, names_between, names_numbered
from hub.intake.values import NO_VOIDS, Attested, Decision, Facts, Fold, Voids
from hub.intake.voids import Starts, grants_by_number, named_by, voids_among, voids_in
from hub.store.database import rows


def voids_among_new(
    connection: sa.Connection, kiosk: bytes, facts: Facts, fresh: Sequence[Attested]
) -> tuple[Voids, set[Name]]:
    """Return how the voids among new entries count, and which earlier entries they void."""
    voids = voids_in(fresh)
    if not voids:
        return NO_VOIDS, set()
    before = entries_numbered(connection, kiosk, named_by(voids))
    grants = {**grants_by_number(before.values()), **grants_by_number(fresh)}
    marks = landmarks(connection, kiosk)
    known = know(samples_in(marks, facts.manifests), facts.answers)
    found = voids_among(voids, grants, Starts(marks), known, facts.decisions)
    return found, {(seq, before[seq].hash) for seq in found.voided if seq in before}


def voids_on(
    connection: sa.Connection,
    kiosk: bytes,
    marks: Sequence[Attested],
    known: Known,
    decisions: Mapping[bytes, Decision],
    numbers: set[int],
) -> Voids:
    """Return how those voids of a plain kiosk count that are, or name, one of some numbers. `marks` are its entries
    that are no grants.
    """
    near = [one for one in voids_in(marks) if one.seq in numbers or named_by([one]) & numbers]
    if not near:
        return NO_VOIDS
    grants = grants_by_number(entries_numbered(connection, kiosk, named_by(near)).values())
    return voids_among(near, grants, Starts(marks), known, decisions)


def comes_back(connection: sa.Connection, kiosk: bytes, fold: Fold, fresh: Sequence[Attested]) -> bool:
    """Tell whether new entries are of a boot that was there before the one the branch is in."""
    entered = {one.entry.stamp.boot for one in fresh if one.entry is not None} - {fold.boot}
    return bool(entered) and bool(entered & boots_before(connection, kiosk, fresh[0].seq))


def held_for(connection: sa.Connection, kiosk: bytes, reasons: Reason) -> set[Name]:
    """Return the entries of a kiosk that are held for any of some reasons."""
    found = rows(
        connection,
        """
        SELECT seq, hash FROM aside WHERE kiosk = :kiosk AND verdict = 'held' AND reasons & :reasons <> 0
        """,
        kiosk=kiosk,
        reasons=int(reasons),
    )
    return {(one.seq, bytes(one.hash)) for one in found}


def before_first_sample(
    connection: sa.Connection, kiosk: bytes, progress: Progress, samples: Collection[Sample]
) -> set[Name]:
    """Return the earlier entries of boots of which the first time sample is among new ones: it tells their time too,
    also the day of what is held for it, and with it which voids count. Of other boots a sample tells nothing new but
    what `arrived_after` finds.
    """
    boots = {one.boot for one in samples}
    if progress.fold.sample is not None:
        boots.discard(progress.fold.boot)
    found = _of_boots(connection, kiosk, progress, boots)
    return found | _voids_about(connection, kiosk, boots) if found else found


def _voids_about(connection: sa.Connection, kiosk: bytes, boots: set[bytes]) -> set[Name]:
    """Return the voids of a plain kiosk that were signed in one of some boots, or name what was, and what they name."""
    voids = voids_in(landmarks(connection, kiosk))
    targets = entries_numbered(connection, kiosk, named_by(voids))
    found: set[Name] = set()
    for void in voids:
        both = [void, *(targets[seq] for seq in named_by([void]) if seq in targets)]
        if any(one.entry is not None and one.entry.stamp.boot in boots for one in both):
            found |= {(one.seq, one.hash) for one in both}
    return found


def voids_and_targets(connection: sa.Connection, kiosk: bytes) -> set[Name]:
    """Return all voids of a kiosk, and the entries of the numbers that they name."""
    voids = voids_in(landmarks(connection, kiosk))
    return {(one.seq, one.hash) for one in voids} | names_numbered(connection, kiosk, named_by(voids))


def _of_boots(connection: sa.Connection, kiosk: bytes, progress: Progress, boots: set[bytes]) -> set[Name]:
    """Return the entries of some boots, by the folds kept at each new boot: each says in which boot the run before it
    ends.
    """
    if not boots:
        return set()
    places = kept_folds(connection, kiosk, progress.cursor.seq)
    firsts = [1, *(seq for seq, _ in places)]
    ends = [*((seq - 1, fold.boot) for seq, fold in places), (progress.cursor.seq, progress.fold.boot)]
    found: set[Name] = set()
    for first, (last, boot) in zip(firsts, ends, strict=True):
        if boot in boots:
            found |= names_between(connection, kiosk, first, last)
    return found


def arrived_after(
    connection: sa.Connection, kiosk: bytes, progress: Progress, samples: Collection[Sample]
) -> set[Name]:
    """Return the earlier entries that have a later moment of arrival than the one by which a new time sample had been
    signed. The sample comes after them in the chain, so that they were signed before it: the hub's clock was ahead when
    they arrived.
    """
    signed_by_ms = min((one.signed_by_ms for one in samples), default=None)
    if signed_by_ms is None or signed_by_ms >= progress.last_arrival_ms:
        return set()
    found = rows(
        connection,
        "SELECT seq, hash FROM entry WHERE kiosk = :kiosk AND arrived_ms > :signed_by_ms",
        kiosk=kiosk,
        signed_by_ms=signed_by_ms,
    )
    return {(one.seq, bytes(one.hash)) for one in found}
