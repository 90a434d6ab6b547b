"""A batch arrives: its entries are stored, judged and posted in one transaction; the receipt is signed after the
commit.

A plain kiosk (no hole, no fork, no fence) whose batch just goes on at the cursor is judged from the kept fold.
Everything else, and every
void or time sample, takes the whole road: all entries of that kiosk are judged again from entry 1, and the difference
is posted.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import cbor2
import sqlalchemy as sa

from hub.intake.chain import Link, branches, cursor_on_branch, fork_seq
from hub.intake.check import Arriving, Checked, check_batch, read_arrived
from hub.intake.facts import KioskRow, accepted_holes, find_kiosk, line_of, load_facts
from hub.intake.judge import Attested, Facts, Fold, Judged, hold_all, judge
from hub.intake.moment import moment_for
from hub.ledger.daily_limits import flag_over_limit
from hub.ledger.inbox import write_entries
from hub.ledger.posting import Change, ended_moments, post, unusual_members
from hub.service import Hub, instances, is_rolled_back, key_list_version, mark_rolled_back
from hub.store.database import execute, row, rows
from sync.batch import Batch, Head
from sync.certificate import kiosk_identity, read_certificate
from sync.codec import WireError
from sync.entry import Clock, Void, first_prev
from sync.envelope import KIOSK, RECEIPT
from sync.keys import Instance
from sync.receipt import Receipt, Status, read_receipt, write_receipt


class RolledBack(Exception):
    """The hub has been shown its own future; it signs nothing until it opens a new instance."""


class Progress(NamedTuple):
    """How far the hub has come with a kiosk."""

    head_seq: int
    cursor: Head
    receipt_number: int
    is_plain: bool
    beyond: tuple[tuple[int, int], ...]
    fold: bytes


def take_batch(hub: Hub, batch: Batch) -> bytes:
    """Take in a batch and return the signed receipt. Raises RolledBack; a repeated batch changes nothing."""
    with hub.store.reading() as connection:
        kiosk = find_kiosk(connection, batch.kiosk) or _vouched(hub, batch)
    if kiosk is None:
        return _receipt_for_unknown(hub, batch)
    checked = check_batch(kiosk.public_key, batch)
    receipt = hub.store.run(lambda connection: _arrive(hub, connection, kiosk, batch, checked))
    if receipt is None:
        raise RolledBack
    return write_receipt(hub.keyring.signer(RECEIPT), receipt)


def judge_again(hub: Hub, connection: sa.Connection, kiosk: bytes) -> None:
    """Judge a kiosk anew after an act, a new share or a changed reference record, and post the difference."""
    progress, now_ms = lock_progress(hub, connection, kiosk)
    found = find_kiosk(connection, kiosk)
    if found is not None:
        _write_progress(connection, kiosk, _judge_whole(hub, connection, found, progress, [], now_ms))


def lock_progress(hub: Hub, connection: sa.Connection, kiosk: bytes) -> tuple[Progress, int]:
    """Lock a kiosk's progress for this transaction and return it, with the moment; two hubs take turns here, and only
    whose turn it is reads the clock.
    """
    execute(
        connection,
        """
        INSERT INTO kiosk_progress (kiosk, head_seq, cursor_seq, cursor_hash, receipt_number, last_contact_ms, is_plain,
                                    beyond, fold)
        SELECT kiosk, 0, 0, :empty, 0, :now_ms, 1, :empty, :empty FROM kiosk WHERE kiosk = :kiosk
        ON CONFLICT (kiosk) DO UPDATE SET head_seq = kiosk_progress.head_seq
        """,
        kiosk=kiosk,
        now_ms=hub.wall_ms(),
        empty=b"",
    )
    found = row(
        connection,
        """
        SELECT p.*, k.public_key FROM kiosk_progress p JOIN kiosk k ON k.kiosk = p.kiosk WHERE p.kiosk = :kiosk
        """,
        kiosk=kiosk,
    )
    before_all = Head(0, first_prev(bytes(found.public_key)))
    cursor = Head(found.cursor_seq, bytes(found.cursor_hash)) if found.cursor_seq else before_all
    beyond = cbor2.loads(bytes(found.beyond), immutable=True) if found.beyond else ()
    progress = Progress(found.head_seq, cursor, found.receipt_number, bool(found.is_plain), beyond, bytes(found.fold))
    return progress, moment_for(hub, connection, kiosk)


def _arrive(  # one batch and everything that bears on it
    hub: Hub, connection: sa.Connection, kiosk: KioskRow, batch: Batch, checked: Checked
) -> Receipt | None:
    """Store, judge and post inside the transaction; return the receipt to sign, None where the hub was rolled back."""
    _register(hub, connection, kiosk, batch)
    progress, now_ms = lock_progress(hub, connection, kiosk.kiosk)
    instance = instances(connection)[-1]
    if is_rolled_back(connection) or _shows_our_future(hub, batch, progress, instance):
        mark_rolled_back(connection, f"receipt shown by {kiosk.kiosk.hex()}")
        return None
    fresh = _not_yet_stored(connection, kiosk.kiosk, progress, checked.arriving)
    write_entries(connection, [(kiosk.kiosk, one.seq, one.hash, now_ms, one.encoded) for one in fresh])
    if fresh:
        step = _judge_plain if _goes_on(progress, fresh) else _judge_whole
        progress = step(hub, connection, kiosk, progress, fresh, now_ms)
    progress = progress._replace(
        receipt_number=progress.receipt_number + 1, head_seq=max(progress.head_seq, batch.head.seq)
    )
    _write_progress(connection, kiosk.kiosk, progress)
    execute(
        connection,
        "UPDATE kiosk_progress SET last_contact_ms = :now_ms WHERE kiosk = :kiosk",
        now_ms=now_ms,
        kiosk=kiosk.kiosk,
    )
    return _receipt(hub, connection, kiosk, batch, progress, instance, checked)


def _not_yet_stored(
    connection: sa.Connection, kiosk: bytes, progress: Progress, arriving: list[Arriving]
) -> list[Arriving]:
    if not arriving or (progress.is_plain and arriving[0].seq > progress.cursor.seq):
        return arriving
    stored = {
        bytes(one.hash)
        for one in rows(
            connection,
            "SELECT hash FROM entry WHERE kiosk = :kiosk AND seq BETWEEN :first AND :last",
            kiosk=kiosk,
            first=arriving[0].seq,
            last=arriving[-1].seq,
        )
    }
    return [one for one in arriving if one.hash not in stored]


def _goes_on(progress: Progress, fresh: list[Arriving]) -> bool:
    """Tell whether the entries simply follow the cursor of a plain kiosk and cannot change the standing of an earlier
    one.
    """
    return (
        progress.is_plain
        and fresh[0].seq == progress.cursor.seq + 1
        and fresh[0].prev == progress.cursor.hash
        and all(later.prev == earlier.hash for earlier, later in pairwise(fresh))
        and not any(one.entry is not None and isinstance(one.entry.body, Void | Clock) for one in fresh)
        and len({one.entry.stamp.boot for one in fresh if one.entry is not None} | _boot_of(progress)) <= 1
    )


def _boot_of(progress: Progress) -> set[bytes]:
    """Return the boot the kept fold knows about: of others, that may have had time samples, it knows nothing."""
    boot = Fold.unpack(progress.fold).boot
    return {boot} if boot else set()


def _judge_plain(  # the quick road
    hub: Hub, connection: sa.Connection, kiosk: KioskRow, progress: Progress, fresh: list[Arriving], now_ms: int
) -> Progress:
    facts = load_facts(hub, connection, kiosk.kiosk)
    attested = [Attested(one.seq, one.hash, now_ms, one.entry, one.defect) for one in fresh]
    fold = Fold.unpack(progress.fold)
    judged = judge(facts, attested, fold)
    facts_with_members = _with_members(connection, facts, judged)
    if facts_with_members is not facts:
        fold = Fold.unpack(progress.fold)
        judged = judge(facts_with_members, attested, fold)
    contested = post(connection, kiosk.kiosk, [Change(one, None) for one in judged], facts.shares, now_ms)
    flag_over_limit(connection, kiosk.kiosk, judged, facts, contested)
    return progress._replace(cursor=Head(fresh[-1].seq, fresh[-1].hash), fold=fold.pack())


def _judge_whole(  # the whole road
    hub: Hub, connection: sa.Connection, kiosk: KioskRow, progress: Progress, fresh: list[Arriving], now_ms: int
) -> Progress:
    """Judge every entry of the kiosk from the beginning and post what has changed. Draws the fence where a fork has
    come to light.
    """
    stored = _stored_entries(connection, kiosk.kiosk)
    links = [link for link, _ in stored]
    first = first_prev(kiosk.public_key)
    holes = accepted_holes(connection, kiosk.kiosk)
    forked_at = fork_seq(links, first)
    if forked_at is not None:
        _draw_fence(connection, kiosk.kiosk, progress.cursor, forked_at, now_ms)
    tree = branches(links, first, line_of(connection, kiosk.kiosk), holes)
    entries = {link.hash: attested for link, attested in stored}
    main = [entries[link.hash] for link in tree.main]
    others = [attested for link, attested in stored if link.hash in tree.aside]
    facts = load_facts(hub, connection, kiosk.kiosk)
    fold = Fold()
    judged = [*judge(facts, main, fold), *hold_all(facts, others, tree.aside)]
    facts_with_members = _with_members(connection, facts, judged)
    if facts_with_members is not facts:
        fold = Fold()
        judged = [*judge(facts_with_members, main, fold), *hold_all(facts_with_members, others, tree.aside)]
    changes = _changes(connection, kiosk.kiosk, judged, {one.hash for one in fresh})
    contested = post(connection, kiosk.kiosk, changes, facts.shares, now_ms)
    flag_over_limit(connection, kiosk.kiosk, [change.judged for change in changes], facts, contested)
    is_plain = not tree.aside and not tree.beyond and line_of(connection, kiosk.kiosk) is None
    return progress._replace(cursor=tree.cursor, beyond=tree.beyond, is_plain=is_plain, fold=fold.pack())


def _with_members(connection: sa.Connection, facts: Facts, judged: list[Judged]) -> Facts:
    """Return the facts with the unusual ones among the members of these grants; the same facts where there are none."""
    unusual = unusual_members(connection, sorted({one.grant.member for one in judged if one.grant is not None}))
    return replace(facts, members=unusual, ended_ms=ended_moments(connection, unusual)) if unusual else facts


def _stored_entries(connection: sa.Connection, kiosk: bytes) -> list[tuple[Link, Attested]]:
    found = rows(
        connection,
        "SELECT seq, hash, arrived_ms, encoded FROM entry WHERE kiosk = :kiosk ORDER BY seq, hash",
        kiosk=kiosk,
    )
    stored = []
    for one in found:
        prev, entry, defect = read_arrived(bytes(one.encoded))
        entry_hash = bytes(one.hash)
        stored.append(
            (
                Link(one.seq, entry_hash, prev, one.arrived_ms),
                Attested(one.seq, entry_hash, one.arrived_ms, entry, defect),
            )
        )
    return stored


def _changes(connection: sa.Connection, kiosk: bytes, judged: list[Judged], fresh: set[bytes]) -> list[Change]:
    """Return the standings that differ from what is kept. What is not put aside, and is not new, stands posted."""
    kept = {
        bytes(one.hash): (one.verdict, one.reason)
        for one in rows(connection, "SELECT hash, verdict, reason FROM aside WHERE kiosk = :kiosk", kiosk=kiosk)
    }
    changes = []
    for one in judged:
        verdict, reason = kept.get(one.hash, ("posted", ""))
        was = None if one.hash in fresh else "eligible" if verdict in {"posted", "duplicate"} else verdict
        now = (one.candidacy.value, one.reason)
        if was is None or now != (was, reason if was != "eligible" else ""):
            changes.append(Change(one, was))
    return changes


def _draw_fence(connection: sa.Connection, kiosk: bytes, tip: Head, forked_at: int, now_ms: int) -> None:
    """Draw the line of a fork once: what was posted by then stays, both branches after it are held, and a person
    decides.
    """
    execute(
        connection,
        """
        INSERT INTO fence (kiosk, kind, tip_seq, tip_hash, fork_seq, act, since_ms)
        VALUES (:kiosk, 'fork', :tip_seq, :tip_hash, :fork_seq, NULL, :since_ms)
        ON CONFLICT (kiosk, kind) DO NOTHING
        """,
        kiosk=kiosk,
        tip_seq=tip.seq,
        tip_hash=tip.hash,
        fork_seq=forked_at,
        since_ms=now_ms,
    )


def _write_progress(connection: sa.Connection, kiosk: bytes, progress: Progress) -> None:
    execute(
        connection,
        """
        UPDATE kiosk_progress SET head_seq = :head_seq, cursor_seq = :cursor_seq, cursor_hash = :cursor_hash,
               receipt_number = :receipt_number, is_plain = :is_plain, beyond = :beyond, fold = :fold
        WHERE kiosk = :kiosk
        """,
        kiosk=kiosk,
        head_seq=progress.head_seq,
        cursor_seq=progress.cursor.seq,
        cursor_hash=progress.cursor.hash,
        receipt_number=progress.receipt_number,
        is_plain=int(progress.is_plain),
        beyond=cbor2.dumps(progress.beyond),
        fold=progress.fold,
    )


def _vouched(hub: Hub, batch: Batch) -> KioskRow | None:
    """Return a kiosk this hub has forgotten, if its certificate proves that it was let in once."""
    if batch.certificate is None:
        return None
    try:
        certificate = read_certificate(batch.certificate, hub.keyring.verifying(KIOSK))
    except WireError:
        return None
    if kiosk_identity(certificate.public_key) != batch.kiosk:
        return None
    return KioskRow(batch.kiosk, certificate.public_key, "", 0)


def _register(hub: Hub, connection: sa.Connection, kiosk: KioskRow, batch: Batch) -> None:
    """Remember a kiosk that came with its certificate; one that is known stays as it is."""
    if batch.certificate is None or find_kiosk(connection, kiosk.kiosk) is not None:
        return
    certificate = read_certificate(batch.certificate, hub.keyring.verifying(KIOSK))
    execute(
        connection,
        """
        INSERT INTO kiosk (kiosk, public_key, serial, name, organisation, certificate, approved_ms)
        VALUES (:kiosk, :public_key, :serial, :name, 0, :certificate, :now_ms)
        ON CONFLICT (kiosk) DO NOTHING
        """,
        kiosk=kiosk.kiosk,
        public_key=kiosk.public_key,
        serial=certificate.serial,
        name=f"端末 {kiosk.kiosk.hex()[:4]}",
        certificate=batch.certificate,
        now_ms=hub.wall_ms(),
    )


def _shows_our_future(hub: Hub, batch: Batch, progress: Progress, instance: Instance) -> bool:
    """Tell whether the kiosk holds a receipt of ours that we do not remember giving: this database is older than it
    should be.
    """
    if batch.last_receipt is None:
        return False
    try:
        shown = read_receipt(batch.last_receipt, hub.keyring.verifying(RECEIPT))
    except WireError:
        return False
    return shown.kiosk == batch.kiosk and (shown.instance, shown.number) > (instance, progress.receipt_number)


def _receipt(  # everything a receipt says
    hub: Hub,
    connection: sa.Connection,
    kiosk: KioskRow,
    batch: Batch,
    progress: Progress,
    instance: Instance,
    checked: Checked,
) -> Receipt:
    cursor = progress.cursor
    last = checked.arriving[-1] if checked.arriving else None
    if not progress.is_plain:
        links = [link for link, _ in _stored_entries(connection, kiosk.kiosk)]
        last_sent = [Head(last.seq, last.hash)] if last else []
        cursor = cursor_on_branch(links, [batch.head, *last_sent], accepted_holes(connection, kiosk.kiosk), cursor)
    newest = row(
        connection,
        "SELECT max(version) AS version FROM manifest WHERE kiosk = :kiosk AND instance_ms = :opened_ms",
        kiosk=kiosk.kiosk,
        opened_ms=instance.opened_ms,
    )
    return Receipt(
        kiosk=kiosk.kiosk,
        instance=instance,
        number=progress.receipt_number,
        status=_status(connection, kiosk.kiosk),
        head=batch.head,
        cursor=cursor,
        beyond=progress.beyond,
        refused=checked.refused,
        backed_up_seq=0,
        hub_ms=hub.wall_ms(),  # the clock itself: an earlier moment of the books is no help to a kiosk's clock
        next_after_seconds=hub.pace.next_after_seconds,
        max_batch=hub.pace.max_batch,
        manifest_version=newest.version or 0,
        key_list_version=key_list_version(connection),
    )


def _status(connection: sa.Connection, kiosk: bytes) -> Status:
    kinds = {one.kind for one in rows(connection, "SELECT kind FROM fence WHERE kiosk = :kiosk", kiosk=kiosk)}
    if "revoked" in kinds:
        return Status.REVOKED
    return Status.FENCED if kinds else Status.OK


def _receipt_for_unknown(hub: Hub, batch: Batch) -> bytes:
    """Say, signed, that this hub does not know the kiosk. Leaves nothing in the database: strangers cannot fill it."""
    with hub.store.reading() as connection:
        if is_rolled_back(connection):
            raise RolledBack
        instance = instances(connection)[-1]
    empty = Head(0, bytes(32))
    return write_receipt(
        hub.keyring.signer(RECEIPT),
        Receipt(
            batch.kiosk,
            instance,
            0,
            Status.UNKNOWN,
            batch.head,
            empty,
            (),
            None,
            0,
            hub.wall_ms(),
            hub.pace.next_after_seconds,
            hub.pace.max_batch,
            0,
        ),
    )
