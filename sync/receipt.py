"""The receipt: the hub's signed word about what has arrived. It never speaks of verdicts, and nothing else ever marks
an entry as arrived.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

from sync.codec import (
    Value,
    WireError,
    decode,
    encode,
    want_array,
    want_bytes,
    want_int,
    want_list,
    want_moment,
    want_text,
    want_version,
)
from sync.envelope import RECEIPT, SigningKey, is_signed_by, seal, take_apart
from sync.head import Head, read_head, read_question
from sync.keys import Instance, read_instance

BEYOND_LIMIT = 16
LENGTH_LIMIT = 2_048


class Status(Enum):
    """How the hub stands to a kiosk. A kiosk drains under every status but `unknown`: that hub never let it in."""

    OK = "ok"
    FENCED = "fenced"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


class Receipt(NamedTuple):
    """`question` and `head` echo the batch's head (None where it had none); `cursor` is the last arrived entry on that
    branch; `beyond` names the runs that arrived after a hole.

    `refused` explains the first entry that could not arrive; it never deletes or marks one. `backed_up_seq` is the last
    entry that a backup of the hub holds. `manifest_version` is the newest one signed for this kiosk, `key_list_version`
    the newest key list; 0 where the hub does not tell. `checkpoint` is reserved: nobody looks into it yet.
    """

    kiosk: bytes
    instance: Instance
    number: int
    status: Status
    question: bytes | None
    head: Head | None
    cursor: Head
    beyond: tuple[tuple[int, int], ...]
    refused: tuple[int, str] | None
    backed_up_seq: int
    hub_ms: int
    next_after_seconds: int
    max_batch: int
    manifest_version: int
    key_list_version: int = 0
    checkpoint: bytes | None = None


def write_receipt(key: SigningKey, receipt: Receipt) -> bytes:
    """Return the receipt, signed by the hub's `receipt` key."""
    payload = (
        1,
        receipt.kiosk,
        receipt.instance.as_value(),
        receipt.number,
        receipt.status.value,
        receipt.question,
        receipt.head,
        receipt.cursor,
        tuple(sorted(receipt.beyond)[:BEYOND_LIMIT]),
        receipt.refused,
        receipt.backed_up_seq,
        receipt.hub_ms,
        receipt.checkpoint,
        *receipt[11:15],
    )
    return seal(RECEIPT, key, encode(payload))


def read_receipt(encoded: bytes, receipt_keys: Mapping[bytes, bytes]) -> Receipt:
    """Return the receipt in `encoded`, checked against the hub's receipt keys {kid: public key}.

    Raises WireError with "length", "envelope", "kid", "signature", "encoding", "type", "version" or "value".
    """
    if len(encoded) > LENGTH_LIMIT:
        raise WireError("length")
    envelope = take_apart(RECEIPT, encoded)
    hub_key = receipt_keys.get(envelope.kid)
    if hub_key is None:
        raise WireError("kid")
    if not is_signed_by(hub_key, RECEIPT, envelope):
        raise WireError("signature")
    return _read_payload(envelope.payload)


def _read_payload(payload: bytes) -> Receipt:
    (
        version,
        kiosk,
        instance,
        number,
        status,
        question,
        head,
        cursor,
        beyond,
        refused,
        backed_up_seq,
        hub_ms,
        checkpoint,
        next_after_seconds,
        max_batch,
        manifest_version,
        key_list_version,
    ) = want_array(decode(payload, depth=3), 17)
    want_version(version)
    return Receipt(
        want_bytes(kiosk, 8),
        read_instance(instance),
        want_int(number),
        _read_status(status),
        read_question(question),
        None if head is None else read_head(head),
        read_head(cursor),
        _read_beyond(beyond),
        _read_refused(refused),
        want_int(backed_up_seq),
        want_moment(hub_ms),
        want_int(next_after_seconds),
        want_int(max_batch),
        want_int(manifest_version),
        want_int(key_list_version),
        None if checkpoint is None else want_bytes(checkpoint),
    )


def _read_status(value: Value) -> Status:
    word = want_text(value, 16)
    if word not in {status.value for status in Status}:
        raise WireError("value")
    return Status(word)


def _read_beyond(value: Value) -> tuple[tuple[int, int], ...]:
    runs = tuple(_read_run(run) for run in want_list(value, BEYOND_LIMIT))
    if any(later[0] <= earlier[1] for earlier, later in pairwise(runs)):
        raise WireError("value")
    return runs


def _read_run(value: Value) -> tuple[int, int]:
    first, last = want_array(value, 2)
    if want_int(first) > want_int(last):
        raise WireError("value")
    return want_int(first), want_int(last)


def _read_refused(value: Value) -> tuple[int, str] | None:
    if value is None:
        return None
    seq, reason = want_array(value, 2)
    return want_int(seq), want_text(reason, 64)
