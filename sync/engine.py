"""Drives a journal against a transport: cut a batch, send it, believe only a signed receipt. Clock and randomness are
handed in.

The one rule behind everything here: nothing unsigned, nothing under another root, and no HTTP status ever deletes or
marks an entry. A failed round changes nothing but the time of the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from sync.batch import ENTRIES_LIMIT, Batch, write_batch
from sync.codec import WireError
from sync.entry import SAMPLE_WITHIN_MS, Clock, read_heading
from sync.envelope import ENTRY, MANIFEST, RECEIPT, take_apart
from sync.head import Head
from sync.keys import Instance, KeyList, read_key_list
from sync.manifest import Manifest, is_newer, read_manifest
from sync.receipt import Receipt, Status, read_receipt
from sync.room import MOST_BYTES, TOO_LARGE_STATUS, Room, after_receipt, after_refusal

FIRST_RETRY_SECONDS = 5.0
LONGEST_RETRY_SECONDS = 900.0
LONGEST_RETRY_PACES = 10
"""After an outage a kiosk comes within ten of the hub's own paces. Spread evenly over them, all kiosks together come at
a fifth of the rate that the hub asks for while all is well.
"""
LONGEST_PACE_SECONDS = 3_600
BATCH_ENTRIES_DEFAULT = 500
NO_INSTANCE = Instance(0, bytes(8))
"""Less than every real one: what a kiosk knows before its first receipt."""


class HubUnreachable(Exception):  # it is weather
    """No usable answer came: no network, a time-out, an error page, a captive portal. Weather, not a fault; the entries
    stay. `status` is the answer's HTTP status, where there was an answer; `retry_after_seconds` what it asks for.
    """

    def __init__(self, reason: str, status: int | None = None, retry_after_seconds: int = 0) -> None:
        super().__init__(reason)
        self.status = status
        self.retry_after_seconds = retry_after_seconds


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
    """What a kiosk has learnt from receipts. `cursor_seq` is the last entry known to have arrived, `beyond` are the
    runs that have arrived after a hole.
    """

    instance: Instance = NO_INSTANCE
    number: int = 0
    status: Status = Status.OK
    cursor_seq: int = 0
    backed_up_seq: int = 0
    manifest_version: int = 0
    max_batch: int = BATCH_ENTRIES_DEFAULT
    next_after_seconds: int = 30
    refused: tuple[int, str] | None = None
    stopped: str = ""
    """Why this key signs nothing more: "" or one of `ahead of journal`, `foreign entry`. The journal still drains."""
    beyond: tuple[tuple[int, int], ...] = ()
    resent_seq: int = 0
    """Once stopped: the last entry sent again and answered, so that all runs get their turn although the hub names
    another branch's cursor. It does not say that they have arrived."""


class Journal(Protocol):
    """The part of a kiosk's journal the engine needs."""

    kiosk: bytes
    root_public_key: bytes

    def head(self) -> Head:
        """Return the last entry's number and hash."""

    def sign_head(self, question: bytes | None) -> bytes | None:
        """Return the head, signed together with a question; None where the key is gone."""

    def hash_at(self, seq: int) -> bytes | None:
        """Return the hash of an entry still kept (seq 0: the first entry's prev), else None."""

    def entries_from(self, first_seq: int, most: int, most_bytes: int) -> list[bytes]:
        """Return a run without a gap from `first_seq` (or the first one kept after it), within both bounds."""

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
        """Keep, durably and in one transaction, what a receipt has taught; `receipt` None: the last one stays."""

    def keep_key_list(self, encoded: bytes) -> None:
        """Keep a newer key list."""

    def manifest(self) -> bytes | None:
        """Return the manifest in effect."""

    def keep_manifest(self, encoded: bytes) -> None:
        """Keep a newer manifest; it takes effect with the next `opened`."""


class Asked(NamedTuple):
    """A batch that was sent, and the question in its head; None where the journal has no key left to ask with."""

    batch: Batch
    question: bytes | None


class Round(NamedTuple):
    """What one exchange came to. `sent` entries went out; `waiting` have not arrived; `trouble` says why the next one
    should wait longer; `sample` is a time sample, if the hub answered this very batch.

    `manifest_trouble` says what stood in the way of a newer key list or manifest; it slows nothing down. `room` is that
    of the next batch; `retry_after_seconds` is how long the hub asks to be left alone.
    """

    sent: int
    waiting: int
    trouble: str
    sample: Clock | None
    manifest_trouble: str = ""
    room: Room = Room()
    retry_after_seconds: int = 0


def exchange(
    journal: Journal,
    transport: Transport,
    monotonic_ms: Callable[[], int],
    question: bytes,
    room: Room = Room(),  # noqa: B008  # a value that nothing changes
) -> Round:
    """Send one batch and settle the receipt; fetch key list and manifest where the receipt names newer ones. Never
    raises HubUnreachable. `question` is 8 random bytes, others each time; `room` is what the round before left.
    """
    before = journal.uplink()
    batch = next_batch(journal, question=question, most_bytes=room.entries_bytes)
    sent_ms = monotonic_ms()
    try:
        answer = transport.post_batch(write_batch(batch))
        received_ms = monotonic_ms()
        receipt = settle_answer(journal, answer, transport.get_key_list, Asked(batch, question if batch.head else None))
    except HubUnreachable as weather:
        is_too_large = weather.status == TOO_LARGE_STATUS
        room = after_refusal(sum(map(len, batch.entries))) if is_too_large else room
        seconds = weather.retry_after_seconds
        return Round(len(batch.entries), waiting(journal), _weather(weather), None, "", room, seconds)
    if isinstance(receipt, str):
        return Round(len(batch.entries), waiting(journal), receipt, None, "", room)
    if receipt.status is Status.UNKNOWN:
        return Round(len(batch.entries), waiting(journal), "hub does not know this kiosk", None, "", room)
    # A receipt held back on the way would tell a wrong time; but it cannot repeat a question it has not heard.
    is_timely = receipt.question == question and received_ms - sent_ms <= SAMPLE_WITHIN_MS
    sample = Clock(receipt.hub_ms, sent_ms, received_ms) if is_timely else None
    trouble = _standstill(batch, before, journal.uplink())
    manifest_trouble, room = _catch_up(journal, transport, receipt), after_receipt(room)
    return Round(len(batch.entries), waiting(journal), trouble, sample, manifest_trouble, room)


def waiting(journal: Journal) -> int:
    """Return how many entries have not arrived yet."""
    return max(0, journal.head().seq - journal.uplink().cursor_seq)


def next_batch(
    journal: Journal, after_seq: int | None = None, question: bytes | None = None, most_bytes: int = MOST_BYTES
) -> Batch:
    """Cut the next batch: what comes after the cursor (or after `after_seq`), as far as it is still kept and has not
    arrived beyond a hole. `first_seq` is the first entry's own number. Without a question nobody waits for an
    answer. At least one entry goes, whatever `most_bytes` says.
    """
    uplink = journal.uplink()
    first_seq = (max(uplink.cursor_seq, uplink.resent_seq) if after_seq is None else after_seq) + 1
    first_seq, entries = _run_to_send(journal, uplink, first_seq, most_bytes)
    head, receipt = journal.sign_head(question), journal.last_receipt()
    return Batch(journal.kiosk, head, first_seq, receipt, tuple(entries), journal.certificate())


def settle_answer(
    journal: Journal, answer: bytes, get_key_list: Callable[[], bytes] | None, asked: Asked | None = None
) -> Receipt | str:
    """Believe `answer` if it is a receipt by a key and instance the root key stands behind, and keep what it teaches;
    else tell the trouble. `asked` is what it should answer, where that is known.

    A receipt under an unknown key or instance makes the kiosk ask once for a newer key list (`get_key_list` None: there
    is nobody to ask).
    """
    receipt = _read_trusted(journal, answer)
    if receipt in _CURABLE and get_key_list is not None and take_key_list(journal, get_key_list()):
        receipt = _read_trusted(journal, answer)
    if isinstance(receipt, str):
        return receipt
    if receipt.kiosk != journal.kiosk:
        return "receipt of another kiosk"
    answered_seq = _last_seq(asked.batch) if asked is not None and receipt.question == asked.question else 0
    own_hash = journal.hash_at(receipt.cursor.seq)
    settled = settle(journal.uplink(), receipt, journal.head(), own_hash, answered_seq)
    if isinstance(settled, str):
        return settled
    journal.keep_uplink(settled, None if receipt.status is Status.UNKNOWN else answer)
    return receipt


def settle(uplink: Uplink, receipt: Receipt, head: Head, own_hash: bytes | None, answered_seq: int = 0) -> Uplink | str:
    """Return what `receipt` teaches, or why it is ignored. Pure. `own_hash` is the journal's hash at the receipt's
    cursor, None if not kept; `answered_seq` the last entry of the batch it answers, 0 if unknown.

    Only a new instance may move the cursor back (docs/wire.cddl, restored hub), or a hole before it that was accepted
    and is no longer: then the hub says that it holds what lies beyond. A cursor that is not ours stops the key for
    ever, and the journal is sent again from its beginning.
    """
    if receipt.status is Status.UNKNOWN:
        return replace(uplink, status=receipt.status)
    if (receipt.instance, receipt.number) <= (uplink.instance, uplink.number):
        return "older receipt"
    learnt = _learn(uplink, receipt)
    foreign = _foreign(receipt.cursor, head, own_hash)
    is_same_instance = receipt.instance == uplink.instance
    if foreign and uplink.stopped and is_same_instance:
        return replace(learnt, resent_seq=max(uplink.resent_seq, answered_seq))
    if foreign:
        return replace(learnt, cursor_seq=0, resent_seq=0, stopped=uplink.stopped or foreign)
    past_seq = _got_past(uplink, receipt, answered_seq)
    if is_same_instance and receipt.cursor.seq < uplink.cursor_seq and not _holds_beyond(receipt, uplink.cursor_seq):
        return replace(learnt, resent_seq=past_seq) if past_seq else "cursor went back"
    return replace(learnt, cursor_seq=receipt.cursor.seq, resent_seq=past_seq)


def _got_past(uplink: Uplink, receipt: Receipt, answered_seq: int) -> int:
    """Return up to which entry a kiosk that is stopped has sent, although its cursor does not go on: of a card that was
    copied the hub keeps what comes behind a gap in the journal, and cannot tell of which branch it is.
    """
    stands = receipt.instance == uplink.instance and receipt.cursor.seq <= uplink.cursor_seq
    if receipt.status not in {Status.FENCED, Status.REVOKED} or not stands or receipt.refused is not None:
        return 0
    return max(uplink.resent_seq, answered_seq)


def _holds_beyond(receipt: Receipt, seq: int) -> bool:
    """Tell whether the hub says that an entry has arrived, but after a hole."""
    return any(first <= seq <= last for first, last in receipt.beyond)


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
    """Return how long to wait: the hub's own pace ± 10 % after a success, else exponential with full jitter, at most
    ten paces or 15 minutes.

    The pace is taken as 1 second to 1 hour, whatever the hub says. `random_fraction` in [0, 1) is handed in. Jitter
    keeps a region that comes back from an outage from calling all at once.
    """
    pace_seconds = min(max(next_after_seconds, 1), LONGEST_PACE_SECONDS)
    if failures == 0:
        return pace_seconds * (0.9 + 0.2 * random_fraction)
    longest = min(LONGEST_RETRY_SECONDS, LONGEST_RETRY_PACES * pace_seconds)
    ceiling = min(longest, FIRST_RETRY_SECONDS * 2.0 ** min(failures - 1, 10))
    return max(1.0, ceiling * random_fraction)


_REFUSED = "receipt refused: "
_CURABLE = frozenset({_REFUSED + "kid", _REFUSED + "instance"})
"""What a newer key list may change."""


def _read_trusted(journal: Journal, answer: bytes) -> Receipt | str:
    keys = _key_list(journal)
    try:
        receipt = read_receipt(answer, keys.verifying(RECEIPT))
    except WireError as error:
        return _REFUSED + error.reason
    return receipt if receipt.instance in keys.instances else _REFUSED + "instance"


def _learn(uplink: Uplink, receipt: Receipt) -> Uplink:
    """Return everything a believed receipt teaches but the cursor."""
    return replace(
        uplink,
        instance=receipt.instance,
        number=receipt.number,
        status=receipt.status,
        backed_up_seq=receipt.backed_up_seq,
        manifest_version=receipt.manifest_version,
        max_batch=receipt.max_batch,
        next_after_seconds=receipt.next_after_seconds,
        refused=receipt.refused,
        beyond=receipt.beyond,
    )


def _foreign(cursor: Head, head: Head, own_hash: bytes | None) -> str:
    """Tell why `cursor` cannot be on this journal's branch, or ""."""
    if cursor.seq > head.seq:
        return "ahead of journal"
    return "foreign entry" if own_hash is not None and own_hash != cursor.hash else ""


def _run_to_send(journal: Journal, uplink: Uplink, first_seq: int, most_bytes: int) -> tuple[int, list[bytes]]:
    """Return the next run and its first number, stepping over what need not go out this time."""
    most = min(max(1, uplink.max_batch), ENTRIES_LIMIT)
    while True:
        first_seq = max(first_seq, journal.first_kept_seq())
        entries = journal.entries_from(first_seq, most, most_bytes)
        first_seq = _seq_of_first(journal, entries, first_seq)
        last_seq = next((last for first, last in _stepped_over(uplink) if first <= first_seq <= last), None)
        if last_seq is None:
            return first_seq, entries
        first_seq = last_seq + 1


def _stepped_over(uplink: Uplink) -> tuple[tuple[int, int], ...]:
    """Return the runs that have arrived beyond a hole, and the entry just refused, so that it does not block the next
    ones; its turn comes again with the batch after. Not once the hub speaks of another branch.
    """
    if uplink.stopped:
        return ()
    return uplink.beyond if uplink.refused is None else (*uplink.beyond, (uplink.refused[0], uplink.refused[0]))


def _seq_of_first(journal: Journal, entries: list[bytes], wanted_seq: int) -> int:
    """Return the number of the first entry, which is a later one than wanted where the journal has a hole."""
    if not entries or journal.hash_at(wanted_seq) is not None:
        return wanted_seq
    try:
        return max(wanted_seq, read_heading(take_apart(ENTRY, entries[0]).payload).seq)
    except WireError:  # a damaged entry: the hub names it
        return wanted_seq


def _last_seq(batch: Batch) -> int:
    return batch.first_seq + len(batch.entries) - 1


def _standstill(batch: Batch, before: Uplink, after: Uplink) -> str:
    """Tell why nothing got further although entries were sent and a receipt was believed, or ""."""
    has_moved = (
        after.instance != before.instance
        or after.cursor_seq > before.cursor_seq
        or after.resent_seq > before.resent_seq
        or after.beyond != before.beyond
        or after.stopped != before.stopped
    )
    if has_moved or not batch.entries:
        return ""
    return f"refused: {after.refused[1]}" if after.refused else "nothing arrived"


def _catch_up(journal: Journal, transport: Transport, receipt: Receipt) -> str:
    """Fetch the key list and the manifest that `receipt` names as newer; return what stood in the way or ""."""
    try:
        if receipt.key_list_version > _key_list(journal).version:
            take_key_list(journal, transport.get_key_list())
        if not _names_newer_manifest(journal, receipt):
            return ""
        offered = transport.get_manifest()
        trouble = take_manifest(journal, offered)
        if trouble and take_key_list(journal, transport.get_key_list()):
            trouble = take_manifest(journal, offered)
    except HubUnreachable as weather:
        return _weather(weather)
    return trouble


def _names_newer_manifest(journal: Journal, receipt: Receipt) -> bool:
    known = _manifest(journal, _key_list(journal))
    wanted = (receipt.instance, receipt.manifest_version)
    return receipt.manifest_version > 0 and (known is None or (known.instance, known.version) < wanted)


def _weather(weather: HubUnreachable) -> str:
    return str(weather) or "unreachable"


def _key_list(journal: Journal) -> KeyList:
    return read_key_list(journal.key_list(), journal.root_public_key)


def _manifest(journal: Journal, keys: KeyList) -> Manifest | None:
    """Return the manifest in effect, or None where its key has been withdrawn since: any other one is newer then."""
    encoded = journal.manifest()
    try:
        return None if encoded is None else read_manifest(encoded, keys.verifying(MANIFEST))
    except WireError:
        return None
