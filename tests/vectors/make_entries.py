"""The vectors of tests/vectors/entries.json: each kind of entry, what only arrives, and what does not even arrive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cbor2
from msgspec.structs import asdict, astuple
from wire_samples import (
    BOOT,
    INSTANCE,
    KIOSK_ID,
    KIOSK_KEY,
    MORNING_MS,
    OTHER_KIOSK_KEY,
    day_end,
    grant,
    opened,
    stamp,
    typed_grant,
)

from sync.entry import Body, Clock, DayEnd, Entry, Grant, Heading, Opened, Stamp, Void, first_prev, sign_entry
from sync.envelope import ENTRY, RECEIPT
from sync.keys import Instance
from tests.vectors.crafting import (
    Vector,
    aad_of,
    as_json,
    by_hand,
    by_pycose,
    exchanged,
    flipped,
    good,
    malleable,
    refused,
    signed_content,
)

FIRST = first_prev(KIOSK_KEY.public)
PREV = bytes(range(32))
STAMP = [MORNING_MS + 60_000, BOOT, 660_000, 1]
"""stamp(1) as a plain list."""
GRANT = astuple(grant())
PLAIN = [1, KIOSK_ID, 2, PREV, "grant", GRANT, STAMP]


def vectors() -> list[Vector]:
    """Return all of them."""
    return [*_by_us(), *_by_pycose(), *_not_understood(), *_not_arriving()]


def _by_us() -> list[Vector]:
    clock = Clock(MORNING_MS, 600_000, 600_250)
    late = Stamp(253_370_764_799_999, bytes(16), 2**42 - 1, 2)
    most = grant(
        event=2**31 - 1,
        activity=2**31 - 1,
        occasion=2**31 - 1,
        issue=65_535,
        expiry_day=65_535,
        points=1_000_000,
        quantity=99_999,
        operator=2**31 - 1,
        shown=2,
    )
    return [
        _ours("the first entry of a journal", opened(), seq=1, prev=FIRST),
        _ours("a journal opened with no manifest and no confirmed time", Opened("kumapo 0.1.0", None, None)),
        _ours("a time sample", clock),
        _ours("a grant by a card", grant()),
        _ours("a grant by a typed number", typed_grant()),
        _ours("a void", Void(2, "まちがい")),
        _ours("the end of a day", day_end(12, 120)),
        _ours("the last number a journal can reach", grant(), seq=2**63 - 1),
        _ours("a grant with the greatest values", most, when=late),
        _ours("the longest entry", Void(2**63 - 1, "\U0001f43b" * 200), seq=2**63 - 1, when=late),
    ]


def _by_pycose() -> list[Vector]:
    instance = list(INSTANCE)
    sample = [MORNING_MS, 600_000, 600_000]
    typed = list(astuple(typed_grant(2)))
    return [
        _pycose("opened by pycose", ["opened", ["kumapo 0.1.0", [instance, 7], MORNING_MS]]),
        _pycose("opened with nothing known by pycose", ["opened", ["", None, None]]),
        _pycose("a clock by pycose", ["clock", sample]),
        _pycose("a grant by pycose", ["grant", GRANT]),
        _pycose("a typed grant by pycose", ["grant", typed]),
        _pycose(
            "a grant on an ordinary time of an activity by pycose", ["grant", astuple(grant(3, occasion=0, operator=0))]
        ),
        _pycose("a void by pycose", ["void", [1, ""]]),
        _pycose("the end of a day without a grant by pycose", ["day_end", [0, 0, 0, 0]]),
        _pycose("the smallest stamp by pycose", ["grant", GRANT], [0, bytes(16), 0, 0]),
        _pycose("a stamp with the hub's time by pycose", ["grant", GRANT], [MORNING_MS, BOOT, 2**32, 2]),
    ]


def _not_understood() -> list[Vector]:
    """They arrive: the envelope is right, and so are the four frozen items."""
    plain = cbor2.dumps(PLAIN)
    int_of_two = b"\x02\x58\x20"  # seq 2, then prev's head
    cut = plain[: plain.index(int_of_two) + 1 + 34]  # [1, kiosk, seq, prev
    return [
        _held("an unknown kind", _changed(4, "redeem"), "kind"),
        _held("a kind that is a number", _changed(4, 3), "kind"),
        _held("an unknown version", _changed(0, 2), "version"),
        _held("version 0", _changed(0, 0), "version"),
        _held("an item more", [*PLAIN, None], "type"),
        _held("an item less", PLAIN[:-1], "type"),
        _held("a version of later with another layout", [2, KIOSK_ID, 2, PREV], "type"),
        _held("a float for the points", _with_grant(points=10.0), "type"),
        _held("true for the quantity", _with_grant(quantity=True), "type"),
        _held("a text for the member", _with_grant(member="1"), "type"),
        _held("a negative number of points", _with_grant(points=-10), "type"),
        _held("a number of points beyond 64 bits", _with_grant(points=2**64), "encoding"),
        _held("a number of points beyond 63 bits", _with_grant(points=2**63), "type"),
        _held("no points", _with_grant(points=0), "value"),
        _held("more points than an entry may give", _with_grant(points=1_000_001), "value"),
        _held("a quantity of 0", _with_grant(quantity=0), "value"),
        _held("event 0", _with_grant(event=0), "value"),
        _held("a member number of fifteen digits", _with_grant(member=10**14), "value"),
        _held("shown 3", _with_grant(shown=3), "value"),
        _held("read in a third way", _with_grant(how=2), "value"),
        _held("a typed number with a key id", _with_grant(how=1), "value"),
        _held("a card without a key id", _with_grant(kid=None), "value"),
        _held("a key id of eight bytes", _with_grant(kid=bytes(8)), "value"),
        _held("trust 3", _with_stamp(MORNING_MS, BOOT, 0, 3), "value"),
        _held("a boot id of fifteen bytes", _with_stamp(MORNING_MS, BOOT[:15], 0, 1), "value"),
        _held("a boot id as text", _with_stamp(MORNING_MS, "0" * 16, 0, 1), "type"),
        _held("the year 9999", _with_stamp(253_370_764_800_000, BOOT, 0, 1), "value"),
        _held("a machine started 139 years ago", _with_stamp(MORNING_MS, BOOT, 2**42, 1), "value"),
        _held("number 0", _changed(2, 0), "value"),
        _held("a clock that ran backwards", [*PLAIN[:4], "clock", [MORNING_MS, 2, 1], STAMP], "value"),
        _held("a void with a reason of 201 characters", [*PLAIN[:4], "void", [1, "x" * 201], STAMP], "value"),
        _held("a body that is a map", _changed(5, {"points": 10}), "type"),
        _held("nesting too deep", _changed(5, [[[[[]], 1]]]), "encoding"),
        _held("undefined for the key id", _with_grant(kid=cbor2.undefined), "type"),
        _held("a simple value for the key id", _with_grant(kid=cbor2.CBORSimpleValue(99)), "type"),
        _held("a tagged number", _with_grant(points=cbor2.CBORTag(1000, 10)), "encoding"),
        _held("a date", _with_stamp(cbor2.CBORTag(1, MORNING_MS // 1000), BOOT, 0, 1), "encoding"),
        _held_bytes(
            "a small number as a bignum", _respelt(b"\x0a\x01\x01\x01", b"\xc2\x41\x0a\x01\x01\x01"), "encoding"
        ),
        _held_bytes("a longer form of a number", _respelt(b"\x0a\x01\x01\x01", b"\x18\x0a\x01\x01\x01"), "encoding"),
        _held_bytes(
            "a body of indefinite length", _respelt(b"\x8c\x07", b"\x9f\x07", b"\x01\x84", b"\x01\xff\x84"), "encoding"
        ),
        _held_bytes("a kind in pieces", _respelt(b"\x65grant", b"\x7f\x65grant\xff"), "encoding"),
        _held_bytes("a text that is not UTF-8", _respelt(b"\x65grant", b"\x65gr\xffnt"), "encoding"),
        _held_bytes("trailing bytes in the payload", plain + b"\x00", "encoding"),
        _held_bytes("a payload cut short", plain[:-1], "encoding"),
        _held_bytes("nothing that can be read after the four items", cut + b"\xff\xff\xff", "encoding"),
        _held_bytes("a list that claims to be endless", cut + b"\x9b" + b"\x7f" + b"\xff" * 7, "encoding"),
    ]


def _not_arriving() -> list[Vector]:
    encoded = signed_content(ENTRY, KIOSK_KEY, PLAIN)
    plain = cbor2.dumps(PLAIN)
    return [
        refused(
            "an entry signed for another purpose",
            "entry",
            by_hand(ENTRY, KIOSK_KEY, plain, aad=aad_of(RECEIPT)),
            "signature",
        ),
        refused("an entry of another kiosk's key", "entry", signed_content(ENTRY, OTHER_KIOSK_KEY, PLAIN), "kid"),
        refused("an entry with a bit flipped in the member", "entry", flipped(encoded, 75), "signature"),
        refused("an entry with a bit flipped in the signature", "entry", flipped(encoded, -1), "signature"),
        refused("an entry with S and the group's order", "entry", malleable(encoded), "signature"),
        refused("an entry with trailing bytes", "entry", encoded + b"\x00", "envelope"),
        refused(
            "an entry with an altered unprotected header",
            "entry",
            exchanged(encoded, KIOSK_ID + b"\xa0", KIOSK_ID + b"\xa1\x05\x40"),
            "envelope",
        ),
        refused("an entry with a tag", "entry", b"\xd2" + encoded, "envelope"),
        _without_heading("a kiosk of seven bytes", cbor2.dumps(_changed(1, KIOSK_ID[:7]))),
        _without_heading("a kiosk as text", cbor2.dumps(_changed(1, "kiosk001"))),
        _without_heading("a number in a longer form", _respelt(b"\x02\x58\x20", b"\x18\x02\x58\x20")),
        _without_heading("a number that is true", cbor2.dumps(_changed(2, True))),
        _without_heading("a number that is a float", cbor2.dumps(_changed(2, 2.0))),
        _without_heading("a negative number", cbor2.dumps(_changed(2, -2))),
        _without_heading("a number beyond 63 bits", cbor2.dumps(_changed(2, 2**63))),
        _without_heading("a prev of 31 bytes", cbor2.dumps(_changed(3, PREV[:31]))),
        _without_heading("no prev", cbor2.dumps(_changed(3, None))),
        _without_heading("three items", cbor2.dumps(PLAIN[:3])),
        _without_heading("a list of indefinite length", b"\x9f" + plain[1:] + b"\xff"),
        _without_heading("a longer form of the list's head", b"\x98\x07" + plain[1:]),
        _without_heading("a tag before the list", b"\xc1" + plain),
        _without_heading("a map", cbor2.dumps({0: 1})),
        _without_heading("nothing", b""),
    ]


def _ours(sentence: str, body: Body, seq: int = 2, prev: bytes = PREV, when: Stamp | None = None) -> Vector:
    stamped = stamp(1) if when is None else when
    encoded, entry_hash = sign_entry(KIOSK_KEY, seq, prev, body, stamped)
    return good(sentence, "entry", "kumapo", encoded, Entry(KIOSK_ID, seq, prev, body, stamped), hash=entry_hash.hex())


def _pycose(sentence: str, kind_and_body: list[Any], when: Any = STAMP) -> Vector:
    bodies: dict[str, Callable[..., Body]] = {
        "opened": _opened_of,
        "clock": Clock,
        "grant": Grant,
        "void": Void,
        "day_end": DayEnd,
    }
    kind, items = kind_and_body
    encoded = by_pycose(ENTRY, KIOSK_KEY, [1, KIOSK_ID, 2, PREV, kind, items, when])
    value = Entry(KIOSK_ID, 2, PREV, bodies[kind](*items), Stamp(*when))
    return good(sentence, "entry", "pycose", encoded, value)


def _opened_of(software: str, named: list[Any] | None, confirmed_ms: int | None) -> Opened:
    return Opened(software, None if named is None else (Instance(*named[0]), named[1]), confirmed_ms)


def _held(sentence: str, content: list[Any], reason: str) -> Vector:
    return _held_bytes(sentence, cbor2.dumps(content), reason)


def _held_bytes(sentence: str, payload: bytes, reason: str) -> Vector:
    """An entry that arrives, with what its heading says, and is not understood for `reason`."""
    version = payload[1]
    seq = {0x02: 2, 0x00: 0}[payload[11]]
    heading = Heading(version, KIOSK_ID, seq, PREV)
    encoded = by_hand(ENTRY, KIOSK_KEY, payload)
    return {**refused(sentence, "entry", encoded, reason), "outcome": "not understood", "heading": as_json(heading)}


def _without_heading(sentence: str, payload: bytes) -> Vector:
    return refused(f"an entry with {sentence} in its heading", "entry", by_hand(ENTRY, KIOSK_KEY, payload), "heading")


def _changed(place: int, item: object) -> list[Any]:
    return [*PLAIN[:place], item, *PLAIN[place + 1 :]]


def _with_grant(**changes: object) -> list[Any]:
    return _changed(5, list({**asdict(grant()), **changes}.values()))


def _with_stamp(*items: object) -> list[Any]:
    return _changed(6, list(items))


def _respelt(*pairs: bytes) -> bytes:
    """Return the plain payload with each of (one, other) exchanged."""
    payload = cbor2.dumps(PLAIN)
    for one, other in zip(pairs[::2], pairs[1::2], strict=True):
        payload = exchanged(payload, one, other)
    return payload
