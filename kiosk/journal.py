"""A kiosk's append-only journal: signs what is decided, numbers and chains it, and has it on the disk before anybody
shows it.

This is the one writer (`sync.engine.Journal`); the scan loop and the uplink share it, and its lock is held for a commit
at most, never while the network is asked. Entries are never changed; only `prune` removes any, and only what a backup
of the hub holds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import msgspec
from msgspec.structs import astuple

from kiosk.boothtime import trusted_day
from kiosk.journal_file import JournalFailed, Witness
from kiosk.journal_reader import JournalReader
from sync.certificate import kiosk_identity
from sync.citytime import city_day
from sync.codec import WireError
from sync.engine import Uplink
from sync.entry import Body, Clock, Grant, Opened, Stamp, Trust, Void, read_entry, sign_entry
from sync.envelope import ENTRY, SigningKey, take_apart
from sync.head import Head
from sync.request import write_request

PRUNE_AFTER_DAYS = 30
PRUNE_MOST = 1_000
"""Entries looked at in one go, so that a scan never waits long for the connection."""

ALREADY_GRANTED = "already granted"
NOT_A_GRANT = "not a grant"
ALREADY_VOID = "already void"
SET_ASIDE = "set aside"


class Kept(NamedTuple):
    """An entry that is signed, verified and on the disk."""

    seq: int
    hash: bytes


class NotKept(NamedTuple):
    """Nothing was signed: one of the words above, or why this key signs nothing more (`Journal.stopped`)."""

    reason: str


class Journal(JournalReader):
    """The writer of a journal. Safe to share between threads."""

    def __init__(self, connection: sqlite3.Connection, witness: Witness) -> None:
        """Takes over a connection made by `connect_writer`. Raises JournalMissing where no enrolment has begun."""
        super().__init__(connection)
        seed = self._kept("seed")
        self._key = SigningKey(seed) if seed is not None else None
        self._witness = witness
        self._head = super().head()
        self._uplink = super().uplink()
        self._stop_word = (self._kept("stopped") or b"").decode("utf-8")
        self._is_running = False
        self.news = 0
        """Counts key lists and manifests taken in since the start: when it grows, the scan loop reads them again."""

    def start(self) -> None:
        """Note durably that a run has begun: if its end is not noted too, the next start checks the whole chain."""
        self._keep(running=b"1")
        self._is_running = True

    def close(self) -> None:
        """Note that the run has ended and everything up to the head is whole, and close."""
        with self._lock:
            if self._is_running:
                with self._transaction():
                    self._put("verified", _head_as_bytes(self._head))
                    self._connection.execute("delete from kept where name = 'running'")
            self.abandon()

    def abandon(self) -> None:
        """Close without noting the end, so that the next start checks the whole chain."""
        with self._lock:
            self._is_running = False
            self._connection.close()
            self._witness.close()

    def verified(self) -> Head | None:
        """Return the head up to which the chain is known to be whole, None if the last run was not ended properly."""
        encoded = self._kept("verified")
        if encoded is None or self._kept("running") is not None:
            return None
        return Head(int.from_bytes(encoded[:8], "big"), encoded[8:])

    def has_own_key(self) -> bool:
        """Tell whether the key is here, and is the one this journal began with."""
        key = self._key
        return key is not None and key.public == self.public_key and kiosk_identity(key.public) == self.kiosk

    def take_key_away(self) -> None:
        """Sign nothing in this process: the journal was set aside."""
        self._key = None

    @property
    def stopped(self) -> str:
        """Why this key signs nothing more, or "": `set aside`, `retired`, `damaged`, or what `sync.engine` found."""
        if self._key is None:
            return self._stop_word or SET_ASIDE
        return self._stop_word or self._uplink.stopped

    def head(self) -> Head:
        """Return the last entry's number and hash."""
        return self._head

    def uplink(self) -> Uplink:
        """Return what is known of the hub."""
        return self._uplink

    def sign_and_keep(self, body: Body, stamp: Stamp, *, allotment: int = 0, seen: int = 0) -> Kept | NotKept:
        """Number, sign, verify and insert `body` in one transaction; return when it is on the disk. Raises
        JournalFailed.

        A grant is not kept if the same member was granted the same activity after `seen`, the newest such grant the
        decision knew of (0: none): so two quick scans cannot both pass, whatever the clock was set to between them.
        `allotment` is what a grant draws on.
        """
        with self._lock:
            if self._key is None or self.stopped:
                return NotKept(self.stopped)
            seq = self._head.seq + 1
            with self._transaction():
                trouble = self._take_note(seq, body, stamp, allotment, seen)
                if trouble:
                    return NotKept(trouble)
                signed = sign_entry(self._key, seq, self._head.hash, body, stamp)
                self._connection.execute(
                    "insert into entry (seq, hash, encoded) values (?, ?, ?)", (seq, signed.hash, signed.encoded)
                )
            self._head = Head(seq, signed.hash)
            self._witness.note(self._head)
            return Kept(seq, signed.hash)

    def sign_request(self, method: str, path: str, body: bytes, nonce: bytes) -> bytes:
        """Return a signed request to the hub. It claims nothing, so a stopped key may sign one too."""
        if self._key is None:
            raise JournalFailed(SET_ASIDE)
        return write_request(self._key, method, path, body, nonce)

    def keep_uplink(self, uplink: Uplink, receipt: bytes | None) -> None:
        """Keep, durably and in one transaction, what a receipt has taught."""
        with self._lock:
            with self._transaction():
                self._put("uplink", msgspec.json.encode(uplink))
                if receipt is not None:
                    self._put("receipt", receipt)
            self._uplink = uplink

    def keep_key_list(self, encoded: bytes) -> None:
        """Keep a newer key list."""
        self._keep(key_list=encoded)

    def keep_manifest(self, encoded: bytes) -> None:
        """Keep a newer manifest; it takes effect with the next `opened`, which the scan loop signs."""
        self._keep(manifest=encoded)

    def keep_enrolment(
        self, root_public_key: bytes, key_list: bytes, certificate: bytes, manifest: bytes | None
    ) -> None:
        """Keep what the hub answered to this kiosk's application, all at once."""
        named = {"root_public_key": root_public_key, "key_list": key_list, "certificate": certificate}
        self._keep(**named, **({"manifest": manifest} if manifest is not None else {}))
        self.root_public_key = root_public_key

    def stop(self, reason: str) -> None:
        """Sign nothing more with this key, now and after every start."""
        self._keep(stopped=reason.encode("utf-8"))
        self._stop_word = reason

    def prune(self, stamp: Stamp) -> int:
        """Remove entries that a backup of the hub holds and that are older than 30 days; return how many.

        An entry is old if it, or one after it, was stamped by the hub's time that long ago; without the hub's time
        nothing is removed.
        """
        day = trusted_day(stamp)
        if day is None:
            return 0
        with self._lock:
            last = self._last_older_than(day - PRUNE_AFTER_DAYS)
            if last is None:
                return 0
            with self._transaction():
                self._put("base", _head_as_bytes(last))
                return self._connection.execute("delete from entry where seq <= ?", (last.seq,)).rowcount

    def _last_older_than(self, day: int) -> Head | None:
        arrived_seq = min(self._uplink.backed_up_seq, self._uplink.cursor_seq)
        last = None
        for row in self.rows(self.first_kept_seq(), PRUNE_MOST):
            if row.seq > arrived_seq:
                break
            stamp = self.stamp_of(row.seq)
            if stamp is not None and stamp.trust == Trust.HUB:
                if city_day(stamp.wall_ms) >= day:
                    break
                last = Head(row.seq, row.hash)
        return last

    def _take_note(self, seq: int, body: Body, stamp: Stamp, allotment: int, seen: int) -> str:
        """Keep what later scans and starts ask, in the entry's own transaction; return why `body` may not be signed, or
        "".
        """
        if isinstance(body, Grant):
            return self._note_grant(seq, body, stamp, allotment, seen)
        if isinstance(body, Void):
            return self._note_void(body.seq)
        if isinstance(body, Clock):
            self._connection.execute(
                "insert into boot (boot, hub_ms, sent_ms, received_ms) values (?, ?, ?, ?) on conflict (boot) do update"
                " set hub_ms = excluded.hub_ms, sent_ms = excluded.sent_ms, received_ms = excluded.received_ms",
                (stamp.boot, *body),
            )
        elif isinstance(body, Opened) and body.confirmed_ms is not None:
            self._connection.execute(
                "insert into boot (boot, confirmed_ms, confirmed_monotonic_ms) values (?, ?, ?) on conflict (boot)"
                " do update set confirmed_ms = excluded.confirmed_ms,"
                " confirmed_monotonic_ms = excluded.confirmed_monotonic_ms",
                (stamp.boot, body.confirmed_ms, stamp.monotonic_ms),
            )
        return ""

    def _note_grant(self, seq: int, grant: Grant, stamp: Stamp, allotment: int, seen: int) -> str:
        whose = (grant.event, grant.activity, grant.member)
        rows = self._connection.execute(
            "insert into granted (event, activity, member, seq, occasion, points, wall_ms, boot, monotonic_ms, trust)"
            " select ?, ?, ?, ?, ?, ?, ?, ?, ?, ? where not exists"
            " (select 1 from granted where event = ? and activity = ? and member = ? and seq > ?)",
            (*whose, seq, grant.occasion, grant.points, *astuple(stamp), *whose, seen),
        ).rowcount
        if rows == 0:
            return ALREADY_GRANTED
        self._connection.execute(
            "insert into drawn (allotment, grants, points) values (?, 1, ?) on conflict (allotment)"
            " do update set grants = grants + 1, points = points + excluded.points",
            (allotment, grant.points),
        )
        return ""

    def _note_void(self, seq: int) -> str:
        grant = self._grant_at(seq)
        if grant is None:
            return NOT_A_GRANT
        rows = self._connection.execute(
            "insert into voided (seq, points) values (?, ?) on conflict (seq) do nothing", (seq, grant.points)
        ).rowcount
        if rows == 0:
            return ALREADY_VOID
        self._connection.execute(
            "delete from granted where event = ? and activity = ? and member = ? and seq = ?",
            (grant.event, grant.activity, grant.member, seq),
        )
        return ""

    def _grant_at(self, seq: int) -> Grant | None:
        row = self._connection.execute("select encoded from entry where seq = ?", (seq,)).fetchone()
        try:
            body = read_entry(take_apart(ENTRY, row[0]).payload).body if row is not None else None
        except WireError:
            return None
        return body if isinstance(body, Grant) else None

    def _keep(self, **named: bytes) -> None:
        with self._lock:
            with self._transaction():
                for name, content in named.items():
                    self._put(name, content)
            self.news += 1

    def _put(self, name: str, content: bytes) -> None:
        self._connection.execute(
            "insert into kept (name, content) values (?, ?)"
            " on conflict (name) do update set content = excluded.content",
            (name, content),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """BEGIN IMMEDIATE … COMMIT; on any error nothing of it stays, and an error of SQLite becomes JournalFailed."""
        try:
            self._connection.execute("begin immediate")
            yield
            self._connection.execute("commit")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            if isinstance(error, sqlite3.Error):
                raise JournalFailed(str(error)) from error
            raise


def _head_as_bytes(head: Head) -> bytes:
    return head.seq.to_bytes(8, "big") + head.hash
