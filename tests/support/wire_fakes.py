"""A kiosk's journal and a hub in memory, for tests of what passes between them. Both are honest unless bent."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from wire_samples import (
    INSTANCE,
    KIOSK_KEY,
    MANIFEST_KEY,
    RECEIPT_KEY,
    RESTORED_INSTANCE,
    ROOT_KEY,
    Chain,
    certificate,
    chain_of,
    key_list,
    manifest,
    receipt,
    sample_key,
)

from sync.batch import Batch, read_batch
from sync.engine import HubUnreachable, Round, Uplink, exchange, waiting
from sync.entry import first_prev, hash_of, read_heading
from sync.envelope import ENTRY, SigningKey, take_apart
from sync.head import Head, read_signed_head, write_head
from sync.keys import Instance, OnlineKey
from sync.manifest import write_manifest
from sync.receipt import Status, write_receipt


@dataclass
class MemoryJournal:
    """What the engine needs of a journal. `missing` are entries that are no longer kept."""

    chain: Chain = field(default_factory=Chain)
    root_public_key: bytes = ROOT_KEY.public
    missing: set[int] = field(default_factory=set)
    known: Uplink = field(default_factory=Uplink)
    kept_receipt: bytes | None = None
    kept_key_list: bytes = field(default_factory=key_list)
    kept_manifest: bytes | None = None
    has_key: bool = True

    kiosk: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.kiosk = self.chain.kiosk

    def head(self) -> Head:
        return self.chain.head

    def sign_head(self, question: bytes | None) -> bytes | None:
        return write_head(self.chain.key, self.head(), question) if self.has_key else None

    def hash_at(self, seq: int) -> bytes | None:
        if seq == 0:
            return first_prev(self.chain.key.public)
        is_kept = seq <= len(self.chain.entries) and seq not in self.missing
        return self.chain.entries[seq - 1].hash if is_kept else None

    def entries_from(self, first_seq: int, most: int, most_bytes: int) -> list[bytes]:
        last_seq = len(self.chain.entries)
        seq = next((seq for seq in range(first_seq, last_seq + 1) if seq not in self.missing), last_seq + 1)
        run: list[bytes] = []
        while seq <= last_seq and seq not in self.missing and len(run) < most:
            run.append(self.chain.entries[seq - 1].encoded)
            seq += 1
        while sum(map(len, run)) > most_bytes:
            run.pop()
        return run

    def first_kept_seq(self) -> int:
        return next((seq for seq in range(1, len(self.chain.entries) + 1) if seq not in self.missing), 1)

    def uplink(self) -> Uplink:
        return self.known

    def last_receipt(self) -> bytes | None:
        return self.kept_receipt

    def certificate(self) -> bytes | None:
        return certificate(self.chain.key)

    def key_list(self) -> bytes:
        return self.kept_key_list

    def keep_uplink(self, uplink: Uplink, receipt: bytes | None) -> None:
        self.known = uplink
        self.kept_receipt = self.kept_receipt if receipt is None else receipt

    def keep_key_list(self, encoded: bytes) -> None:
        self.kept_key_list = encoded

    def manifest(self) -> bytes | None:
        return self.kept_manifest

    def keep_manifest(self, encoded: bytes) -> None:
        self.kept_manifest = encoded

    def everything(self) -> tuple[Any, ...]:
        """All that is kept, to be compared before and after a fault."""
        entries = [entry.encoded for entry in self.chain.entries]
        return entries, self.known, self.kept_receipt, self.kept_key_list, self.kept_manifest


@dataclass
class MemoryHub:
    """A hub that stores what is well formed, follows the branch a batch's head names, and signs receipts.

    `arrived` maps seq to the hashes stored there, each with its prev; the first is the main branch's. It trusts every
    signature: what may arrive is tested where it is decided, at the real hub.
    """

    instance: Instance = INSTANCE
    number: int = 0
    key: SigningKey = RECEIPT_KEY
    arrived: dict[int, dict[bytes, bytes]] = field(default_factory=dict)
    knows_the_kiosk: bool = True
    believes_certificates: bool = True
    status: Status = Status.OK
    max_batch: int = 500
    key_list: bytes = field(default_factory=key_list)
    manifest: bytes = field(default_factory=lambda: write_manifest(MANIFEST_KEY, manifest(0)))
    manifest_version: int = 0
    key_list_version: int = 0
    public_key: bytes = KIOSK_KEY.public
    batches: list[Batch] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def post_batch(self, encoded: bytes) -> bytes:
        batch = read_batch(encoded)
        self.batches.append(batch)
        self.asked.append("batch")
        self.number += 1
        if batch.certificate is not None and self.believes_certificates:
            self.knows_the_kiosk = True
        if not self.knows_the_kiosk:
            return self.answer(batch, status=Status.UNKNOWN, cursor=Head(0, bytes(32)))
        refused = self._store(batch)
        return self.answer(batch, refused=refused)

    def get_key_list(self) -> bytes:
        self.asked.append("key list")
        return self.key_list

    def get_manifest(self) -> bytes:
        self.asked.append("manifest")
        return self.manifest

    def answer(self, batch: Batch, **changes: Any) -> bytes:
        """Return the signed receipt for a batch; `changes` replaces single items."""
        signed = read_signed_head(batch.head, self.public_key) if batch.head is not None else None
        head = signed.head if signed is not None else None
        told: dict[str, Any] = {
            "kiosk": batch.kiosk,
            "number": self.number,
            "cursor": self.cursor(head or Head(0, b"")),
            "instance": self.instance,
            "status": self.status,
            "question": signed.question if signed is not None else None,
            "head": head,
            "beyond": self._beyond(),
            "max_batch": self.max_batch,
            "manifest_version": self.manifest_version,
            "key_list_version": self.key_list_version,
        }
        return write_receipt(self.key, receipt(Head(0, bytes(32)))._replace(**{**told, **changes}))

    def restore(self, backup: dict[int, dict[bytes, bytes]], instance: Instance, keys: bytes) -> None:
        """Go back to an earlier state under a new instance, as `hub restore` does."""
        self.arrived, self.instance, self.number, self.key_list = backup, instance, 0, keys

    def cursor(self, head: Head) -> Head:
        """Return the head, if it has arrived with all before it; else where the main branch ends."""
        seq, entry_hash = head
        while seq and entry_hash in self.arrived.get(seq, {}):
            seq, entry_hash = seq - 1, self.arrived[seq][entry_hash]
        if not seq and head.seq:
            return head
        main = Head(0, first_prev(self.public_key))
        while following := [each for each, prev in self.arrived.get(main.seq + 1, {}).items() if prev == main.hash]:
            main = Head(main.seq + 1, following[0])
        return main

    def _store(self, batch: Batch) -> tuple[int, str] | None:
        for seq, encoded in enumerate(batch.entries, batch.first_seq):
            try:
                heading = read_heading(take_apart(ENTRY, encoded).payload)
            except ValueError:
                return seq, "envelope"
            if heading.seq != seq:
                return seq, "order"
            self.arrived.setdefault(seq, {}).setdefault(hash_of(encoded), heading.prev)
        return None

    def _beyond(self) -> tuple[tuple[int, int], ...]:
        runs: list[tuple[int, int]] = []
        for seq in sorted(self.arrived):
            if runs and seq == runs[-1][1] + 1:
                runs[-1] = (runs[-1][0], seq)
            else:
                runs.append((seq, seq))
        return tuple(run for run in runs if run[0] > 1)


@dataclass
class Line:
    """A transport to a hub that a test may bend: each answer goes through `spoil` (or never comes)."""

    hub: MemoryHub
    spoil: Callable[[bytes], bytes] = lambda answer: answer
    is_cut: bool = False

    def post_batch(self, encoded: bytes) -> bytes:
        return self._carry(lambda: self.spoil(self.hub.post_batch(encoded)))

    def get_key_list(self) -> bytes:
        return self._carry(self.hub.get_key_list)

    def get_manifest(self) -> bytes:
        return self._carry(self.hub.get_manifest)

    def _carry(self, ask: Callable[[], bytes]) -> bytes:
        if self.is_cut:
            raise HubUnreachable("no network")
        return ask()


_QUESTIONS = itertools.count(1)


def a_question() -> bytes:
    """Return a question that was not asked before."""
    return next(_QUESTIONS).to_bytes(8, "big")


def no_time() -> int:
    """A monotonic clock that stands still."""
    return 0


STRANGER: Final = sample_key("another hub's receipts")
NEWER_KEYS: Final = key_list(2, INSTANCE, RESTORED_INSTANCE)


def kiosk_with(grants: int) -> MemoryJournal:
    """A journal with `opened` and so many grants, none of which has been sent."""
    return MemoryJournal(chain_of(grants))


def drain(journal: MemoryJournal, line: Line, most: int = 50) -> list[Round]:
    """Rounds until nothing waits any more."""
    rounds: list[Round] = []
    while waiting(journal) and len(rounds) < most:
        rounds.append(exchange(journal, line, no_time, a_question()))
    return rounds


def without(keys: tuple[OnlineKey, ...], *purposes: str) -> tuple[OnlineKey, ...]:
    return tuple(key for key in keys if key.purpose not in purposes)
