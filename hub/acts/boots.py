"""Acts that answer when a booth was switched on: the day of grants by a booth without a clock (docs/time.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from hub.acts.checks import want_kiosk
from hub.acts.doing import Doing, Outcome, act
from hub.acts.judged import judge_entries, lock_kiosk
from hub.acts.named import entries_of_boot
from hub.acts.refusals import ActRefused, Refusal
from hub.intake.facts import load_facts
from hub.intake.intervals import ANSWER_SLACK_MS
from hub.intake.judge import samples_in
from hub.intake.reach import voids_and_targets
from hub.intake.stored import Name, landmarks
from hub.intake.values import Attested
from hub.ledger.posting import Moved
from hub.store.database import insert, row
from sync.citytime import city_datetime
from sync.entry import Opened


def _boot_text(**told: Any) -> str:  # an act's arguments
    return str(told["boot"].hex())


@act("say boot start", counter="take back boot start", takes_points=True, text=_boot_text)
def say_boot_start(doing: Doing, kiosk: bytes, boot: bytes, started_ms: int, seen: int | None = None) -> Outcome[None]:
    """Say when a booth was switched on, where nothing better tells; what was held for its day is judged."""
    want_kiosk(doing.connection, kiosk)
    _, now_ms = lock_kiosk(doing, kiosk)
    entries = _entries(doing, kiosk, boot)
    version, before_ms = _newest(doing.connection, kiosk, boot)
    _refuse_changed(version, before_ms, seen)
    _refuse_contradiction(doing, kiosk, entries, started_ms)
    if before_ms == started_ms:
        raise ActRefused(Refusal.STANDS_SO)
    _write(doing, kiosk, boot, version + 1, started_ms, now_ms)
    return Outcome(None, _judge(doing, kiosk, entries))


@act("take back boot start", counter="say boot start", takes_points=True, text=_boot_text)
def take_back_boot_start(doing: Doing, kiosk: bytes, boot: bytes, seen: int | None = None) -> Outcome[None]:
    """Take an answer back about when a booth was switched on."""
    want_kiosk(doing.connection, kiosk)
    _, now_ms = lock_kiosk(doing, kiosk)
    version, before_ms = _newest(doing.connection, kiosk, boot)
    _refuse_changed(version, before_ms, seen)
    if before_ms is None:
        raise ActRefused(Refusal.GONE)
    _write(doing, kiosk, boot, version + 1, None, now_ms)
    return Outcome(None, _judge(doing, kiosk, _entries(doing, kiosk, boot)))


def _refuse_changed(version: int, started_ms: int | None, seen: int | None) -> None:
    """Refuse where the form has shown another answer than the one that stands now."""
    if seen is not None and seen != version:
        stands = "" if started_ms is None else f"{city_datetime(started_ms):%Y-%m-%d %H:%M}"
        raise ActRefused(Refusal.GROUND_CHANGED, what=stands)


def _entries(doing: Doing, kiosk: bytes, boot: bytes) -> list[Attested]:
    entries = entries_of_boot(doing.connection, kiosk, boot)
    if not entries:
        raise ActRefused(Refusal.NO_BOOT)
    return entries


def _refuse_contradiction(doing: Doing, kiosk: bytes, entries: Sequence[Attested], started_ms: int) -> None:
    """Refuse a moment that what has arrived rules out: the boot has a time sample, or an entry would have been signed
    after it arrived or after a later sample, or before a time that the hub had signed earlier.
    """
    marks = landmarks(doing.connection, kiosk)
    manifests = load_facts(doing.hub, doing.connection, kiosk, ()).manifests
    samples = samples_in(marks, manifests)
    boots = {one.entry.stamp.boot for one in entries if one.entry is not None}
    if any(sample.boot in boots for sample in samples):
        raise ActRefused(Refusal.TIME_CONTRADICTS, what="センターの時刻を受けとっています / the hub has told the time")
    told = [(one.seq, one.clock.hub_ms) for one in samples]
    for mark in marks:
        body = mark.entry.body if mark.entry is not None else None
        if isinstance(body, Opened) and body.manifest is not None and body.manifest in manifests:
            told.append((mark.seq, manifests[body.manifest].issued_ms))
    for entry in entries:
        signed_ms = started_ms + (entry.entry.stamp.monotonic_ms if entry.entry is not None else 0)
        floor_ms = max((ms for seq, ms in told if seq < entry.seq), default=0)
        ceiling_ms = min((one.signed_by_ms for one in samples if one.seq > entry.seq), default=entry.arrived_ms)
        latest_ms = min(ceiling_ms, entry.arrived_ms) + ANSWER_SLACK_MS
        if signed_ms + ANSWER_SLACK_MS < floor_ms or signed_ms > latest_ms:
            raise ActRefused(Refusal.TIME_CONTRADICTS, what=f"記録 {entry.seq} 番 / entry {entry.seq}")


def _judge(doing: Doing, kiosk: bytes, entries: Sequence[Attested]) -> Moved:
    """Judge the entries of a boot, and all voids with what they name: which of them count turns on days."""
    names: set[Name] = {(one.seq, one.hash) for one in entries}
    return judge_entries(doing, kiosk, names | voids_and_targets(doing.connection, kiosk))


def _newest(connection: sa.Connection, kiosk: bytes, boot: bytes) -> tuple[int, int | None]:
    """Return the newest version about a boot, and when it says the boot began."""
    found = row(
        connection,
        """
        SELECT version, started_ms FROM boot_start WHERE kiosk = :kiosk AND boot = :boot ORDER BY version DESC LIMIT 1
        """,
        kiosk=kiosk,
        boot=boot,
    )
    return (0, None) if found is None else (found.version, found.started_ms)


def _write(  # an answer's own columns
    doing: Doing, kiosk: bytes, boot: bytes, version: int, started_ms: int | None, since_ms: int
) -> None:
    insert(
        doing.connection,
        "boot_start",
        kiosk=kiosk,
        boot=boot,
        version=version,
        started_ms=started_ms,
        since_ms=since_ms,
        act=doing.number,
    )
