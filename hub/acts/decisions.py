"""What a person decides, each with a reason: release, dismiss, accept a hole, top up, fence, revoke. Recorded first,
then judged again.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from hub.intake.arrival import judge_again, lock_progress
from hub.intake.facts import shares_in_force
from hub.intake.judge import RELEASABLE
from hub.register.manifests import ManifestRefused, sign_manifest
from hub.service import Hub
from hub.store.database import execute, row, rows
from sync.manifest import Share


class ActRefused(Exception):
    """A decision that cannot be taken; the text says why and what to do instead."""


def release(hub: Hub, kiosk: bytes, hashes: Iterable[bytes], reason: str, done_by: str) -> None:
    """Post held grants after all. Raises ActRefused where another act is the right one."""
    _decide(hub, kiosk, list(hashes), "release", reason, done_by)


def dismiss(hub: Hub, kiosk: bytes, hashes: Iterable[bytes], reason: str, done_by: str) -> None:
    """Dismiss held grants. The hub never does so by itself."""
    _decide(hub, kiosk, list(hashes), "dismiss", reason, done_by)


def accept_hole(hub: Hub, kiosk: bytes, first_seq: int, last_seq: int, reason: str, done_by: str) -> None:
    """Accept that entries `first_seq` … `last_seq` may be lost, and let what came after them count. They may still turn
    up.
    """

    def work(connection: sa.Connection) -> None:
        progress, now_ms = lock_progress(hub, connection, kiosk)
        starts_after = [run for run in progress.beyond if run[0] == last_seq + 1]
        if first_seq != progress.cursor.seq + 1 or not starts_after:
            raise ActRefused("この番号の欠落はありません / there is no hole with these numbers")
        subject = f"{kiosk.hex()} {first_seq}-{last_seq}"
        act = record(hub, connection, "accept hole", subject, reason, done_by, now_ms)
        execute(
            connection,
            """
            INSERT INTO accepted_hole (kiosk, first_seq, last_seq, act) VALUES (:kiosk, :first_seq, :last_seq, :act)
            ON CONFLICT (kiosk, first_seq) DO NOTHING
            """,
            kiosk=kiosk,
            first_seq=first_seq,
            last_seq=last_seq,
            act=act,
        )
        judge_again(hub, connection, kiosk)

    hub.store.run(work)


def top_up(hub: Hub, kiosk: bytes, allotment: int, points: int, reason: str, done_by: str) -> None:
    """Raise a kiosk's share by `points`; one act releases everything that was held for want of it. Raises
    ActRefused.
    """

    def work(connection: sa.Connection) -> None:
        total, reserve = shares_in_force(connection, kiosk).get(allotment, (0, 0))
        try:
            signed = sign_manifest(hub, connection, kiosk, (Share(allotment, total + points, reserve),))
        except ManifestRefused as error:
            raise ActRefused(str(error)) from error
        subject = f"{kiosk.hex()} {allotment} +{points}"
        record(hub, connection, "top up", subject, reason, done_by, signed.issued_ms)
        judge_again(hub, connection, kiosk)

    if points <= 0:
        raise ActRefused("増やすポイント数を入れてください / the points to add must be above 0")
    hub.store.run(work)


def fence(hub: Hub, kiosk: bytes, reason: str, done_by: str) -> None:
    """Stop counting what a kiosk signs from here on; what has been posted stays."""
    _draw(hub, kiosk, "fenced", reason, done_by)


def revoke(hub: Hub, kiosk: bytes, reason: str, done_by: str) -> None:
    """Take a kiosk's key out of use, for instance when it was stolen; what the hub had not seen is held, and the kiosk
    still drains.
    """
    _draw(hub, kiosk, "revoked", reason, done_by)


def judge_kiosks_holding(hub: Hub, reason: str) -> None:
    """Judge anew every kiosk with something held for `reason`, after a reference record has changed (a member became
    known …).
    """
    with hub.store.reading() as connection:
        kiosks = rows(
            connection,
            "SELECT DISTINCT kiosk FROM aside WHERE verdict = 'held' AND reason = :reason ORDER BY kiosk",
            reason=reason,
        )
    _judge_all(hub, [bytes(one.kiosk) for one in kiosks])


def judge_kiosks_at(hub: Hub, event: int) -> None:
    """Judge anew every kiosk that has granted at an event, after its window or its allotment has changed."""
    with hub.store.reading() as connection:
        kiosks = rows(
            connection,
            """
            SELECT kiosk FROM transfer WHERE event = :event UNION SELECT kiosk FROM aside WHERE event = :event
            ORDER BY kiosk
            """,
            event=event,
        )
    _judge_all(hub, [bytes(one.kiosk) for one in kiosks])


def _judge_all(hub: Hub, kiosks: list[bytes]) -> None:
    for kiosk in kiosks:
        hub.store.run(lambda connection, kiosk=kiosk: judge_again(hub, connection, kiosk))  # type: ignore[misc]


def _decide(hub: Hub, kiosk: bytes, hashes: list[bytes], kind: str, reason: str, done_by: str) -> None:
    if not hashes:
        raise ActRefused("記録をえらんでください / choose at least one entry")

    def work(connection: sa.Connection) -> None:
        _, now_ms = lock_progress(hub, connection, kiosk)
        act = record(hub, connection, kind, f"{kiosk.hex()} {len(hashes)}", reason, done_by, now_ms)
        for entry_hash in hashes:
            _decide_one(connection, kiosk, entry_hash, kind, act)
        judge_again(hub, connection, kiosk)

    hub.store.run(work)


def _decide_one(connection: sa.Connection, kiosk: bytes, entry_hash: bytes, kind: str, act: bytes) -> None:
    held = row(
        connection,
        "SELECT seq, reason FROM aside WHERE kiosk = :kiosk AND hash = :hash AND verdict = 'held'",
        kiosk=kiosk,
        hash=entry_hash,
    )
    if held is None:
        raise ActRefused("この記録は要確認ではありません / this entry is not held")
    if kind == "release" and held.reason not in RELEASABLE:
        raise ActRefused(f"別の処理が必要です / another act is needed: {held.reason}")
    decided = row(
        connection,
        "SELECT 1 FROM decision WHERE kiosk = :kiosk AND seq = :seq AND hash = :hash",
        kiosk=kiosk,
        seq=held.seq,
        hash=entry_hash,
    )
    if decided is not None:
        raise ActRefused("もう決めてあります。ほかの理由が残っています / decided before; held for another reason")
    execute(
        connection,
        "INSERT INTO decision (kiosk, seq, hash, kind, act) VALUES (:kiosk, :seq, :hash, :kind, :act)",
        kiosk=kiosk,
        seq=held.seq,
        hash=entry_hash,
        kind=kind,
        act=act,
    )


def _draw(hub: Hub, kiosk: bytes, kind: str, reason: str, done_by: str) -> None:
    def work(connection: sa.Connection) -> None:
        progress, now_ms = lock_progress(hub, connection, kiosk)
        act = record(hub, connection, kind, kiosk.hex(), reason, done_by, now_ms)
        execute(
            connection,
            """
            INSERT INTO fence (kiosk, kind, tip_seq, tip_hash, fork_seq, act, since_ms)
            VALUES (:kiosk, :kind, :tip_seq, :tip_hash, 0, :act, :since_ms) ON CONFLICT (kiosk, kind) DO NOTHING
            """,
            kiosk=kiosk,
            kind=kind,
            tip_seq=progress.cursor.seq,
            tip_hash=progress.cursor.hash,
            act=act,
            since_ms=now_ms,
        )
        judge_again(hub, connection, kiosk)

    hub.store.run(work)


def record(  # an act's own columns
    hub: Hub,
    connection: sa.Connection,
    kind: str,
    subject: str,
    reason: str,
    done_by: str,
    now_ms: int | None = None,
) -> bytes:
    """Write down who did what, and why; return the act's key. `now_ms` is the moment of the transaction, where it has
    asked for one. Raises ActRefused without a reason.
    """
    if not reason.strip():
        raise ActRefused("理由を書いてください / a reason is needed")
    act = hub.random_bytes(16)
    execute(
        connection,
        """
        INSERT INTO act (act, kind, subject, reason, done_by, done_ms)
        VALUES (:act, :kind, :subject, :reason, :done_by, :done_ms)
        """,
        act=act,
        kind=kind,
        subject=subject,
        reason=reason.strip(),
        done_by=done_by,
        done_ms=hub.wall_ms() if now_ms is None else now_ms,
    )
    return act
