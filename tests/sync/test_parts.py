"""The small parts of the wire: Base45, member numbers, the city's calendar, rules, key lists, enrolment and nonces."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_samples import (
    INSTANCE,
    KIOSK_ID,
    KIOSK_KEY,
    MANIFEST_KEY,
    MEMBER_KEY,
    MORNING_MS,
    OTHER_KIOSK_KEY,
    RETIRED_MEMBER_KEY,
    ROOT_KEY,
    WITHDRAWN_MEMBER_KEY,
    Chain,
    city_ms,
    event,
    grant,
    key_list,
    keys_for,
    manifest,
    member,
    stamp,
)

from sync import base45
from sync.batch import read_batch
from sync.certificate import kiosk_identity
from sync.citytime import city_datetime, city_day, fiscal_year, wall_ms_of
from sync.codec import MOMENT_LIMIT, WireError, decode, encode
from sync.enrolment import digits_to_compare, mac_from_hub, mac_from_kiosk
from sync.entry import Clock, Read, Shown, Void, first_prev, hash_of, read_entry, sign_entry
from sync.envelope import ENTRY, MANIFEST, MEMBER, SigningKey, is_signed_by, is_usable_public_key, take_apart
from sync.keys import Instance, KeyList, read_key_list, root_key_hash
from sync.manifest import SLOTS_LIMIT, Activity, Event, OccasionBy, Share, Slot, is_newer, read_manifest, write_manifest
from sync.member import bucket_of, is_member_number, printed, typed, with_check_digits
from sync.request import is_fresh_nonce, make_nonce
from sync.rules import ByHours, Fixed, points_for

TWELVE = st.integers(0, 10**12 - 1)


# ---------------- Base45 (RFC 9285 §4.3, §4.4)


@pytest.mark.parametrize(
    ("plain", "spelt"), [("AB", "BB8"), ("Hello!!", "%69 VD92EX0"), ("base-45", "UJCLQE7W581"), ("ietf!", "QED8WEX0")]
)
def test_base45_gives_the_examples_of_its_standard(plain: str, spelt: str) -> None:
    assert base45.encode(plain.encode()) == spelt
    assert base45.decode(spelt) == plain.encode()


@pytest.mark.parametrize("spelt", ["GGW", ":::", "::", "A", "BB8A", "bb8", "BB8\n", "ＢＢ８", "U6"])
def test_base45_refuses_what_stands_for_nothing(spelt: str) -> None:
    with pytest.raises(WireError, match="base45"):
        base45.decode(spelt)


def test_base45_takes_the_largest_groups() -> None:
    assert base45.decode("FGW") == b"\xff\xff"
    assert base45.decode("U5") == b"\xff"


# ---------------- one content, one encoding


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        ("f4", "type"),
        ("f5", "type"),
        ("f7", "type"),
        ("f820", "type"),
        ("20", "type"),
        ("3bffffffffffffffff", "type"),
        ("1b8000000000000000", "type"),
        ("c249010000000000000000", "encoding"),
        ("fb3ff0000000000000", "type"),
        ("a0", "type"),
        ("a10101", "type"),
        ("d9ffff00", "encoding"),
        ("8181f5", "type"),
        ("f93c00", "type"),
        ("1817", "encoding"),
        ("190001", "encoding"),
        ("c24101", "encoding"),
        ("9f01ff", "encoding"),
        ("5f4100ff", "encoding"),
        ("a201010101", "type"),
        ("0000", "encoding"),
        ("61ff", "encoding"),
        ("81", "encoding"),
        ("ff", "encoding"),
        ("", "encoding"),
        ("8181818100", "encoding"),
    ],
)
def test_what_is_not_plain_or_not_the_shortest_is_refused(encoded: str, reason: str) -> None:
    with pytest.raises(WireError) as refusal:
        decode(bytes.fromhex(encoded), 3)

    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("encoded", "value"),
    [
        ("00", 0),
        ("17", 23),
        ("1818", 24),
        ("1b7fffffffffffffff", 2**63 - 1),
        ("f6", None),
        ("40", b""),
        ("6161", "a"),
        ("82018100", (1, (0,))),
    ],
)
def test_what_is_plain_and_shortest_is_read(encoded: str, value: object) -> None:
    assert decode(bytes.fromhex(encoded), 3) == value


# ---------------- member numbers


@given(TWELVE)
def test_a_number_with_its_check_digits_is_a_member_number(twelve: int) -> None:
    number = with_check_digits(twelve)

    assert is_member_number(number)
    assert number // 100 == twelve
    assert number % 97 == 1


@given(TWELVE, st.integers(0, 13), st.integers(1, 9))
def test_every_single_wrong_digit_is_found(twelve: int, place: int, step: int) -> None:
    digits = [int(digit) for digit in f"{with_check_digits(twelve):014d}"]
    digits[place] = (digits[place] + step) % 10

    assert not is_member_number(int("".join(map(str, digits))))


@given(TWELVE, st.integers(0, 12))
def test_every_swap_of_two_neighbours_is_found(twelve: int, place: int) -> None:
    digits = f"{with_check_digits(twelve):014d}"
    swapped = digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]

    assert is_member_number(int(swapped)) == (swapped == digits)


@given(TWELVE)
def test_twelve_digits_have_one_member_number(twelve: int) -> None:
    numbers = [twelve * 100 + check for check in range(100)]

    assert [number for number in numbers if is_member_number(number)] == [with_check_digits(twelve)]


@pytest.mark.parametrize("number", [0, -96, 10**14 + 98])
def test_what_has_not_fourteen_digits_is_no_member_number(number: int) -> None:
    assert not is_member_number(number)


@given(TWELVE)
def test_a_printed_number_can_be_typed(twelve: int) -> None:
    number = with_check_digits(twelve)

    shown = printed(number)

    assert re.fullmatch(r"\d{4} \d{4} \d{4} \d{2}", shown)
    assert typed(shown) == number
    assert typed(shown.replace(" ", "-")) == number
    assert typed(shown.replace(" ", "　")) == number
    assert typed(shown.translate({ord("0") + digit: "０１２３４５６７８９"[digit] for digit in range(10)})) == number


@pytest.mark.parametrize(
    "text", ["", "4038", "1234 5678 9012 34", "1234 5678 9012 3x", "１２３４ ５６７８ ９０１２ ３４", "²" * 14]
)
def test_a_mistyped_number_is_refused(text: str) -> None:
    with pytest.raises(WireError, match="number"):
        typed(text)


@pytest.mark.parametrize(
    ("person", "number", "bucket"),
    [
        (1, 5883019851625, 868),
        (2, 99804832801664, 496),
        (3, 17088146872589, 117),
        (4, 86367491965962, 214),
        (5, 96343089945122, 978),
    ],
)
def test_a_members_bucket_is_the_one_that_was_stored(person: int, number: int, bucket: int) -> None:
    digest = hashlib.sha256(number.to_bytes(8, "big")).hexdigest()

    assert member(person) == number
    assert bucket_of(number) == bucket == int(digest[:8], 16) % 1024


# ---------------- the city's calendar


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(1970, 1, 1, 0, 0, tzinfo=UTC), date(1970, 1, 1)),
        (datetime(2026, 11, 14, 14, 59, 59, 999_000, tzinfo=UTC), date(2026, 11, 14)),
        (datetime(2026, 11, 14, 15, 0, tzinfo=UTC), date(2026, 11, 15)),
        (datetime(2026, 12, 31, 15, 0, tzinfo=UTC), date(2027, 1, 1)),
        (datetime(2028, 2, 28, 15, 0, tzinfo=UTC), date(2028, 2, 29)),
        (datetime(1969, 12, 31, 14, 59, tzinfo=UTC), date(1969, 12, 31)),
    ],
)
def test_the_citys_day_turns_at_its_own_midnight(moment: datetime, day: date) -> None:
    wall_ms = wall_ms_of(moment)

    assert city_day(wall_ms) == (day - date(1970, 1, 1)).days
    assert city_datetime(wall_ms).date() == day


@pytest.mark.parametrize(
    ("moment", "year"),
    [
        ((2027, 3, 31, 23, 59, 59), 2026),
        ((2027, 4, 1, 0, 0, 0), 2027),
        ((2026, 4, 1, 0, 0, 0), 2026),
        ((2027, 1, 1, 0, 0, 0), 2026),
        ((2026, 12, 31, 23, 59, 59), 2026),
    ],
)
def test_the_fiscal_year_begins_in_april(moment: tuple[int, int, int, int, int, int], year: int) -> None:
    assert fiscal_year(city_ms(*moment)) == year


@given(st.integers(0, MOMENT_LIMIT - 1))
def test_every_moment_of_the_wire_has_a_day_and_comes_back(wall_ms: int) -> None:
    moment = city_datetime(wall_ms)

    assert wall_ms_of(moment) == wall_ms
    assert moment.utcoffset() == timedelta(hours=9)
    assert city_day(wall_ms) == (moment.date() - date(1970, 1, 1)).days
    assert fiscal_year(wall_ms) in {moment.year, moment.year - 1}


# ---------------- rules


HOURS = ByHours(((30, 5), (60, 10), (120, 20)))


@pytest.mark.parametrize(("quantity", "points"), [(0, None), (1, 10), (2, None)])
def test_a_fixed_rule_gives_its_points_for_one(quantity: int, points: int | None) -> None:
    assert points_for(Fixed(10), quantity) == points


@pytest.mark.parametrize(
    ("minutes", "points"), [(29, None), (30, 5), (59, 5), (60, 10), (119, 10), (120, 20), (9_999, 20)]
)
def test_a_rule_by_hours_gives_the_last_row_reached(minutes: int, points: int | None) -> None:
    assert points_for(HOURS, minutes) == points


def test_a_rule_from_no_minutes_on_gives_nothing_for_none() -> None:
    assert points_for(ByHours(((0, 5),)), 0) is None
    assert points_for(ByHours(((0, 5),)), 1) == 5


# ---------------- keys, manifest


def test_a_retired_key_verifies_and_a_withdrawn_one_does_not() -> None:
    keys = read_key_list(key_list(), ROOT_KEY.public).verifying(MEMBER)

    assert set(keys.values()) == {MEMBER_KEY.public, RETIRED_MEMBER_KEY.public}
    assert WITHDRAWN_MEMBER_KEY.public not in keys.values()


def test_the_newest_instance_is_the_one_opened_last_whatever_its_mark() -> None:
    early, late = Instance(1, b"\xff" * 8), Instance(2, bytes(8))

    assert KeyList(1, "", (), (late, early)).newest_instance() == late
    assert KeyList(1, "", (), ()).newest_instance() is None


def test_a_manifest_of_a_later_instance_is_newer_whatever_its_number() -> None:
    known = manifest(7)
    restored = manifest(1, instance=Instance(INSTANCE.opened_ms + 1, bytes(8)))

    assert is_newer(restored, known)
    assert is_newer(manifest(8), known)
    assert is_newer(known, None)
    assert not is_newer(known, known)
    assert not is_newer(manifest(6), known)


def test_a_manifest_finds_its_events_activities_and_shares() -> None:
    known = manifest()

    found: Event | None = known.event(7)
    activity: Activity | None = event().activity(2)

    assert found == event()
    assert known.event(8) is None
    assert activity is not None
    assert activity.rule == HOURS
    assert event().activity(4) is None
    assert known.share_of(3) == Share(3, 1_000, 100)
    assert known.share_of(4) == Share(4, 0, 0)


def test_an_activity_finds_its_slots_by_number() -> None:
    lesson = event().activities[2]

    found = [lesson.slot(number) for number in (0, 1, 2, 3)]

    assert found == [None, Slot(1, "午前"), None, Slot(3, "午後")]


@pytest.mark.parametrize(
    ("by", "slots"),
    [
        (OccasionBy.SLOT, ()),
        (OccasionBy.NONE, (Slot(1, "午前"),)),
        (OccasionBy.DAY, (Slot(1, "午前"),)),
        (OccasionBy.SLOT, (Slot(3, "午後"), Slot(1, "午前"))),
        (OccasionBy.SLOT, (Slot(1, "午前"), Slot(1, "午後"))),
        (OccasionBy.SLOT, tuple(Slot(number, "") for number in range(1, SLOTS_LIMIT + 2))),
    ],
)
def test_slots_that_are_not_what_the_occasion_asks_for_are_not_read(by: OccasionBy, slots: tuple[Slot, ...]) -> None:
    activity = event().activities[0]._replace(occasion_by=by, slots=slots)
    wrong = manifest()._replace(events=(event()._replace(activities=(activity,)),))
    written = write_manifest(MANIFEST_KEY, wrong)

    with pytest.raises(WireError) as refused:
        read_manifest(written, keys_for(MANIFEST, MANIFEST_KEY))

    assert refused.value.reason == "value"


# ---------------- signing


def test_an_entry_takes_words_for_numbers_and_gives_back_numbers() -> None:
    signed = sign_entry(KIOSK_KEY, 1, first_prev(KIOSK_KEY.public), grant(how=Read.CODE, shown=Shown.RECORDED), stamp())

    assert signed == sign_entry(KIOSK_KEY, 1, first_prev(KIOSK_KEY.public), grant(how=0, shown=2), stamp())
    assert signed.hash == hash_of(signed.encoded) == hashlib.sha256(signed.encoded).digest()


@pytest.mark.parametrize(
    "body",
    [
        grant(points=0),
        grant(points=1_000_001),
        grant(quantity=True),
        grant(points=10.0),  # type: ignore[arg-type]  # the very fault
        Void(1, "x" * 201),
        Clock(1, 3, 2),
        Clock(MOMENT_LIMIT, 1, 1),
    ],
)
def test_what_does_not_fit_the_wire_is_never_signed(body: Clock) -> None:
    with pytest.raises(WireError):
        sign_entry(KIOSK_KEY, 1, bytes(32), body, stamp())


def test_entry_zero_is_never_signed() -> None:
    with pytest.raises(WireError, match="value"):
        sign_entry(KIOSK_KEY, 0, bytes(32), grant(), stamp())


def test_a_chain_hangs_together_from_the_kiosks_key_on() -> None:
    chain = Chain()

    first, second = chain.add(grant(1)), chain.add(grant(2))

    assert first_prev(KIOSK_KEY.public) in first.encoded
    assert first.hash in second.encoded
    assert KIOSK_ID == hashlib.sha256(KIOSK_KEY.public).digest()[:8] == kiosk_identity(KIOSK_KEY.public)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_verifies_nothing(length: int) -> None:
    signed = Chain().add(grant())

    assert not is_signed_by((KIOSK_KEY.public * 2)[:length], ENTRY, take_apart(ENTRY, signed.encoded))
    assert not is_usable_public_key((KIOSK_KEY.public * 2)[:length])


def test_signing_gives_the_first_vector_of_its_standard() -> None:
    """RFC 8032 §7.1, test 1."""
    key = SigningKey(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))

    signature = key.sign(b"").hex()

    assert key.public.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert signature.startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155")


# ---------------- enrolment and nonces

CODE = bytes(range(16))
ROOT_HASH = root_key_hash(ROOT_KEY.public)


def test_neither_sides_proof_can_be_played_back_or_used_for_another_key() -> None:
    proofs = {
        mac(code, key.public, root)
        for mac in (mac_from_kiosk, mac_from_hub)
        for code in (CODE, bytes(16))
        for key in (KIOSK_KEY, OTHER_KIOSK_KEY)
        for root in (ROOT_HASH, bytes(32))
    }

    assert len(proofs) == 16


def test_a_proof_covers_its_label_and_both_keys() -> None:
    keys = KIOSK_KEY.public + hashlib.sha256(ROOT_KEY.public).digest()

    assert mac_from_kiosk(CODE, KIOSK_KEY.public, ROOT_HASH) == hmac.digest(
        CODE, b"kumapo/enrol/kiosk/1" + keys, "sha256"
    )
    assert mac_from_hub(CODE, KIOSK_KEY.public, ROOT_HASH) == hmac.digest(CODE, b"kumapo/enrol/hub/1" + keys, "sha256")


def test_both_screens_show_sixteen_digits_to_compare() -> None:
    assert digits_to_compare(KIOSK_KEY.public).replace(" ", "") == KIOSK_ID.hex()
    assert re.fullmatch(r"[0-9a-f]{4}( [0-9a-f]{4}){3}", digits_to_compare(KIOSK_KEY.public))


@pytest.mark.parametrize(("later_ms", "fresh"), [(0, True), (120_000, True), (120_001, False), (-1, False)])
def test_a_nonce_is_fresh_for_two_minutes_by_the_hubs_own_clock(*, later_ms: int, fresh: bool) -> None:
    nonce = make_nonce(b"secret", MORNING_MS)

    assert is_fresh_nonce(b"secret", nonce, MORNING_MS + later_ms) == fresh


@pytest.mark.parametrize(
    "spoilt", [b"", bytes(24), b"\xff" * 24, make_nonce(b"other", MORNING_MS), make_nonce(b"secret", MORNING_MS)[:-1]]
)
def test_a_nonce_the_hub_did_not_make_is_not_fresh(spoilt: bytes) -> None:
    assert not is_fresh_nonce(b"secret", spoilt, MORNING_MS)


@pytest.mark.parametrize(("entries", "reason"), [(20_001, "value"), (60_000, "encoding")])
def test_what_claims_more_parts_than_anything_has_is_not_looked_at_part_by_part(entries: int, reason: str) -> None:
    encoded = encode((1, bytes(8), None, 1, None, (b"",) * entries, None))

    with pytest.raises(WireError) as refusal:
        read_batch(encoded)

    assert refusal.value.reason == reason


@pytest.mark.parametrize(("parts", "reason"), [(50, "kind"), (100, "encoding")])
def test_an_entry_of_more_parts_than_any_has_is_not_looked_at_part_by_part(parts: int, reason: str) -> None:
    payload = encode((1, bytes(8), 1, bytes(32), "redeem", (0,) * parts, None))

    with pytest.raises(WireError) as refusal:
        read_entry(payload)

    assert refusal.value.reason == reason
