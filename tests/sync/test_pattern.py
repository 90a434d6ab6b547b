"""The patterns of integers match what cbor2 writes for the range, and nothing else."""

from __future__ import annotations

import re

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import astuple, replace
from wire_samples import KIOSK_ID, KIOSK_KEY, grant, stamp

from sync.codec import MOMENT_LIMIT, MONOTONIC_LIMIT, WireError, encode
from sync.entry import Stamp, read_entry, read_signed_grant
from sync.envelope import ENTRY, seal, take_apart
from sync.manifest import ID_LIMIT
from sync.member import NUMBER_LIMIT
from sync.pattern import integers
from sync.rules import POINTS_LIMIT, QUANTITY_LIMIT
from sync.token import DAY_LIMIT, ISSUE_LIMIT

# every number of bytes equally often, and the ends of each form of CBOR
WHOLE = st.integers(0, 63).flatmap(lambda bits: st.integers(0, 2**bits)) | st.sampled_from(
    [number + step for number in (24, 2**8, 2**16, 2**32) for step in (-1, 0, 1)]
)


def matches(first: int, limit: int, encoded: bytes) -> bool:
    return re.fullmatch(integers(first, limit), encoded, re.DOTALL) is not None


@given(st.tuples(WHOLE, WHOLE, WHOLE))
def test_a_number_matches_exactly_when_it_lies_in_the_range(numbers: tuple[int, int, int]) -> None:
    lower, number, upper = sorted(numbers)

    encoded = cbor2.dumps(number)

    assert matches(lower, upper + 1, encoded)
    assert matches(number, number + 1, encoded)
    assert not matches(number + 1, upper + 2, encoded)
    assert lower == number or not matches(lower, number, encoded)


@given(WHOLE)
@example(10)
@example(0x0A0A0A0A)
def test_the_first_number_outside_a_range_does_not_match(limit: int) -> None:
    encoded = cbor2.dumps(limit)

    assert not limit or not matches(0, limit, encoded)
    assert matches(0, limit + 1, encoded)


@pytest.mark.parametrize("spelling", ["1805", "190005", "1a00000005", "1b0000000000000005", "25", "f90005", "0505", ""])
def test_no_second_spelling_of_a_number_matches(spelling: str) -> None:
    encoded = bytes.fromhex(spelling)

    assert not matches(0, 2**63, encoded)


def signed(body: dict[str, int | None], when: dict[str, int]) -> bytes:
    """A signed grant whose items are replaced by what may not be there."""
    return seal(
        ENTRY,
        KIOSK_KEY,
        encode((1, KIOSK_ID, 1, bytes(32), "grant", astuple(grant(1, **body)), astuple(stamped(when)))),
    )


def stamped(when: dict[str, int]) -> Stamp:
    return replace(stamp(), **when)  # the boot is left alone


BODY_RANGES = {
    "event": (1, ID_LIMIT - 1),
    "activity": (1, ID_LIMIT - 1),
    "occasion": (0, ID_LIMIT - 1),
    "member": (1, NUMBER_LIMIT - 1),
    "issue": (0, ISSUE_LIMIT - 1),
    "expiry_day": (0, DAY_LIMIT - 1),
    "points": (1, POINTS_LIMIT - 1),
    "quantity": (1, QUANTITY_LIMIT - 1),
    "operator": (0, ID_LIMIT - 1),
    "shown": (1, 2),
}
STAMP_RANGES = {"wall_ms": (0, MOMENT_LIMIT - 1), "monotonic_ms": (0, MONOTONIC_LIMIT - 1), "trust": (0, 2)}


@pytest.mark.parametrize(
    ("body", "when"),
    [
        *(({item: end}, {}) for item, ends in BODY_RANGES.items() for end in ends),
        *(({}, {item: end}) for item, ends in STAMP_RANGES.items() for end in ends),
        ({"how": 1, "kid": None, "expiry_day": None}, {}),
    ],
)
def test_the_quick_way_takes_every_grant_that_may_be(body: dict[str, int | None], when: dict[str, int]) -> None:
    encoded = signed(body, when)

    entry = read_signed_grant(encoded)

    assert entry is not None
    assert entry.body == grant(1, **body)
    assert entry.stamp == stamped(when)


@pytest.mark.parametrize(
    ("body", "when"),
    [
        *(({item: last + 1}, {}) for item, (_, last) in BODY_RANGES.items()),
        *(({item: 0}, {}) for item, (first, _) in BODY_RANGES.items() if first),
        *(({}, {item: last + 1}) for item, (_, last) in STAMP_RANGES.items()),
        ({"how": 1}, {}),
        ({"how": 2}, {}),
        ({"kid": None}, {}),
        ({"expiry_day": None}, {}),
        ({"kid": None, "expiry_day": None}, {}),
    ],
)
def test_the_quick_way_leaves_what_may_not_be_to_the_explaining_one(
    body: dict[str, int | None], when: dict[str, int]
) -> None:
    encoded = signed(body, when)
    payload = take_apart(ENTRY, encoded).payload

    with pytest.raises(WireError) as refusal:
        read_entry(payload)

    assert read_signed_grant(encoded) is None
    assert refusal.value.reason == "value"
