"""Batches arrive: good, repeated, split, spoilt, with holes, forked, from strangers. On both engines."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from hub_world import VISIT_POINTS, World
from msgspec.structs import astuple
from wire_samples import sample_key

from hub.intake.arrival import RolledBack, take_batch
from hub.intake.reasons import Reason
from hub.store.database import Store, row, rows
from sync.batch import Batch, read_batch, write_batch
from sync.codec import WireError, encode
from sync.entry import Clock, Stamp, Void, hash_of
from sync.envelope import ENTRY, RECEIPT, seal
from sync.head import Head, write_head
from sync.receipt import Status, read_receipt


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def test_what_a_booth_signed_is_posted_and_the_receipt_names_it(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.grant(1)

    receipt = booth.send()

    assert (receipt.status, receipt.cursor, receipt.refused) == (Status.OK, booth.head, None)
    assert world.verdicts(booth) == {"posted": (2, 2 * VISIT_POINTS)}
    assert world.balance(world.members[0]) == VISIT_POINTS
    assert sum(world.accounts().values()) == 0


def test_a_batch_sent_twice_is_posted_once(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()
    before = world.picture()

    again = booth.send(first_seq=1)

    assert again.number == 2
    assert world.picture() == before


def test_one_member_at_two_booths_is_posted_once_and_the_other_is_a_duplicate(world: World) -> None:
    one, other = world.booth("受付1"), world.booth("受付2")
    one.grant(0)
    other.grant(0)
    one.send()

    other.send()

    assert world.balance(world.members[0]) == VISIT_POINTS
    assert world.verdicts() == {"posted": (1, VISIT_POINTS), "duplicate": (1, VISIT_POINTS)}


def test_the_grant_with_more_points_wins_even_when_it_comes_later(world: World) -> None:
    one, other = world.booth("受付1"), world.booth("受付2")
    one.grant(0, activity=2, occasion=5, quantity=10, points=100)
    other.grant(0, activity=2, occasion=5, quantity=70, points=200)
    one.send()

    other.send()

    assert world.balance(world.members[0]) == 200
    assert world.verdicts(one) == {"duplicate": (1, 100)}
    assert world.verdicts(other) == {"posted": (1, 200)}


def test_a_void_dismisses_its_grant_and_the_duplicate_takes_its_place(world: World) -> None:
    one, other = world.booth("受付1"), world.booth("受付2")
    given = one.grant(0)
    other.grant(0)
    first, second = sorted([one, other], key=lambda booth: booth.kiosk)
    first.send()
    second.send()
    assert given is not None

    first.add(Void(2, "まちがい"))
    first.send()

    assert world.reasons(first)[2] == ("dismissed", Reason.VOIDED)
    assert world.verdicts(second) == {"posted": (1, VISIT_POINTS)}
    assert world.balance(world.members[0]) == VISIT_POINTS


def test_a_void_of_something_else_is_held_and_is_no_grant(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.add(Void(1, "番号まちがい"))

    booth.send()

    assert world.reasons(booth) == {3: ("held", Reason.VOID_OF_NOTHING)}
    assert world.verdicts(booth) == {"posted": (1, VISIT_POINTS)}


def test_what_comes_after_a_hole_is_held_until_the_hole_is_filled(world: World) -> None:
    booth = world.booth()
    for person in range(6):
        booth.grant(person)
    booth.send(last_seq=2)

    beyond = booth.send(first_seq=5)
    held = world.verdicts(booth)
    filled = booth.send(first_seq=3, last_seq=4)

    assert (beyond.cursor.seq, beyond.beyond) == (2, ((5, 7),))
    assert held == {"posted": (1, 50), "held": (3, 150)}
    assert (filled.cursor, filled.beyond) == (booth.head, ())
    assert world.verdicts(booth) == {"posted": (6, 300)}


@pytest.mark.parametrize("reason", ["flip", "cut", "long"])
def test_a_spoilt_entry_at_the_end_is_refused_by_name_and_those_before_it_arrive(world: World, reason: str) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.grant(1)
    batch = booth.batch()
    last = batch.entries[-1]
    spoilt = {"flip": last[:-1] + bytes([last[-1] ^ 1]), "cut": last[:-1], "long": last + bytes(2_000)}[reason]

    receipt = booth.take(batch._replace(entries=(*batch.entries[:-1], spoilt)))

    assert receipt.refused == (3, {"flip": "signature", "cut": "envelope", "long": "length"}[reason])
    assert receipt.cursor.seq == 2
    assert world.verdicts(booth) == {"posted": (1, VISIT_POINTS)}
    assert booth.send().cursor == booth.head


def test_a_bad_signature_inside_a_good_chain_is_attested_by_what_follows(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    spoilt = booth.entries[-1]
    encoded = spoilt.encoded[:-1] + bytes([spoilt.encoded[-1] ^ 1])
    booth.entries[-1] = spoilt._replace(encoded=encoded, hash=hash_of(encoded))
    booth.grant(1)

    receipt = booth.send()

    assert receipt.refused is None
    assert world.verdicts(booth) == {"posted": (2, 100)}


def test_a_batch_of_another_kiosks_entries_brings_nothing(world: World) -> None:
    one, other = world.booth("受付1"), world.booth("受付2")
    one.grant(0)
    mine = one.batch()

    receipt = other.take(
        mine._replace(kiosk=other.kiosk, head=write_head(other.key, other.head, None), certificate=None)
    )

    assert receipt.refused == (1, "kid")
    assert world.verdicts() == {}


def test_entries_out_of_order_are_refused_from_the_first_that_jumps(world: World) -> None:
    booth = world.booth()
    for person in range(3):
        booth.grant(person)
    batch = booth.batch()
    entries = batch.entries

    receipt = booth.take(batch._replace(entries=(entries[0], entries[1], entries[3], entries[2])))

    assert receipt.refused == (3, "order")
    assert receipt.cursor.seq == 2
    assert booth.send().cursor == booth.head


@pytest.mark.parametrize(
    ("version", "kind", "body"),
    [(1, "redeem", (1, 2)), (2, "grant", (1, 2)), (1, "grant", (1, 2, 3)), (1, "grant", None)],
    ids=["unknown kind", "unknown version", "wrong length", "wrong type"],
)
def test_an_entry_of_newer_software_arrives_and_is_held_and_does_not_block_the_next(
    world: World, version: int, kind: str, body: tuple[int, ...] | None
) -> None:
    booth = world.booth()
    booth.grant(0)
    seq, prev = booth.head
    payload = encode((version, booth.kiosk, seq + 1, prev, kind, body, astuple(booth.stamp())))
    encoded = seal(ENTRY, booth.key, payload)
    booth.entries.append(booth.entries[-1]._replace(encoded=encoded, hash=hash_of(encoded)))
    booth.grant(1)

    receipt = booth.send()

    assert (receipt.cursor, receipt.refused) == (booth.head, None)
    assert world.reasons(booth)[3] == ("held", Reason.NOT_UNDERSTOOD)
    assert world.verdicts(booth) == {"posted": (2, 100), "held": (1, 0)}


def test_a_cloned_card_makes_one_fork_case_and_what_was_posted_stays(world: World) -> None:
    booth = world.booth()
    for person in range(3):
        booth.grant(person)
    clone = booth.clone(after_seq=2)
    booth.send()
    clone.grant(10)
    clone.grant(11)

    receipt = clone.send()
    booth.grant(5)
    after = booth.send()

    assert (receipt.status, receipt.cursor) == (Status.FENCED, clone.head)
    assert (after.status, after.cursor) == (Status.FENCED, booth.head)
    assert world.verdicts(booth) == {"posted": (3, 150), "held": (3, 150)}
    assert {reason for _, reason in world.reasons(booth).values()} == {Reason.FORK}
    with world.store.reading() as connection:
        assert [tuple(one) for one in rows(connection, "SELECT kind, fork_seq FROM line")] == [("fork", 3)]


def test_an_unsigned_fork_fences_nobody(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()
    forger = booth.clone(after_seq=1)
    forger.key = sample_key("thief")
    forger.grant(3)
    forged = forger.entries[-1].encoded

    receipt = booth.take(Batch(booth.kiosk, write_head(booth.key, booth.head, None), 2, None, (forged,), None))

    assert receipt.refused is not None
    assert receipt.status is Status.OK
    booth.grant(1)
    assert booth.send().cursor == booth.head


def test_a_restored_card_that_is_behind_learns_of_a_cursor_beyond_its_head(world: World) -> None:
    booth = world.booth()
    for person in range(4):
        booth.grant(person)
    restored = booth.clone(after_seq=3)
    booth.send()

    receipt = restored.send(first_seq=4)

    assert receipt.cursor == booth.head
    assert receipt.cursor.seq > restored.head.seq
    assert world.verdicts(booth) == {"posted": (4, 200)}


def test_a_stranger_is_told_so_and_leaves_no_trace(world: World) -> None:
    booth = world.booth()
    stranger = booth.clone(0)
    stranger.key = sample_key("stranger")
    stranger.certificate = None
    stranger.grant(0)

    receipt = stranger.send()

    assert (receipt.status, receipt.number) == (Status.UNKNOWN, 0)
    with world.store.reading() as connection:
        assert row(connection, "SELECT count(*) AS entries FROM entry").entries == 0


def test_a_hub_that_forgot_a_kiosk_takes_its_entries_on_its_certificate(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    with world.store.transaction() as connection:
        for table in ("kiosk", "kiosk_name", "assignment", "manifest", "share"):
            forget(connection, table)

    receipt = booth.send()

    assert (receipt.status, receipt.cursor) == (Status.OK, booth.head)
    assert world.reasons(booth) == {2: ("held", Reason.NOT_THIS_KIOSKS)}


def forget(connection: sa.Connection, table: str) -> None:
    """Empty a table as a hub that was restored from an older backup finds it."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    else:
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_never_delete")
    connection.exec_driver_sql(f"DELETE FROM {table}")


def test_a_hub_that_has_forgotten_a_kiosk_sees_by_its_own_receipt_that_it_was_put_back(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()
    with world.store.transaction() as connection:
        for table in ("kiosk_name", "kiosk", "kiosk_progress"):
            forget(connection, table)
    booth.grant(1)

    with pytest.raises(RolledBack):
        booth.send()


def test_a_hub_that_is_shown_its_own_future_signs_nothing_until_a_new_instance(world: World) -> None:
    booth, other = world.booth(), world.booth("受付2")
    booth.grant(0)
    booth.send()
    future = read_receipt(booth.last_receipt or b"", world.hub.keyring.verifying(RECEIPT))
    with world.store.transaction() as connection:
        connection.exec_driver_sql("UPDATE kiosk_progress SET receipt_number = 0")
    booth.grant(1)

    with pytest.raises(RolledBack):
        booth.send()
    with pytest.raises(RolledBack):
        other.send()
    world.now_ms += 1_000
    instance = world.open_instance()
    receipt = booth.send()

    assert receipt.instance == instance > future.instance
    assert receipt.cursor == booth.head
    assert world.verdicts(booth) == {"posted": (2, 100)}


@pytest.mark.parametrize("spoil", ["cut", "flip", "double", "large"])
def test_a_batch_spoilt_on_the_way_is_refused_whole(world: World, spoil: str) -> None:
    booth = world.booth()
    booth.grant(0)
    encoded = write_batch(booth.batch())
    spoilt = {
        "cut": encoded[:-3],
        "flip": bytes([encoded[0] ^ 1]) + encoded[1:],
        "double": encoded + encoded,
        "large": encoded + bytes(4 * 2**20),
    }[spoil]

    with pytest.raises(WireError):
        read_batch(spoilt)


def test_a_batch_without_entries_asks_for_a_receipt(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()

    receipt = booth.take(Batch(booth.kiosk, write_head(booth.key, booth.head, None), 3, None, (), None))

    assert receipt.cursor == booth.head


def head_seq(world: World) -> int:
    """How many entries the only kiosk says to have signed."""
    with world.store.reading() as connection:
        return int(row(connection, "SELECT head_seq FROM kiosk_progress").head_seq)


def test_a_head_alone_says_how_much_was_signed_and_moves_no_points(world: World) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()
    before = world.picture()

    receipt = booth.take(Batch(booth.kiosk, write_head(booth.key, Head(99, bytes(32)), None), 3, None, (), None))
    booth.send()

    assert receipt.cursor.seq == 2
    assert world.picture() == before
    assert head_seq(world) == 99, "a lower head takes nothing back"


@pytest.mark.parametrize("signer", ["another kiosk", "nobody"])
def test_a_head_that_the_kiosk_has_not_signed_refuses_the_batch_whole(world: World, signer: str) -> None:
    booth = world.booth()
    booth.grant(0)
    booth.send()
    before = world.picture()
    booth.grant(1)
    head = Head(2**62, bytes(32))
    shown = {
        "another kiosk": write_head(sample_key("a stranger"), head, None),
        "nobody": encode((1, booth.kiosk, *head)),
    }

    with pytest.raises(WireError):
        booth.take(booth.batch()._replace(head=shown[signer]))

    assert (head_seq(world), world.picture()) == (2, before)


def test_a_receipt_repeats_the_question_of_the_head(world: World) -> None:
    booth = world.booth()
    booth.grant(0)

    asked = booth.take(booth.batch()._replace(head=write_head(booth.key, booth.head, b"question")))
    keyless = booth.take(booth.batch()._replace(head=None))

    assert (asked.question, asked.head) == (b"question", booth.head)
    assert (keyless.question, keyless.head, keyless.cursor) == (None, None, booth.head)


def test_the_same_entries_in_any_split_give_the_same_verdicts(store: Store) -> None:
    world = World(store)
    booth, other = world.booth("受付1", total=400), world.booth("受付2")
    for person in range(8):
        booth.grant(person)
        other.grant(person + 4)
    booth.add(Void(4, "まちがい"))
    booth.add(Clock(world.now_ms, 600_000, 600_020), Stamp(0, booth.boot, 600_020, 2))

    booth.send(last_seq=3)
    other.send(last_seq=5)
    booth.send(first_seq=7)
    booth.send(first_seq=3, last_seq=7)
    other.send(first_seq=2)
    split = world.picture()
    booth.send(first_seq=1)
    other.send(first_seq=1)

    assert world.picture() == split
    assert world.verdicts()["posted"][0] + world.verdicts()["duplicate"][0] + world.verdicts()["dismissed"][0] == 16


def test_receipts_count_up_and_speak_of_arrival_only(world: World) -> None:
    booth = world.booth()
    numbers = []

    for person in range(3):
        booth.grant(person)
        numbers.append(booth.send().number)

    assert numbers == [1, 2, 3]


def test_take_batch_returns_exactly_the_bytes_of_a_signed_receipt(world: World) -> None:
    booth = world.booth()
    booth.grant(0)

    encoded = take_batch(world.hub, booth.batch())

    assert read_receipt(encoded, world.hub.keyring.verifying(RECEIPT)).kiosk == booth.kiosk
