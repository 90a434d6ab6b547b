"""A batch arrives: its entries are stored, judged and posted in one transaction; the receipt is signed after the
commit.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from hub.intake.chain import cursor_on_branch
from hub.intake.check import Arriving, Checked, check_batch
from hub.intake.facts import KioskRow, accepted_holes, find_kiosk, lines_of
from hub.intake.judging import Cause, goes_on, judge_on, judge_whole
from hub.intake.moment import moment_of_arrival
from hub.intake.progress import Progress, lock_progress, write_progress
from hub.intake.reasons import Reason
from hub.intake.stored import all_entries, keep_landmarks
from hub.intake.values import Attested
from hub.ledger.inbox import write_entries
from hub.own_clock import Doubt, doubted, mark_doubted, newest_arrival_not_looked_at
from hub.service import Hub, instances, is_rolled_back, key_list_version, mark_rolled_back
from hub.store.database import execute, insert, row, rows
from sync.batch import Batch
from sync.certificate import kiosk_identity, read_certificate
from sync.codec import WireError
from sync.envelope import KIOSK, RECEIPT
from sync.head import Head, SignedHead, read_signed_head
from sync.keys import Instance
from sync.receipt import Receipt, Status, read_receipt, write_receipt


class RolledBack(Exception):
    """The hub has been shown its own future; it signs nothing until it opens a new instance."""


class ClockDoubted(Exception):
    """The hub's clock has jumped; it takes nothing in until a person has looked."""


class Taken(NamedTuple):
    """What came of a batch: the signed receipt, how many entries had not been here before, and how the hub stands to
    the kiosk.
    """

    receipt: bytes
    fresh: int
    status: Status


def take_batch(hub: Hub, batch: Batch) -> bytes:
    """Take in a batch and return the signed receipt (see `take`)."""
    return take(hub, batch).receipt


def take(hub: Hub, batch: Batch) -> Taken:
    """Take in a batch. Raises RolledBack or ClockDoubted, and WireError where the head is not the kiosk's own; a
    repeated batch changes nothing.
    """
    with hub.store.reading() as connection:
        kiosk = find_kiosk(connection, batch.kiosk) or _vouched(hub, batch)
    if kiosk is None:
        return Taken(_receipt_for_unknown(hub, batch), 0, Status.UNKNOWN)
    head = read_signed_head(batch.head, kiosk.public_key) if batch.head is not None else None
    brought = Brought(batch, head, check_batch(kiosk.public_key, batch))
    arrived = hub.store.run(lambda connection: _arrive(hub, connection, kiosk, brought))
    if not isinstance(arrived, tuple):
        raise ClockDoubted if isinstance(arrived, Doubt) else RolledBack
    receipt, fresh = arrived
    return Taken(write_receipt(hub.keyring.signer(RECEIPT), receipt), fresh, receipt.status)


class Brought(NamedTuple):
    """A batch that has been read: its head as the kiosk signed it (None where its key is gone), and what may arrive."""

    batch: Batch
    head: SignedHead | None
    checked: Checked

    @property
    def head_seq(self) -> int:
        """Return the highest number that the kiosk is known to have signed by this batch."""
        signed = 0 if self.head is None else self.head.head.seq
        return max(signed, *(one.seq for one in self.checked.arriving[-1:]), 0)


def _arrive(
    hub: Hub, connection: sa.Connection, kiosk: KioskRow, brought: Brought
) -> tuple[Receipt, int] | Doubt | None:
    """Store, judge and post inside the transaction; return the receipt to sign and how many entries are new, None where
    the hub was rolled back, or what is wrong with its clock.
    """
    doubt = _doubt(hub, connection)
    if doubt is not None:
        mark_doubted(connection, doubt)
        return doubt
    batch, checked = brought.batch, brought.checked
    _register(hub, connection, kiosk, batch)
    progress = lock_progress(connection, kiosk.kiosk, hub.wall_ms())
    now_ms = moment_of_arrival(hub, connection, kiosk.kiosk)
    instance = instances(connection)[-1]
    if is_rolled_back(connection) or _shows_our_future(hub, batch, progress.receipt_number, instance):
        mark_rolled_back(connection, f"receipt shown by {kiosk.kiosk.hex()}")
        return None
    fresh = _not_yet_stored(connection, kiosk.kiosk, progress, checked.arriving)
    if fresh:
        progress = _take_in(hub, connection, kiosk.kiosk, progress, fresh, now_ms)
    number = progress.receipt_number + 1
    head_seq = max(progress.head_seq, brought.head_seq)
    progress = progress._replace(receipt_number=number, head_seq=head_seq)
    write_progress(connection, kiosk.kiosk, progress)
    execute(
        connection,
        "UPDATE kiosk_progress SET last_contact_ms = :now_ms WHERE kiosk = :kiosk",
        now_ms=now_ms,
        kiosk=kiosk.kiosk,
    )
    return _receipt(hub, connection, kiosk, brought, progress, instance), len(fresh)


def _doubt(hub: Hub, connection: sa.Connection) -> Doubt | None:
    """Return what is wrong with the hub's clock, also what was found earlier and nobody has looked at."""
    if hub.own_clock is None:
        return None
    return doubted(connection) or hub.own_clock.look(newest_arrival_not_looked_at(connection))


def _take_in(
    hub: Hub, connection: sa.Connection, kiosk: bytes, progress: Progress, fresh: list[Arriving], now_ms: int
) -> Progress:
    """Store entries that have not been here before, judge them and post the difference."""
    write_entries(connection, [(kiosk, one.seq, one.hash, now_ms, one.encoded) for one in fresh])
    attested = [Attested(one.seq, one.hash, now_ms, one.entry, one.defect) for one in fresh]
    keep_landmarks(connection, kiosk, attested)
    cause = Cause(now_ms)
    if goes_on(progress, [(one.seq, one.hash, one.prev) for one in fresh]):
        progress = judge_on(hub, connection, kiosk, progress, attested, cause)
    else:
        names = {(one.seq, one.hash) for one in fresh}
        progress, _ = judge_whole(hub, connection, kiosk, progress, cause, fresh=names)
    return progress._replace(last_arrival_ms=now_ms)


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
    """Remember a kiosk that came with its certificate; one that is known stays as it is. The certificate is the cause:
    no act names it.
    """
    if batch.certificate is None or find_kiosk(connection, kiosk.kiosk) is not None:
        return
    certificate = read_certificate(batch.certificate, hub.keyring.verifying(KIOSK))
    insert(
        connection,
        "kiosk",
        kiosk=kiosk.kiosk,
        public_key=kiosk.public_key,
        serial=certificate.serial,
        certificate=batch.certificate,
        approved_ms=hub.wall_ms(),
        act=None,
    )
    name = f"端末 {kiosk.kiosk.hex()[:4]}"
    insert(connection, "kiosk_name", kiosk=kiosk.kiosk, version=1, name=name, organisation=0, act=None)


def _shows_our_future(hub: Hub, batch: Batch, last_number: int, instance: Instance) -> bool:
    """Tell whether the kiosk holds a receipt of ours beyond the last number we remember giving it: this database is
    older than it should be.
    """
    if batch.last_receipt is None:
        return False
    try:
        shown = read_receipt(batch.last_receipt, hub.keyring.verifying(RECEIPT))
    except WireError:
        return False
    return shown.kiosk == batch.kiosk and (shown.instance, shown.number) > (instance, last_number)


def _receipt(  # everything a receipt says
    hub: Hub,
    connection: sa.Connection,
    kiosk: KioskRow,
    brought: Brought,
    progress: Progress,
    instance: Instance,
) -> Receipt:
    cursor, checked = progress.cursor, brought.checked
    head = None if brought.head is None else brought.head.head
    last = checked.arriving[-1] if checked.arriving else None
    if not progress.is_plain:
        links = [one.link for one in all_entries(connection, kiosk.kiosk)]
        last_sent = [Head(last.seq, last.hash)] if last else []
        # A head alone does not tell on which branch the kiosk is below a hole: then it sends once more.
        is_told = bool(last_sent) or lines_of(connection, kiosk.kiosk).fork is None
        holes = accepted_holes(connection, kiosk.kiosk) if is_told else {}
        cursor = cursor_on_branch(links, [*([] if head is None else [head]), *last_sent], holes, cursor)
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
        question=None if brought.head is None else brought.head.question,
        head=head,
        cursor=cursor,
        beyond=progress.beyond,
        refused=checked.refused,
        backed_up_seq=0,
        hub_ms=hub.wall_ms(),
        next_after_seconds=hub.pace.next_after_seconds,
        max_batch=hub.pace.max_batch,
        manifest_version=newest.version or 0,
        key_list_version=key_list_version(connection),
    )


def _status(connection: sa.Connection, kiosk: bytes) -> Status:
    """Return how the hub stands to a kiosk: a withdrawal outranks a stop, and a fork stops it too."""
    lines = lines_of(connection, kiosk)
    if lines.drawn is not None and lines.drawn.reason is Reason.WITHDRAWN:
        return Status.REVOKED
    return Status.OK if lines.is_empty else Status.FENCED


def _receipt_for_unknown(hub: Hub, batch: Batch) -> bytes:
    """Say, signed, that this hub does not know the kiosk. Leaves nothing in the database: strangers cannot fill it. But
    one that shows our own receipt was forgotten by a database that was put back.
    """
    with hub.store.reading() as connection:
        if is_rolled_back(connection):
            raise RolledBack
        instance = instances(connection)[-1]
    if _shows_our_future(hub, batch, 0, instance):
        hub.store.run(lambda connection: mark_rolled_back(connection, f"receipt shown by {batch.kiosk.hex()}"))
        raise RolledBack
    return write_receipt(
        hub.keyring.signer(RECEIPT),
        Receipt(
            kiosk=batch.kiosk,
            instance=instance,
            number=0,
            status=Status.UNKNOWN,
            question=None,
            head=None,
            cursor=Head(0, bytes(32)),
            beyond=(),
            refused=None,
            backed_up_seq=0,
            hub_ms=hub.wall_ms(),
            next_after_seconds=hub.pace.next_after_seconds,
            max_batch=hub.pace.max_batch,
            manifest_version=0,
        ),
    )
