"""The engine between a journal and a hub that is down, forgetful, restored or somebody else: nothing is lost, and
nothing is believed that is not signed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_fakes import (
    NEWER_KEYS,
    STRANGER,
    Line,
    MemoryHub,
    MemoryJournal,
    a_question,
    drain,
    kiosk_with,
    no_time,
    without,
)
from wire_samples import (
    EVENING_MS,
    INSTANCE,
    KIOSK_KEY,
    OTHER_KIOSK_KEY,
    RECEIPT_KEY,
    RESTORED_INSTANCE,
    certificate,
    grant,
    key_list,
    online_keys,
    receipt,
    sample_key,
)

from sync.batch import ENTRIES_LIMIT, FRAME_LENGTH, LENGTH_LIMIT, Batch, read_batch, write_batch
from sync.certificate import kiosk_identity
from sync.engine import (
    LONGEST_RETRY_SECONDS,
    HubUnreachable,
    Round,
    exchange,
    next_batch,
    settle_answer,
    take_key_list,
    wait_seconds,
    waiting,
)
from sync.entry import Clock
from sync.envelope import RECEIPT
from sync.head import Head, read_signed_head, write_head
from sync.keys import KeyList, KeyState, OnlineKey, write_key_list
from sync.receipt import LENGTH_LIMIT as RECEIPT_LENGTH_LIMIT
from sync.receipt import Status, read_receipt, write_receipt
from sync.room import Room

STRANGE_ROOT: Final = sample_key("another hub's root")


# ---------------- the ordinary day


def test_everything_arrives_and_the_receipt_is_kept() -> None:
    journal, hub = kiosk_with(5), MemoryHub()

    done = exchange(journal, Line(hub), no_time, a_question())

    assert done == Round(6, 0, "", Clock(EVENING_MS, 0, 0))
    assert journal.uplink().cursor_seq == 6
    assert journal.last_receipt() is not None
    assert [hub.batches[0].first_seq, len(hub.batches[0].entries)] == [1, 6]


def test_every_batch_takes_the_certificate_along() -> None:
    journal, hub = kiosk_with(1), MemoryHub()

    drain(journal, Line(hub))
    journal.chain.add(grant(2))
    drain(journal, Line(hub))

    assert [batch.certificate for batch in hub.batches] == [certificate(), certificate()]
    assert [batch.first_seq for batch in hub.batches] == [1, 3]


def test_each_batch_shows_the_head_and_the_last_receipt() -> None:
    journal, hub = kiosk_with(3), MemoryHub(max_batch=2)
    journal.known = replace(journal.known, max_batch=2)

    drain(journal, Line(hub))

    shown = [read_signed_head(batch.head or b"", KIOSK_KEY.public) for batch in hub.batches]
    assert {one.head for one in shown} == {journal.head()}
    assert len({one.question for one in shown}) == len(shown)
    assert hub.batches[0].last_receipt is None
    assert hub.batches[1].last_receipt is not None


def test_a_batch_with_nothing_in_it_asks_for_a_receipt() -> None:
    journal, hub = kiosk_with(2), MemoryHub()
    drain(journal, Line(hub))

    done = exchange(journal, Line(hub), no_time, a_question())

    assert (done.sent, done.trouble) == (0, "")
    assert done.sample is not None
    assert journal.uplink().number == 2


def test_a_time_sample_is_taken_before_sending_and_after_receiving() -> None:
    journal = kiosk_with(1)
    ticks = iter([1_000, 1_450])

    done = exchange(journal, Line(MemoryHub()), lambda: next(ticks), a_question())

    assert done.sample == Clock(EVENING_MS, 1_000, 1_450)


def test_the_hub_sets_the_pace_and_the_size_of_the_batches() -> None:
    journal, hub = kiosk_with(9), MemoryHub(max_batch=4)

    rounds = drain(journal, Line(hub))

    assert [len(batch.entries) for batch in hub.batches] == [10]
    assert len(rounds) == 1
    assert journal.uplink().max_batch == 4
    journal.known = replace(journal.known, cursor_seq=0)
    assert len(next_batch(journal).entries) == 4


@pytest.mark.parametrize(("told", "entries"), [(0, 1), (1, 1), (3, 3), (2**63 - 1, 6)])
def test_a_batch_size_is_never_none_and_never_too_much(told: int, entries: int) -> None:
    journal = kiosk_with(5)
    journal.known = replace(journal.known, max_batch=told)

    batch = next_batch(journal)

    assert len(batch.entries) == entries


def test_the_fullest_batch_is_within_the_limit() -> None:
    room = LENGTH_LIMIT - FRAME_LENGTH
    entries = [b"e" * (room // ENTRIES_LIMIT)] * ENTRIES_LIMIT
    longest = Batch(
        bytes(8),
        write_head(KIOSK_KEY, Head(2**63 - 1, bytes(32)), bytes(8)),
        2**63 - 1,
        b"r" * RECEIPT_LENGTH_LIMIT,
        tuple(entries),
        certificate(),
    )

    encoded = write_batch(longest)

    assert LENGTH_LIMIT * 0.98 < len(encoded) <= LENGTH_LIMIT
    assert read_batch(encoded) == longest


def test_a_journal_is_asked_for_no_more_than_fits() -> None:
    journal = kiosk_with(3)
    journal.known = replace(journal.known, max_batch=10**9)
    asked: list[tuple[int, int, int]] = []

    def entries_from(first_seq: int, most: int, most_bytes: int) -> list[bytes]:
        asked.append((first_seq, most, most_bytes))
        return MemoryJournal.entries_from(journal, first_seq, most, most_bytes)

    journal.entries_from = entries_from  # type: ignore[method-assign]
    next_batch(journal)

    assert asked == [(1, ENTRIES_LIMIT, LENGTH_LIMIT - FRAME_LENGTH)]


# ---------------- answers that are not believed

Spoil = Callable[[bytes], bytes]


def plain(answer: bytes) -> bytes:
    """The same words without a signature."""
    return cbor2.loads(answer)[2]  # type: ignore[no-any-return]


def signed_by_a_stranger(answer: bytes) -> bytes:
    read = read_receipt(answer, {RECEIPT.kid(RECEIPT_KEY.public): RECEIPT_KEY.public})
    return write_receipt(STRANGER, read)


def of_another_kiosk(answer: bytes) -> bytes:
    read = read_receipt(answer, {RECEIPT.kid(RECEIPT_KEY.public): RECEIPT_KEY.public})
    return write_receipt(RECEIPT_KEY, read._replace(kiosk=kiosk_identity(OTHER_KIOSK_KEY.public)))


UNBELIEVED: Final[dict[str, tuple[Spoil, str]]] = {
    "nothing": (lambda _: b"", "receipt refused: envelope"),
    "half a receipt": (lambda answer: answer[: len(answer) // 2], "receipt refused: envelope"),
    "a receipt and more": (lambda answer: answer + b"\x00", "receipt refused: envelope"),
    "a page of a captive portal": (lambda _: b"<html><body>Wi-Fi</body></html>", "receipt refused: envelope"),
    "a receipt nobody signed": (plain, "receipt refused: envelope"),
    "a receipt with a bit flipped": (
        lambda answer: answer[:-1] + bytes([answer[-1] ^ 1]),
        "receipt refused: signature",
    ),
    "a receipt by another hub": (signed_by_a_stranger, "receipt refused: kid"),
    "a receipt of another kiosk": (of_another_kiosk, "receipt of another kiosk"),
    "a giant": (lambda _: bytes(9 * 2**20), "receipt refused: length"),
}


@pytest.mark.parametrize("name", UNBELIEVED)
def test_an_answer_that_is_no_receipt_for_this_kiosk_changes_nothing(name: str) -> None:
    spoil, trouble = UNBELIEVED[name]
    journal, hub = kiosk_with(3), MemoryHub()
    before = journal.everything()

    done = exchange(journal, Line(hub, spoil), no_time, a_question())

    assert done == Round(4, 4, trouble, None)
    assert journal.everything() == before


@pytest.mark.parametrize("name", UNBELIEVED)
def test_after_any_such_answer_the_next_round_brings_everything(name: str) -> None:
    spoil, _ = UNBELIEVED[name]
    journal, hub = kiosk_with(3), MemoryHub()
    exchange(journal, Line(hub, spoil), no_time, a_question())

    done = exchange(journal, Line(hub), no_time, a_question())

    assert (done.waiting, done.trouble) == (0, "")
    assert [len(hub.arrived[seq]) for seq in (1, 2, 3, 4)] == [1, 1, 1, 1]


def test_no_network_is_weather() -> None:
    journal, line = kiosk_with(3), Line(MemoryHub(), is_cut=True)
    before = journal.everything()

    done = exchange(journal, line, no_time, a_question())

    assert done == Round(4, 4, "no network", None)
    assert journal.everything() == before


def test_garbage_does_not_make_the_kiosk_ask_for_key_lists() -> None:
    journal, hub = kiosk_with(1), MemoryHub()

    for spoil, _ in UNBELIEVED.values():
        exchange(journal, Line(hub, spoil), no_time, a_question())

    assert hub.asked.count("key list") == 1  # for the one whose kid is unknown


def test_another_root_key_moves_nothing_however_complete_it_is() -> None:
    strangers = write_key_list(
        STRANGE_ROOT, KeyList(99, "", (OnlineKey("receipt", STRANGER.public, KeyState.CURRENT),), (INSTANCE,))
    )
    journal, hub = kiosk_with(3), MemoryHub(key=STRANGER, key_list=strangers)
    before = journal.everything()

    done = exchange(journal, Line(hub), no_time, a_question())

    assert done.trouble == "receipt refused: kid"
    assert journal.everything() == before


def test_the_key_list_of_a_demo_is_not_taken_by_a_real_kiosk() -> None:
    journal = kiosk_with(1)
    before = journal.everything()

    taken = take_key_list(journal, write_key_list(sample_key("root"), KeyList(5, "demo", online_keys(), (INSTANCE,))))

    assert not taken
    assert journal.everything() == before


@pytest.mark.parametrize("version", [1, 0])
def test_a_key_list_never_goes_back(version: int) -> None:
    journal = kiosk_with(1)
    before = journal.everything()

    taken = take_key_list(journal, key_list(version, INSTANCE, RESTORED_INSTANCE))

    assert not taken
    assert journal.everything() == before


def test_a_receipt_by_a_withdrawn_key_is_not_believed() -> None:
    journal, hub = kiosk_with(1), MemoryHub()
    keys = (*without(online_keys(), "receipt"), OnlineKey("receipt", RECEIPT_KEY.public, KeyState.WITHDRAWN))
    take_key_list(journal, key_list(2, keys=keys))
    before = journal.everything()

    done = exchange(journal, Line(hub), no_time, a_question())

    assert done.trouble == "receipt refused: kid"
    assert journal.everything() == before


def test_a_receipt_by_a_new_key_is_believed_once_the_root_stands_behind_it() -> None:
    keys = (*online_keys(), OnlineKey("receipt", STRANGER.public, KeyState.CURRENT))
    journal, hub = kiosk_with(1), MemoryHub(key=STRANGER, key_list=key_list(2, keys=keys))

    done = exchange(journal, Line(hub), no_time, a_question())

    assert (done.waiting, done.trouble) == (0, "")
    assert hub.asked == ["batch", "key list"]


def test_a_receipt_that_names_a_newer_key_list_brings_it() -> None:
    journal, hub = kiosk_with(1), MemoryHub(key_list=NEWER_KEYS, key_list_version=2)

    exchange(journal, Line(hub), no_time, a_question())
    exchange(journal, Line(hub), no_time, a_question())

    assert journal.key_list() == NEWER_KEYS
    assert hub.asked == ["batch", "key list", "batch"]


# ---------------- instances and numbers


def test_an_unknown_instance_is_ignored_while_no_key_list_names_it() -> None:
    journal, hub = kiosk_with(3), MemoryHub(instance=RESTORED_INSTANCE)
    before = journal.everything()

    done = exchange(journal, Line(hub), no_time, a_question())

    assert done.trouble == "receipt refused: instance"
    assert journal.everything() == before


def test_an_unknown_instance_is_believed_with_a_newer_root_signed_list() -> None:
    journal, hub = kiosk_with(3), MemoryHub(instance=RESTORED_INSTANCE, key_list=NEWER_KEYS)

    done = exchange(journal, Line(hub), no_time, a_question())

    assert (done.waiting, done.trouble) == (0, "")
    assert journal.uplink().instance == RESTORED_INSTANCE


@pytest.mark.parametrize("number", [1, 2])
def test_a_receipt_with_an_older_or_the_same_number_is_ignored(number: int) -> None:
    journal, hub = kiosk_with(3), MemoryHub(number=1)
    drain(journal, Line(hub))
    journal.chain.add(grant(9))
    before = journal.everything()

    settled = settle_answer(journal, write_receipt(RECEIPT_KEY, receipt(journal.head(), number)), None)

    assert settled == "older receipt"
    assert journal.everything() == before


def test_a_receipt_of_an_older_instance_is_ignored_however_high_its_number() -> None:
    journal, hub = kiosk_with(3), MemoryHub(instance=RESTORED_INSTANCE, key_list=NEWER_KEYS)
    drain(journal, Line(hub))
    before = journal.everything()

    settled = settle_answer(journal, write_receipt(RECEIPT_KEY, receipt(journal.head(), 10**6)), None)

    assert settled == "older receipt"
    assert journal.everything() == before


def test_under_the_same_instance_a_cursor_that_goes_back_is_ignored() -> None:
    journal, hub = kiosk_with(5), MemoryHub()
    drain(journal, Line(hub))
    before = journal.everything()
    back = Head(2, journal.chain.entries[1].hash)

    settled = settle_answer(journal, write_receipt(RECEIPT_KEY, receipt(back, 50)), None)

    assert settled == "cursor went back"
    assert journal.everything() == before


def test_a_cursor_goes_back_before_a_hole_where_the_hub_says_that_it_holds_what_lies_beyond() -> None:
    journal, hub = kiosk_with(5), MemoryHub()
    drain(journal, Line(hub))
    back = Head(2, journal.chain.entries[1].hash)
    reopened = receipt(back, 50)._replace(beyond=((4, 6),))

    settled = settle_answer(journal, write_receipt(RECEIPT_KEY, reopened), None)

    assert not isinstance(settled, str)
    assert journal.uplink().cursor_seq == 2


def test_under_a_new_instance_the_cursor_goes_back_and_everything_is_sent_again() -> None:
    journal, hub = kiosk_with(5), MemoryHub()
    drain(journal, Line(hub))
    hub.restore({}, RESTORED_INSTANCE, NEWER_KEYS)

    first = exchange(journal, Line(hub), no_time, a_question())
    rest = drain(journal, Line(hub))

    assert first.waiting == 6
    assert [done.trouble for done in (first, *rest)] == ["", ""]
    assert sorted(hub.arrived) == [1, 2, 3, 4, 5, 6]


def test_a_restored_hub_that_has_forgotten_the_kiosk_knows_it_by_its_certificate_and_gets_all_entries() -> None:
    journal, hub = kiosk_with(5), MemoryHub()
    drain(journal, Line(hub))
    journal.chain.add(grant(9))
    hub.restore({}, RESTORED_INSTANCE, NEWER_KEYS)
    hub.knows_the_kiosk = False

    first = exchange(journal, Line(hub), no_time, a_question())
    drain(journal, Line(hub))

    assert first.trouble == ""
    assert sorted(hub.arrived) == [1, 2, 3, 4, 5, 6, 7]
    assert waiting(journal) == 0


# ---------------- what a status does


def test_a_hub_that_does_not_know_the_kiosk_changes_nothing() -> None:
    journal, hub = kiosk_with(5), MemoryHub()
    drain(journal, Line(hub))
    journal.chain.add(grant(9))
    hub.believes_certificates, hub.knows_the_kiosk = False, False
    kept, cursor_seq = journal.last_receipt(), journal.uplink().cursor_seq

    done = exchange(journal, Line(hub), no_time, a_question())

    assert (done.trouble, done.sample) == ("hub does not know this kiosk", None)
    assert (journal.last_receipt(), journal.uplink().cursor_seq) == (kept, cursor_seq)


def test_a_replayed_unknown_costs_nothing() -> None:
    journal, hub = kiosk_with(5), MemoryHub()
    unknown = hub.answer(next_batch(journal), status=Status.UNKNOWN, cursor=Head(0, bytes(32)))
    drain(journal, Line(hub))
    before = journal.uplink()

    settle_answer(journal, unknown, None)

    assert journal.uplink() == replace(before, status=Status.UNKNOWN)


@pytest.mark.parametrize("status", [Status.FENCED, Status.REVOKED])
def test_a_fenced_or_revoked_kiosk_still_drains(status: Status) -> None:
    journal, hub = kiosk_with(5), MemoryHub(status=status, max_batch=2)
    journal.known = replace(journal.known, max_batch=2)

    rounds = drain(journal, Line(hub))

    assert [done.trouble for done in rounds] == ["", "", ""]
    assert sorted(hub.arrived) == [1, 2, 3, 4, 5, 6]
    assert journal.uplink().status is status


def test_a_refusal_explains_and_deletes_nothing() -> None:
    journal = kiosk_with(5)
    entries = [entry.encoded for entry in journal.chain.entries]
    at_two = Head(2, journal.chain.entries[1].hash)

    settle_answer(journal, write_receipt(RECEIPT_KEY, receipt(at_two, refused=(3, "signature"))), None)

    assert journal.uplink().refused == (3, "signature")
    assert [entry.encoded for entry in journal.chain.entries] == entries
    assert waiting(journal) == 4


def test_a_backup_mark_is_kept_as_the_hub_says_it() -> None:
    journal = kiosk_with(5)

    settle_answer(journal, write_receipt(RECEIPT_KEY, receipt(journal.head(), backed_up_seq=4)), None)

    assert journal.uplink().backed_up_seq == 4


# ---------------- time


def test_a_receipt_held_back_on_the_way_tells_no_time() -> None:
    journal, hub = kiosk_with(2), MemoryHub()
    held_back: list[bytes] = []

    def hold_back(answer: bytes) -> bytes:
        held_back.append(answer)
        return b""

    exchange(journal, Line(hub, hold_back), no_time, a_question())
    done = exchange(journal, Line(hub, lambda _: held_back[0]), no_time, a_question())

    assert journal.uplink().cursor_seq == 3
    assert done.sample is None


@pytest.mark.parametrize(("took_ms", "is_sample"), [(10_000, True), (10_001, False)])
def test_an_answer_that_was_long_under_way_tells_no_time(took_ms: int, *, is_sample: bool) -> None:
    ticks = iter([1_000, 1_000 + took_ms])

    done = exchange(kiosk_with(2), Line(MemoryHub()), lambda: next(ticks), a_question())

    assert (done.trouble, done.sample is not None) == ("", is_sample)


def test_a_journal_without_its_key_drains_and_learns_no_time() -> None:
    journal, hub = kiosk_with(5), MemoryHub(max_batch=2)
    journal.has_key = False
    journal.known = replace(journal.known, max_batch=2)

    rounds = drain(journal, Line(hub))

    assert {batch.head for batch in hub.batches} == {None}
    assert sorted(hub.arrived) == [1, 2, 3, 4, 5, 6]
    assert [done.sample for done in rounds] == [None] * 3


class Narrow(Line):
    """A line behind a proxy that lets little through."""

    most_bytes: int = 2_000

    def post_batch(self, encoded: bytes) -> bytes:
        if len(encoded) > self.most_bytes:
            raise HubUnreachable("HTTP 413", 413)
        return super().post_batch(encoded)


def test_a_proxy_that_lets_little_through_is_got_past_with_smaller_batches() -> None:
    journal, hub = kiosk_with(60), MemoryHub()
    line, room, sent = Narrow(hub), Room(), []

    for _ in range(60):
        done = exchange(journal, line, no_time, a_question(), room)
        room = done.room
        sent.append((done.sent, done.trouble))

    assert waiting(journal) == 0
    refused = [count for count, trouble in sent if trouble]
    assert refused[0] == 61
    assert len(refused) < 6, "it is not tried again and again"


def test_a_hub_that_asks_to_be_left_alone_is_heard() -> None:
    def too_much(_: bytes) -> bytes:
        raise HubUnreachable("HTTP 429", 429, retry_after_seconds=90)

    done = exchange(kiosk_with(3), Line(MemoryHub(), too_much), no_time, a_question())

    assert (done.trouble, done.retry_after_seconds, done.room) == ("HTTP 429", 90, Room())


# ---------------- waiting


@given(st.integers(0, 2**63 - 1), st.floats(0, 1, exclude_max=True))
def test_after_a_success_the_hubs_pace_is_kept_within_reason(pace: int, fraction: float) -> None:
    seconds = wait_seconds(0, pace, fraction)

    assert 0.9 <= seconds < 3_961
    assert not 1 <= pace <= 3_600 or 0.9 * pace <= seconds <= 1.1 * pace


@given(st.integers(1, 10**6), st.integers(0, 2**63 - 1), st.floats(0, 1, exclude_max=True))
def test_after_failures_nobody_waits_over_a_quarter_of_an_hour(failures: int, pace: int, fraction: float) -> None:
    seconds = wait_seconds(failures, pace, fraction)

    assert 1 <= seconds <= LONGEST_RETRY_SECONDS
    assert seconds <= max(1, 5 * 2 ** min(failures - 1, 20))
    assert seconds <= 10 * max(1, pace)


def test_the_wait_grows_and_is_spread() -> None:
    longest = [wait_seconds(failures, 30, 0.999_999) for failures in range(1, 12)]

    assert longest == sorted(longest)
    assert [round(seconds) for seconds in longest[:4]] == [5, 10, 20, 40]
    assert round(longest[-1]) == 300
    assert wait_seconds(9, 30, 0.0) == 1


@pytest.mark.parametrize(("pace", "longest"), [(0, 10), (1, 10), (30, 300), (90, 900), (3_600, 900)])
def test_after_an_outage_a_kiosk_comes_within_ten_of_the_hubs_paces(pace: int, longest: int) -> None:
    seconds = wait_seconds(20, pace, 0.999_999)

    assert round(seconds) == longest
