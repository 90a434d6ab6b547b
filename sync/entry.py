"""Entries: the signed, numbered, chained records of a kiosk's journal. Their bytes are kept and sent exactly as they
were signed.

Reading is in two steps, because arrival and judgement are separate: `read_heading` takes the four items that are frozen
for all versions, `read_entry` understands the rest. An entry that has a heading but is not understood still arrives,
and waits for newer software.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple, TypeAlias

import cbor2
import msgspec
from msgspec.structs import astuple

from sync.certificate import kiosk_identity
from sync.codec import (
    INTEGER_LIMIT,
    MOMENT_LIMIT,
    MONOTONIC_LIMIT,
    Value,
    WireError,
    decode,
    encode,
    want_array,
    want_bytes,
    want_int,
    want_moment,
    want_text,
    want_version,
)
from sync.envelope import ENTRY, SigningKey, is_signed_by, seal, take_apart
from sync.keys import Instance, read_instance
from sync.manifest import ID_LIMIT
from sync.member import NUMBER_LIMIT
from sync.pattern import integers
from sync.rules import POINTS_LIMIT, QUANTITY_LIMIT
from sync.token import DAY_LIMIT, ISSUE_LIMIT

LENGTH_LIMIT = 1_024
DEPTH_LIMIT = 4
PARTS_LIMIT = 64
"""Of an entry's arrays together; a grant has 23."""
TEXT_LIMIT = 200


class Trust(IntEnum):
    """How far the wall clock in a stamp may be believed."""

    NONE = 0
    CONFIRMED = 1
    """A volunteer confirmed date and time at the start."""
    HUB = 2
    """The hub has told the time in this boot."""


class Read(IntEnum):
    """How the member was read."""

    CODE = 0
    TYPED = 1
    """A typed number: nothing signed stands behind it."""


class Shown(IntEnum):
    """What the screen said."""

    RECEIVED = 1
    RECORDED = 2
    """Recorded, points later: the kiosk's share was used up."""


class Stamp(msgspec.Struct, frozen=True, gc=False):
    """When, as far as the kiosk can tell. `boot` is 16 bytes that change at every start of the machine.

    Stamp, Grant and Entry are no named tuples, because the hub makes thousands in a go: these are made in half the
    time, and the collector of reference cycles, which would find none, does not look at them.
    """

    wall_ms: int
    boot: bytes
    monotonic_ms: int
    trust: int


class Opened(NamedTuple):
    """The journal was opened by `software`, under a manifest (instance, version) or none; `confirmed_ms` is what a
    volunteer confirmed.
    """

    software: str
    manifest: tuple[Instance, int] | None
    confirmed_ms: int | None


SAMPLE_WITHIN_MS = 10_000
"""How long an answer may take and still tell the time (docs/time.md): a kiosk drops a slower one, a hub too."""


class Clock(NamedTuple):
    """A time sample: the hub's time in a receipt, and the monotonic clock before sending and after receiving."""

    hub_ms: int
    sent_ms: int
    received_ms: int


class Grant(msgspec.Struct, frozen=True, gc=False):
    """Points for a member. `kid` and `expiry_day` come from the token and are None where the number was typed."""

    event: int
    activity: int
    occasion: int
    member: int
    issue: int
    how: int
    kid: bytes | None
    expiry_day: int | None
    points: int
    quantity: int
    operator: int
    shown: int


class Void(NamedTuple):
    """The grant with number `seq`, earlier on the same branch, was a mistake."""

    seq: int
    reason: str


class DayEnd(NamedTuple):
    """Totals over the whole journal up to here: grants and their points, voids and the points they took back."""

    grants: int
    points: int
    voids: int
    voided_points: int


Body: TypeAlias = Opened | Clock | Grant | Void | DayEnd
KIND_OF = {Opened: "opened", Clock: "clock", Grant: "grant", Void: "void", DayEnd: "day_end"}


class Heading(NamedTuple):
    """The first four items of a payload, frozen in place and type for all versions."""

    version: int
    kiosk: bytes
    seq: int
    prev: bytes


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An entry that is understood."""

    kiosk: bytes
    seq: int
    prev: bytes
    body: Body
    stamp: Stamp


class SignedEntry(NamedTuple):
    """An entry as it is stored and sent, and its hash."""

    encoded: bytes
    hash: bytes


def hash_of(encoded: bytes) -> bytes:
    """Return hash(entry): SHA-256 of the whole envelope."""
    return hashlib.sha256(encoded).digest()


def first_prev(kiosk_public_key: bytes) -> bytes:
    """Return what entry 1 is chained to: SHA-256 of the kiosk's public key."""
    return hashlib.sha256(kiosk_public_key).digest()


def sign_entry(key: SigningKey, seq: int, prev: bytes, body: Body, stamp: Stamp) -> SignedEntry:
    """Return the entry, encoded, checked by reading it back, signed, and its signature verified before anybody relies
    on it.

    Raises WireError where the values do not fit the wire; nothing is signed then.
    """
    kind = KIND_OF[type(body)]
    payload = encode((1, kiosk_identity(key.public), seq, prev, kind, _body_as_value(body), astuple(stamp)))
    read_entry(payload)
    encoded = seal(ENTRY, key, payload)
    if len(encoded) > LENGTH_LIMIT:
        raise WireError("length")
    if not is_signed_by(key.public, ENTRY, take_apart(ENTRY, encoded)):
        raise WireError("signature")
    return SignedEntry(encoded, hash_of(encoded))


def read_signed_grant(encoded: bytes) -> Entry | None:
    """Return the entry in an envelope if it is a grant in its one encoding, else None; the signature is not looked at.

    A quick way past `take_apart` and `read_entry` for the kind that comes by the thousand; whatever it declines, those
    two explain.
    """
    if _SIGNED_GRANT.fullmatch(encoded) is None or encoded[_LENGTH_AT] != len(encoded) - _FRAME_LENGTH:
        return None
    return _entry_of_grant(encoded[_LENGTH_AT + 1 : -_AFTER_PAYLOAD])


def read_heading(payload: bytes) -> Heading:
    """Return the four frozen items, whatever follows them. Raises WireError("heading") unless they stand in shortest
    form.

    Reads byte by byte instead of decoding, because the rest of the payload may be anything.
    """
    start = _after_array_head(payload)
    version, start = _take_int(payload, start)
    kiosk, start = _take(payload, start, b"\x48", 8)
    seq, start = _take_int(payload, start)
    prev, start = _take(payload, start, b"\x58\x20", 32)
    return Heading(version, kiosk, seq, prev)


def read_entry(payload: bytes) -> Entry:
    """Return the entry in `payload`. Raises WireError("encoding" | "type" | "version" | "kind" | "value") if it is not
    understood.
    """
    if _GRANT.fullmatch(payload):
        return _entry_of_grant(payload)
    version, kiosk, seq, prev, kind, body, stamp = want_array(decode(payload, DEPTH_LIMIT, PARTS_LIMIT), 7)
    want_version(version)
    if type(seq) is not int or seq == 0:
        raise WireError("value")
    reader = _READERS.get(kind) if type(kind) is str else None
    if reader is None:
        raise WireError("kind")
    return Entry(want_bytes(kiosk, 8), seq, want_bytes(prev, 32), reader(body), _read_stamp(stamp))


_NUMBER, _NUMBER_FROM_1 = integers(0, ID_LIMIT), integers(1, ID_LIMIT)
_GRANT_LAYOUT = b"".join(
    (
        # [1, kiosk, seq, prev, "grant",
        rb"\x87\x01\x48.{8}" + integers(1, INTEGER_LIMIT) + rb"\x58\x20.{32}\x65grant",
        # [event, activity, occasion, member, issue, how, kid, expiry,
        rb"\x8c" + _NUMBER_FROM_1 * 2 + _NUMBER + integers(1, NUMBER_LIMIT) + integers(0, ISSUE_LIMIT),
        rb"(?:\x00\x44.{4}" + integers(0, DAY_LIMIT) + rb"|\x01\xf6\xf6)",
        # points, quantity, operator, shown],
        integers(1, POINTS_LIMIT) + integers(1, QUANTITY_LIMIT) + _NUMBER + rb"[\x01\x02]",
        # [wall, boot, monotonic, trust]]
        rb"\x84" + integers(0, MOMENT_LIMIT) + rb"\x50.{16}" + integers(0, MONOTONIC_LIMIT) + rb"[\x00-\x02]",
    )
)
"""Every grant that `_read_grant` and `_read_stamp` would accept, and nothing else, in its one encoding. It spares the
hub to encode each grant again only to compare, and to look at each number: 3 of 7 µs.
"""

_GRANT = re.compile(_GRANT_LAYOUT, re.DOTALL)
_SIGNED_GRANT = re.compile(re.escape(ENTRY.head) + rb".{8}\xa0\x58." + _GRANT_LAYOUT + rb"\x58\x40.{64}", re.DOTALL)
_LENGTH_AT = len(ENTRY.head) + 8 + 2
_AFTER_PAYLOAD = 2 + 64
_FRAME_LENGTH = _LENGTH_AT + 1 + _AFTER_PAYLOAD


def _entry_of_grant(payload: bytes) -> Entry:
    """Return the entry in a payload that the pattern has matched."""
    _, kiosk, seq, prev, _, body, stamp = cbor2.loads(payload)
    return Entry(kiosk, seq, prev, Grant(*body), Stamp(*stamp))


def _read_grant(value: Value) -> Grant:
    event, activity, occasion, member, issue, how, kid, expiry_day, *rest = want_array(value, 12)
    grant = Grant(
        want_int(event),
        want_int(activity),
        want_int(occasion),
        want_int(member),
        want_int(issue),
        want_int(how),
        None if kid is None else want_bytes(kid, 4),
        None if expiry_day is None else want_int(expiry_day),
        *map(want_int, rest),
    )
    if not (
        0 < grant.event < ID_LIMIT
        and 0 < grant.activity < ID_LIMIT
        and grant.occasion < ID_LIMIT
        and 0 < grant.member < NUMBER_LIMIT
        and grant.issue < ISSUE_LIMIT
        and grant.how <= Read.TYPED
        and (grant.kid is None) == (grant.how == Read.TYPED) == (grant.expiry_day is None)
        and (grant.expiry_day is None or grant.expiry_day < DAY_LIMIT)
        and 0 < grant.points < POINTS_LIMIT
        and 0 < grant.quantity < QUANTITY_LIMIT
        and grant.operator < ID_LIMIT
        and 0 < grant.shown <= Shown.RECORDED
    ):
        raise WireError("value")
    return grant


def _read_stamp(value: Value) -> Stamp:
    wall_ms, boot, monotonic_ms, trust = want_array(value, 4)
    return Stamp(
        want_moment(wall_ms),
        want_bytes(boot, 16),
        want_int(monotonic_ms, MONOTONIC_LIMIT),
        want_int(trust, Trust.HUB + 1),
    )


def _read_opened(value: Value) -> Opened:
    software, manifest, confirmed_ms = want_array(value, 3)
    named = None
    if manifest is not None:
        instance, version = want_array(manifest, 2)
        named = (read_instance(instance), want_int(version))
    return Opened(want_text(software, 64), named, None if confirmed_ms is None else want_moment(confirmed_ms))


def _read_clock(value: Value) -> Clock:
    hub_ms, sent_ms, received_ms = want_array(value, 3)
    clock = Clock(want_moment(hub_ms), want_int(sent_ms, MONOTONIC_LIMIT), want_int(received_ms, MONOTONIC_LIMIT))
    if clock.sent_ms > clock.received_ms:
        raise WireError("value")
    return clock


def _read_void(value: Value) -> Void:
    seq, reason = want_array(value, 2)
    return Void(want_int(seq), want_text(reason, TEXT_LIMIT))


def _read_day_end(value: Value) -> DayEnd:
    grants, points, voids, voided_points = want_array(value, 4)
    return DayEnd(want_int(grants), want_int(points), want_int(voids), want_int(voided_points))


_READERS: dict[str, Callable[[Value], Body]] = {
    "grant": _read_grant,
    "opened": _read_opened,
    "clock": _read_clock,
    "void": _read_void,
    "day_end": _read_day_end,
}


def _body_as_value(body: Body) -> Value:
    if isinstance(body, Opened) and body.manifest is not None:
        instance, version = body.manifest
        return (body.software, (instance.as_value(), version), body.confirmed_ms)
    return astuple(body) if isinstance(body, Grant) else tuple(body)  # these hold plain values only


def _after_array_head(payload: bytes) -> int:
    first = payload[0] if payload else 0
    if 0x84 <= first <= 0x97:  # noqa: PLR2004  # an array of 4 … 23 items (RFC 8949 §3)
        return 1
    if first == 0x98 and len(payload) > 1 and payload[1] >= 24:  # noqa: PLR2004  # of 24 … 255
        return 2
    raise WireError("heading")


def _take(payload: bytes, start: int, head: bytes, length: int) -> tuple[bytes, int]:
    end = start + len(head) + length
    if payload[start : start + len(head)] != head or len(payload) < end:
        raise WireError("heading")
    return payload[start + len(head) : end], end


def _take_int(payload: bytes, start: int) -> tuple[int, int]:
    """Return the unsigned integer at `start` and where it ends; shortest form only (RFC 8949 §4.2.1)."""
    first = payload[start] if start < len(payload) else 0xFF
    if first < 24:  # noqa: PLR2004  # the number itself (RFC 8949 §3)
        return first, start + 1
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(first, 0)
    end = start + 1 + size
    number = int.from_bytes(payload[start + 1 : end], "big")
    smallest = {1: 24, 2: 2**8, 4: 2**16, 8: 2**32}.get(size, INTEGER_LIMIT)
    if len(payload) < end or not smallest <= number < INTEGER_LIMIT:
        raise WireError("heading")
    return number, end
