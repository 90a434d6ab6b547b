"""A batch: a run of a kiosk's entries on the way to the hub, their bytes untouched. The same bytes travel by HTTP or as
a `.kpbatch` file.
"""

from __future__ import annotations

from typing import NamedTuple

from sync.codec import WireError, decode, encode, want_array, want_bytes, want_int, want_list, want_version

LENGTH_LIMIT = 4 * 2**20
CONTENT_TYPE = "application/vnd.kumapo.batch+cbor"
ENTRIES_LIMIT = 20_000
FRAME_LENGTH = 65_536
"""More than everything in a batch that is not an entry: up to 3 bytes before each of 20,000 entries, head and
certificate (under 200 each), last receipt (at most 2,048).
"""


class Batch(NamedTuple):
    """`head` is the journal's, signed (sync/head.py); None where the key is gone, as in a journal that was salvaged. No
    entries is legal: it asks for a receipt.
    """

    kiosk: bytes
    head: bytes | None
    first_seq: int
    last_receipt: bytes | None
    entries: tuple[bytes, ...]
    certificate: bytes | None


def write_batch(batch: Batch) -> bytes:
    """Return the batch as bytes."""
    return encode((1, *batch))


def read_batch(encoded: bytes) -> Batch:
    """Return the batch in `encoded`. Raises WireError("length" | "encoding" | "type" | "version" | "value"): it is
    refused whole.
    """
    if len(encoded) > LENGTH_LIMIT:
        raise WireError("length")
    version, kiosk, head, first_seq, last_receipt, entries, certificate = want_array(
        decode(encoded, depth=2, most_parts=2 * ENTRIES_LIMIT), 7
    )
    want_version(version)
    first = want_int(first_seq)
    if first == 0:
        raise WireError("value")
    return Batch(
        want_bytes(kiosk, 8),
        None if head is None else want_bytes(head),
        first,
        None if last_receipt is None else want_bytes(last_receipt),
        tuple(map(want_bytes, want_list(entries, ENTRIES_LIMIT))),
        None if certificate is None else want_bytes(certificate),
    )
