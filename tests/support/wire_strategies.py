"""Everything the wire can say, and small mutations of it, for hypothesis to draw from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st
from wire_samples import (
    Chain,
    day_end,
    grant,
    opened,
    typed_grant,
)

from sync.batch import Batch
from sync.codec import INTEGER_LIMIT, MOMENT_LIMIT, MONOTONIC_LIMIT, WireError
from sync.entry import (
    Body,
    Clock,
    DayEnd,
    Grant,
    Opened,
    Stamp,
    Void,
)
from sync.envelope import (
    ENTRY,
    SigningKey,
    take_apart,
)
from sync.head import Head
from sync.keys import Instance, KeyList, KeyState, OnlineKey
from sync.manifest import Activity, Event, Manifest, OccasionBy, Share, Slot
from sync.member import with_check_digits
from sync.receipt import Receipt, Status
from sync.rules import ByHours, Fixed

EDGES: Final = [0, 1, 23, 24, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**63 - 1]


def below(limit: int, least: int = 0) -> st.SearchStrategy[int]:
    """Integers up to a limit, those where the encoding changes its length above all."""
    edges = [edge for edge in (*EDGES, limit - 1) if least <= edge < limit]
    return st.sampled_from(edges) | st.integers(least, limit - 1)


def of(length: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=length, max_size=length)


def text(limit: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=limit)


COUNT: Final = below(INTEGER_LIMIT)
MOMENT: Final = below(MOMENT_LIMIT)
MONOTONIC: Final = below(MONOTONIC_LIMIT)
ID: Final = below(2**31, 1)
INSTANCES: Final = st.builds(Instance, MOMENT, of(8))
HEADS: Final = st.builds(Head, COUNT, of(32))
SEEDS: Final = of(32).map(SigningKey)
PUBLIC_KEYS: Final = SEEDS.map(lambda key: key.public)
STAMPS: Final = st.builds(Stamp, MOMENT, of(16), MONOTONIC, below(3))
MEMBERS: Final = st.integers(1, 10**12 - 1).map(with_check_digits)


def grants() -> st.SearchStrategy[Grant]:
    """Grants from a code, and typed ones."""
    reading = st.tuples(st.just(0), of(4), below(2**16)) | st.just((1, None, None))
    return reading.flatmap(
        lambda how: st.builds(
            Grant,
            ID,
            ID,
            below(2**31),
            below(10**14, 1),
            below(2**16),
            st.just(how[0]),
            st.just(how[1]),
            st.just(how[2]),
            below(1_000_001, 1),
            below(100_000, 1),
            below(2**31),
            st.sampled_from([1, 2]),
        )
    )


BODIES: Final[st.SearchStrategy[Body]] = st.one_of(
    grants(),
    st.builds(Opened, text(64), st.none() | st.tuples(INSTANCES, COUNT), st.none() | MOMENT),
    st.builds(lambda hub, two: Clock(hub, min(two), max(two)), MOMENT, st.tuples(MONOTONIC, MONOTONIC)),
    st.builds(Void, COUNT, text(200)),
    st.builds(DayEnd, COUNT, COUNT, COUNT, COUNT),
)
RULES: Final = st.builds(Fixed, below(1_000_001, 1)) | st.lists(
    st.tuples(below(100_000), below(1_000_001, 1)), min_size=1, max_size=4, unique_by=lambda row: row[0]
).map(lambda rows: ByHours(tuple(sorted(rows))))
SLOTS: Final = st.lists(st.builds(Slot, ID, text(20)), min_size=1, max_size=4, unique_by=lambda slot: slot.slot).map(
    lambda slots: tuple(sorted(slots))
)
OCCASIONS: Final = st.sampled_from([(OccasionBy.NONE, ()), (OccasionBy.DAY, ())]) | SLOTS.map(
    lambda slots: (OccasionBy.SLOT, slots)
)
ACTIVITIES: Final = st.builds(
    lambda number, name, rule, occasion, limit: Activity(number, name, rule, occasion[0], limit, occasion[1]),
    ID,
    text(20),
    RULES,
    OCCASIONS,
    below(2**31),
)
EVENTS: Final = st.builds(
    lambda number, name, times, allotment, activities: Event(
        number, name, min(times), max(times), allotment, tuple(activities)
    ),
    ID,
    text(20),
    st.tuples(MOMENT, MOMENT),
    ID,
    st.lists(ACTIVITIES, max_size=2),
)


def tuples_of(strategy: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=most).map(tuple)


MANIFESTS: Final = st.builds(
    Manifest,
    of(8),
    INSTANCES,
    COUNT,
    MOMENT,
    tuples_of(EVENTS),
    tuples_of(st.builds(Share, ID, COUNT, COUNT)),
    tuples_of(st.tuples(below(10**14), below(2**16))),
    tuples_of(st.tuples(text(64), text(100))),
    tuples_of(st.tuples(text(64), COUNT)),
)
BEYOND: Final = st.lists(COUNT, max_size=32, unique=True).map(
    lambda places: tuple(zip(sorted(places)[::2], sorted(places)[1::2], strict=False))
)
RECEIPTS: Final = st.builds(
    Receipt,
    of(8),
    INSTANCES,
    COUNT,
    st.sampled_from(Status),
    st.none() | of(8),
    st.none() | HEADS,
    HEADS,
    BEYOND,
    st.none() | st.tuples(COUNT, text(64)),
    COUNT,
    MOMENT,
    COUNT,
    COUNT,
    COUNT,
    COUNT,
    st.none() | st.binary(max_size=200),
)
KEY_LISTS: Final = st.builds(
    KeyList,
    COUNT,
    text(32),
    st.lists(
        st.builds(
            OnlineKey,
            st.sampled_from(["member", "kiosk", "receipt", "manifest", "closing"]),
            PUBLIC_KEYS,
            st.sampled_from(KeyState),
        ),
        max_size=4,
        unique_by=lambda key: key.public_key,
    ).map(tuple),
    tuples_of(INSTANCES),
)
BATCHES: Final = st.builds(
    Batch,
    of(8),
    st.none() | st.binary(max_size=250),
    below(INTEGER_LIMIT, 1),
    st.none() | st.binary(max_size=50),
    tuples_of(st.binary(max_size=300)),
    st.none() | st.binary(max_size=50),
)


@st.composite
def mutations(draw: st.DrawFn, originals: st.SearchStrategy[bytes]) -> bytes:
    """Bytes with one to three small changes: flipped, put in, taken out, doubled, or exchanged for another head."""
    mutated = bytearray(draw(originals))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, max(0, len(mutated) - 1)))
        length = draw(st.integers(1, 9))
        change = draw(st.sampled_from(["flip", "insert", "delete", "double", "respell"]))
        if change == "flip" and mutated:
            mutated[start] ^= 1 << draw(st.integers(0, 7))
        elif change == "insert":
            mutated[start:start] = draw(st.binary(min_size=1, max_size=3))
        elif change == "delete":
            del mutated[start : start + length]
        elif change == "double":
            mutated[start:start] = mutated[start : start + length]
        else:
            mutated[start : start + 1] = draw(st.sampled_from(SPELLINGS))
    return bytes(mutated)


SPELLINGS: Final = [
    *(bytes.fromhex(spelling) for spelling in ("00", "17", "1800", "1817", "1818", "190000", "19ffff", "1a00010000")),
    *(bytes.fromhex(spelling) for spelling in ("1b0000000100000000", "1b7fffffffffffffff", "1bffffffffffffffff", "20")),
    *(bytes.fromhex(spelling) for spelling in ("f4", "f5", "f6", "f7", "f93c00", "fb3ff0000000000000", "c24101", "ff")),
    *(bytes.fromhex(spelling) for spelling in ("40", "4100", "60", "6161", "80", "8100", "9f", "a0", "5f", "d81c")),
]


def single_changes(original: bytes) -> Iterator[bytes]:
    """Every change of one place: each bit flipped, the byte taken out or doubled, or each other head put there."""
    for place in range(len(original)):
        before, byte, after = original[:place], original[place], original[place + 1 :]
        yield before + after
        yield before + bytes([byte, byte]) + after
        yield from (before + bytes([byte ^ 1 << bit]) + after for bit in range(8))
        yield from (before + spelling + after for spelling in SPELLINGS)


class Refused(NamedTuple):
    """What a reader says instead of a value."""

    reason: str


def outcome_of(read: Callable[[bytes], object], encoded: bytes) -> object:
    """What a reader makes of bytes; raises whatever else than a refusal it raises."""
    try:
        return read(encoded)
    except WireError as refusal:
        return Refused(refusal.reason)


CHAIN: Final = Chain()
for _body in (opened(), grant(), typed_grant(2), Clock(1, 2, 3), Void(2, "まちがい"), day_end(1, 10), opened(0)):
    CHAIN.add(_body)
ENTRY_PAYLOADS: Final = [take_apart(ENTRY, signed.encoded).payload for signed in CHAIN.entries]
