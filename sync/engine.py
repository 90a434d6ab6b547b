"""Drives a journal against a transport: cut a batch, send it, believe only a signed receipt. Clock and randomness are
handed in.

The one rule behind everything here: nothing unsigned, nothing under another root, and no HTTP status ever deletes or
marks an entry. A failed round changes nothing but the time of the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from sync.batch import FRAME_LENGTH, LENGTH_LIMIT, Batch, Head, write_batch
from sync.codec import WireError
from sync.entry import Clock
from sync.envelope import MANIFEST, RECEIPT
from sync.keys import Instance, KeyList, read_key_list
from sync.manifest import Manifest, is_newer, read_manifest
from sync.receipt import Receipt, Status, read_receipt

FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 900.0
BATCH_ENTRIES_DEFAULT = 500
NO_INSTANCE = Instance(0, bytes(8))
"""Less than every real one: what a kiosk knows before its first receipt."""


class HubUnreachable(Exception):  # noqa: N818  # it is weather
    """No usable answer came: no network, a time-out, an error page, a captive portal. Weather, not a fault; the entries
    stay.
    """


class Transport(Protocol):
    """Carries bytes to a hub and back. Every method raises HubUnreachable where no usable answer comes."""

    def post_batch(self, encoded: bytes) -> bytes:
        """Return the hub's receipt for a batch."""

    def get_key_list(self) -> bytes:
        """Return the hub's newest key list."""

    def get_manifest(self) -> bytes:
        """Return the newest manifest signed for this kiosk."""


@dataclass(frozen=True)
class Uplink:
    """What a kiosk has learnt from receipts. `cursor_seq` is the last entry known to have arrived."""

    instance: Instance = NO_INSTANCE
    number: int = 0
    status: Status = Status.OK
    cursor_seq: int = 0
    backed_up_seq: int = 0
    manifest_version: int = 0
    max_batch: int = BATCH_ENTRIES_DEFAULT
    next_after_seconds: int = 30
    refused: tuple[int, str] | None = None
    wants_certificate: bool = False
    stopped: str = ""
    """Why this key signs nothing more: "" or one of `ahead of journal`, `foreign entry`. The journal still drains."""


class Journal(Protocol):
    """The part of a kiosk's journal the engine needs."""

    kiosk: bytes
    root_public_key: bytes

    def head(self) -> Head:
        """Return the last entry's number and hash."""

    def hash_at(self, seq: int) -> bytes | None:
        """Return the hash of an entry still kept (seq 0: the first entry's prev), else None."""

    def entries_from(self, first_seq: int, most: int, most_bytes: int) -> list[bytes]:
        """Return a run of entries from `first_seq` (or the first one still kept), within both bounds."""

    def first_kept_seq(self) -> int:
        """Return the number of the oldest entry still kept."""

    def uplink(self) -> Uplink:
        """Return what is known of the hub."""

    def last_receipt(self) -> bytes | None:
        """Return the last receipt that was believed."""

    def certificate(self) -> bytes | None:
        """Return this kiosk's certificate."""

    def key_list(self) -> bytes:
        """Return the newest key list."""

    def keep_uplink(self, uplink: Uplink, receipt: bytes | None) -> None:
        """Keep, durably and in one transaction, what a receipt has taught."""

    def keep_key_list(self, encoded: bytes) -> None:
        """Keep a newer key list."""

    def manifest(self) -> bytes | None:
        """Return the manifest in effect."""

    def keep_manifest(self, encoded: bytes) -> None:
        """Keep a newer manifest; it takes effect with the next `opened`."""


class Round(NamedTuple):
    """What one exchange came to. `sent` entries went out; `waiting` have not arrived; `sample` is a time sample if it
    was online.
    """

    sent: int
    waiting: int
    trouble: str
    sample: Clock | None


def exchange(journal: Journal, transport: Transport, monotonic_ms: Callable[[], int]) -> Round:
    """Send one batch and settle the receipt; fetch key list and manifest where the receipt names newer ones. Never
    raises HubUnreachable.
    """
    batch = next_batch(journal)
    sent_ms = monotonic_ms()
    try:
        answer = transport.post_batch(write_batch(batch))
        received_ms = monotonic_ms()
        receipt = settle_answer(journal, answer, transport.get_key_list)
        if isinstance(receipt, str):
            return Round(len(batch.entries), waiting(journal), receipt, None)
        trouble = _fetch_manifest(journal, transport, receipt)
    except HubUnreachable as weather:
        return Round(len(batch.entries), waiting(journal), str(weather) or "unreachable", None)
    return Round(len(batch.entries), waiting(journal), trouble, Clock(receipt.hub_ms, sent_ms, received_ms))


def waiting(journal: Journal) -> int:
    """Return how many entries have not arrived yet."""
    return max(0, journal.head().seq - journal.uplink().cursor_seq)


def next_batch(journal: Journal, after_seq: int | None = None) -> Batch:
    """Cut the next batch: what comes after the cursor (or after `after_seq`), as far as it is still kept."""
    uplink = journal.uplink()
    first_seq = max((uplink.cursor_seq if after_seq is None else after_seq) + 1, journal.first_kept_seq())
    entries = journal.entries_from(first_seq, max(1, uplink.max_batch), LENGTH_LIMIT - FRAME_LENGTH)
    certificate = journal.certificate() if first_seq == 1 or uplink.wants_certificate else None
    return Batch(journal.kiosk, journal.head(), first_seq, journal.last_receipt(), tuple(entries), certificate)


def settle_answer(journal: Journal, answer: bytes, get_key_list: Callable[[], bytes] | None) -> Receipt | str:
    """Believe `answer` if it is a receipt by a key and instance the root key stands behind, and keep what it teaches;
    else tell the trouble.

    A receipt under an unknown key or instance makes the kiosk ask once for a newer key list (`get_key_list` None: there
    is nobody to ask).
    """
    receipt = _read_trusted(journal, answer)
    if isinstance(receipt, str) and get_key_list is not None and take_key_list(journal, get_key_list()):
        receipt = _read_trusted(journal, answer)
    if isinstance(receipt, str):
        return receipt
    if receipt.kiosk != journal.kiosk:
        return "receipt of another kiosk"
    settled = settle(journal.uplink(), receipt, journal.head(), journal.hash_at(receipt.cursor.seq))
    if isinstance(settled, str):
        return settled
    journal.keep_uplink(settled, None if receipt.status is Status.UNKNOWN else answer)
    return receipt


def settle(uplink: Uplink, receipt: Receipt, head: Head, own_hash: bytes | None) -> Uplink | str:
    """Return what `receipt` teaches, or why it is ignored. Pure. `own_hash` is the journal's hash at the receipt's
    cursor, None if not kept.

    Only a new instance may move the cursor back (DESIGN §4, restored hub); a hub that does not know the kiosk is shown
    the certificate.
    """
    if receipt.status is Status.UNKNOWN:
        return replace(uplink, wants_certificate=True)
    if (receipt.instance, receipt.number) <= (uplink.instance, uplink.number):
        return "older receipt"
    learnt = replace(
        uplink,
        instance=receipt.instance,
        number=receipt.number,
        status=receipt.status,
        backed_up_seq=receipt.backed_up_seq,
        manifest_version=receipt.manifest_version,
        max_batch=receipt.max_batch,
        next_after_seconds=receipt.next_after_seconds,
        refused=receipt.refused,
        wants_certificate=False,
    )
    if receipt.cursor.seq > head.seq:
        return replace(learnt, cursor_seq=0, stopped="ahead of journal")
    if own_hash is not None and own_hash != receipt.cursor.hash:
        return replace(learnt, cursor_seq=0, stopped="foreign entry")
    if receipt.instance == uplink.instance and receipt.cursor.seq < uplink.cursor_seq:
        return "cursor went back"
    return replace(learnt, cursor_seq=receipt.cursor.seq)


def take_key_list(journal: Journal, encoded: bytes) -> bool:
    """Keep `encoded` if the pinned root key signed it and its version is higher; tell whether it was kept."""
    try:
        offered = read_key_list(encoded, journal.root_public_key)
    except WireError:
        return False
    known = _key_list(journal)
    if offered.version <= known.version or offered.label != known.label:
        return False
    journal.keep_key_list(encoded)
    return True


def take_manifest(journal: Journal, encoded: bytes) -> str:
    """Keep `encoded` if it is a newer manifest for this kiosk under a trusted key and instance; return the trouble or
    "".
    """
    keys = _key_list(journal)
    try:
        offered = read_manifest(encoded, keys.verifying(MANIFEST))
    except WireError as error:
        return f"manifest refused: {error.reason}"
    if offered.kiosk != journal.kiosk or offered.instance not in keys.instances:
        return "manifest refused: not for this kiosk"
    if is_newer(offered, _manifest(journal, keys)):
        journal.keep_manifest(encoded)
    return ""


def wait_seconds(failures: int, next_after_seconds: int, random_fraction: float) -> float:
    """Return how long to wait: the hub's own pace ± 10 % after a success, else exponential with full jitter, at most 15
    minutes.

    `random_fraction` in [0, 1) is handed in. Jitter keeps a region that comes back from an outage from calling all at
    once.
    """
    if failures == 0:
        return next_after_seconds * (0.9 + 0.2 * random_fraction)
    ceiling = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, 10))
    return max(1.0, ceiling * random_fraction)


def _read_trusted(journal: Journal, answer: bytes) -> Receipt | str:
    keys = _key_list(journal)
    try:
        receipt = read_receipt(answer, keys.verifying(RECEIPT))
    except WireError as error:
        return f"receipt refused: {error.reason}"
    return receipt if receipt.instance in keys.instances else "receipt refused: instance"


def _fetch_manifest(journal: Journal, transport: Transport, receipt: Receipt) -> str:
    known = _manifest(journal, _key_list(journal))
    wanted = (receipt.instance, receipt.manifest_version)
    if receipt.manifest_version == 0 or (known is not None and (known.instance, known.version) >= wanted):
        return ""
    return take_manifest(journal, transport.get_manifest())


def _key_list(journal: Journal) -> KeyList:
    return read_key_list(journal.key_list(), journal.root_public_key)


def _manifest(journal: Journal, keys: KeyList) -> Manifest | None:
    encoded = journal.manifest()
    return None if encoded is None else read_manifest(encoded, keys.verifying(MANIFEST))
