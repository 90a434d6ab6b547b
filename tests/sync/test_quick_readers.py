"""The quick readers of entries say what the general ones say, on anything."""

from __future__ import annotations

import re
from typing import Any, Final
from unittest.mock import patch

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple
from wire_samples import (
    KIOSK_ID,
    KIOSK_KEY,
)
from wire_strategies import (
    CHAIN,
    COUNT,
    ENTRY_PAYLOADS,
    STAMPS,
    Refused,
    below,
    grants,
    mutations,
    of,
    outcome_of,
    single_changes,
)

from sync import entry
from sync.codec import INTEGER_LIMIT, WireError
from sync.entry import (
    Entry,
    Grant,
    Stamp,
    read_entry,
    read_heading,
    read_signed_grant,
    sign_entry,
)
from sync.envelope import (
    ENTRY,
    take_apart,
)
from tests.vectors.crafting import by_hand


def read_generally(payload: bytes) -> Entry:
    """The general reader alone: the pattern for grants matches nothing."""
    with patch.object(entry, "_GRANT", re.compile(b"(?!)")):
        return read_entry(payload)


ANYTHING: Final = st.one_of(
    COUNT, st.integers(-2, 2**64), st.booleans(), st.none(), st.floats(), st.binary(max_size=20), st.text(max_size=5)
)


@st.composite
def grants_with_anything(draw: st.DrawFn) -> bytes:
    """A grant's payload, a few items exchanged for anything, also at the edges of their ranges."""
    items: list[Any] = [1, KIOSK_ID, draw(COUNT), draw(of(32)), "grant"]
    body: list[Any] = list(astuple(draw(grants())))
    stamp: list[Any] = list(astuple(draw(STAMPS)))
    edges = st.sampled_from([edge + step for edge in (2**16, 2**31, 10**14, 100_000, 1_000_001, 3) for step in (-1, 0)])
    for _ in range(draw(st.integers(0, 2))):
        part = draw(st.sampled_from([body, stamp]))
        part[draw(st.integers(0, len(part) - 1))] = draw(edges | ANYTHING)
    return cbor2.dumps([*items, body, stamp])


@given(grants_with_anything() | mutations(grants_with_anything()))
@settings(max_examples=400)
def test_a_grant_is_read_by_its_pattern_as_by_the_general_reader(payload: bytes) -> None:
    assert outcome_of(read_entry, payload) == outcome_of(read_generally, payload)


@pytest.mark.parametrize("number", [1, 2])
def test_a_grant_changed_in_any_one_place_is_read_by_its_pattern_as_by_the_general_reader(number: int) -> None:
    differing = [
        changed.hex()
        for changed in single_changes(ENTRY_PAYLOADS[number])
        if outcome_of(read_entry, changed) != outcome_of(read_generally, changed)
    ]

    assert differing == []


def read_grant_the_long_way(encoded: bytes) -> Entry | None:
    try:
        understood = read_generally(take_apart(ENTRY, encoded).payload)
    except WireError:
        return None
    return understood if isinstance(understood.body, Grant) else None


SIGNED: Final = st.one_of(
    st.sampled_from([signed.encoded for signed in CHAIN.entries]),
    grants_with_anything().map(lambda payload: by_hand(ENTRY, KIOSK_KEY, payload)),
)


@given(SIGNED | mutations(SIGNED))
@settings(max_examples=400)
def test_a_signed_grant_is_read_quickly_exactly_where_it_is_read_at_all(encoded: bytes) -> None:
    assert read_signed_grant(encoded) == read_grant_the_long_way(encoded)


@pytest.mark.parametrize("number", range(len(CHAIN.entries)))
def test_an_entry_changed_in_any_one_place_is_read_quickly_exactly_where_it_is_read_at_all(number: int) -> None:
    differing = [
        changed.hex()
        for changed in single_changes(CHAIN.entries[number].encoded)
        if read_signed_grant(changed) != read_grant_the_long_way(changed)
    ]

    assert differing == []


@given(grants(), STAMPS, below(INTEGER_LIMIT, 1))
def test_every_signed_grant_is_read_quickly(body: Grant, stamp: Stamp, seq: int) -> None:
    signed = sign_entry(KIOSK_KEY, seq, bytes(32), body, stamp)

    assert read_signed_grant(signed.encoded) == Entry(KIOSK_ID, seq, bytes(32), body, stamp)


HEADINGS: Final = st.tuples(COUNT | ANYTHING, of(8) | ANYTHING, COUNT | ANYTHING, of(32) | ANYTHING)
NESTED: Final = ANYTHING | st.lists(ANYTHING, max_size=3) | st.dictionaries(st.integers(), ANYTHING, max_size=1)


def heading_by_cbor2(payload: bytes) -> tuple[Any, ...] | None:
    """The four items as a general decoder gives them, if they are what a heading holds."""
    items = cbor2.loads(payload)
    if not isinstance(items, list) or not 4 <= len(items) <= 255:
        return None
    version, kiosk, seq, prev = items[:4]
    numbers_fit = all(type(number) is int and 0 <= number < INTEGER_LIMIT for number in (version, seq))
    bytes_fit = type(kiosk) is bytes and len(kiosk) == 8 and type(prev) is bytes and len(prev) == 32
    return (version, kiosk, seq, prev) if numbers_fit and bytes_fit else None


@given(HEADINGS, st.lists(NESTED, max_size=4), st.sampled_from([None, None, 0, 3]))
@settings(max_examples=300)
def test_a_heading_is_read_as_a_general_decoder_reads_it(
    four: tuple[Any, ...], rest: list[Any], items: int | None
) -> None:
    payload = cbor2.dumps([*four, *rest][:items])

    heading = outcome_of(read_heading, payload)

    assert heading == (heading_by_cbor2(payload) or Refused("heading"))


@pytest.mark.parametrize("items", [4, 23, 24, 255, 256])
def test_a_heading_stands_before_as_many_items_as_an_entry_may_have(items: int) -> None:
    payload = cbor2.dumps([1, KIOSK_ID, 2, bytes(32), *[0] * (items - 4)])

    heading = outcome_of(read_heading, payload)

    assert heading == ((1, KIOSK_ID, 2, bytes(32)) if items < 256 else Refused("heading"))


def test_a_heading_changed_in_any_one_place_is_one_spelling_or_a_refusal() -> None:
    for changed in single_changes(ENTRY_PAYLOADS[1][:60]):
        heading = outcome_of(read_heading, changed)

        assert heading == Refused("heading") or cbor2.dumps(heading)[1:] in changed


@given(st.binary(max_size=90))
def test_a_heading_of_noise_is_a_refusal(noise: bytes) -> None:
    assert outcome_of(read_heading, noise) == Refused("heading")
