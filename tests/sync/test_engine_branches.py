"""A journal whose branch is not the hub's, that has holes, or an entry nobody takes: it always gets further, and once
the faults stop everything has arrived.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_fakes import NEWER_KEYS, Line, MemoryHub, MemoryJournal, a_question, drain, kiosk_with, no_time
from wire_samples import (
    KIOSK_KEY,
    RESTORED_INSTANCE,
    Chain,
    chain_of,
    grant,
    key_list,
)

from sync.engine import (
    exchange,
    next_batch,
    waiting,
)
from sync.head import Head
from sync.receipt import Status

# ---------------- the journal's branch is not the hub's


def cloned(shared: int, own: int, others: int) -> tuple[MemoryJournal, MemoryHub]:
    """A journal of which another card had the first `shared` entries, and a hub that knows only that other card's."""
    ours = chain_of(shared - 1)
    theirs = ours.branch(shared)
    for person in range(own):
        ours.add(grant(100 + person))
    for person in range(others):
        theirs.add(grant(200 + person))
    hub = MemoryHub()
    drain(MemoryJournal(theirs), Line(hub))
    return MemoryJournal(ours, known=replace(MemoryJournal().known, cursor_seq=shared)), hub


@pytest.mark.parametrize(("own", "others", "reason"), [(3, 9, "ahead of journal"), (9, 3, "foreign entry")])
def test_a_foreign_cursor_stops_the_key_and_the_journal_is_sent_from_its_beginning(
    own: int, others: int, reason: str
) -> None:
    journal, hub = cloned(4, own, others)

    exchange(
        journal,
        Line(hub, lambda _: hub.answer(hub.batches[-1], cursor=hub.cursor(Head(0, b"")))),
        no_time,
        a_question(),
    )

    assert journal.uplink().stopped == reason
    assert waiting(journal) == journal.head().seq
    assert next_batch(journal).first_seq == 1


@pytest.mark.parametrize(("own", "others"), [(30, 90), (90, 30), (1, 1)])
def test_a_stopped_journal_is_sent_whole_though_the_hub_names_the_other_branch(own: int, others: int) -> None:
    journal, hub = cloned(25, own, others)
    hub.max_batch = 7
    journal.known = replace(journal.known, max_batch=7, cursor_seq=0)

    rounds = drain(journal, Line(hub))

    assert waiting(journal) == 0
    assert len(rounds) <= 2 * (25 + own) // 7 + 3
    assert all(entry.hash in hub.arrived[seq] for seq, entry in enumerate(journal.chain.entries, 1))
    assert len(hub.arrived[26]) == 2


def test_a_stopped_journal_begins_at_the_first_entry_it_still_has() -> None:
    journal, hub = cloned(10, 5, 9)
    hub.max_batch = 2
    journal.missing = {1, 2, 3}
    journal.known = replace(journal.known, max_batch=2)

    for _ in range(3):
        exchange(journal, Line(hub), no_time, a_question())

    assert journal.uplink().stopped == "ahead of journal"
    assert hub.batches[-2].first_seq == 4
    assert hub.batches[-1].first_seq == 6


def test_a_stopped_journal_that_was_sent_whole_only_asks_any_more() -> None:
    journal, hub = cloned(4, 3, 9)

    def always_the_other_branch(_: bytes) -> bytes:
        return hub.answer(hub.batches[-1], cursor=Head(13, bytes(32)))

    rounds = [exchange(journal, Line(hub, always_the_other_branch), no_time, a_question()) for _ in range(5)]

    assert [done.sent for done in rounds] == [3, 7, 0, 0, 0]
    assert [done.waiting for done in rounds] == [7] * 5


def test_a_stopped_journal_is_not_taken_for_sent_by_an_answer_to_something_else() -> None:
    journal, hub = cloned(4, 3, 9)
    line = Line(hub, lambda _: hub.answer(hub.batches[-1], question=bytes(8), cursor=Head(13, bytes(32))))

    rounds = [exchange(journal, line, no_time, a_question()) for _ in range(3)]

    assert [done.sent for done in rounds] == [3, 7, 7]
    assert rounds[-1].trouble == "nothing arrived"


def test_a_stopped_journal_does_not_take_the_other_branchs_numbers_for_its_own() -> None:
    journal, hub = cloned(4, 3, 9)
    line = Line(
        hub, lambda _: hub.answer(hub.batches[-1], cursor=Head(13, bytes(32)), beyond=((1, 99),), refused=(1, "x"))
    )

    rounds = [exchange(journal, line, no_time, a_question()) for _ in range(2)]

    assert [done.sent for done in rounds] == [3, 7]


@pytest.mark.parametrize(("status", "told_seq"), [(Status.FENCED, 4), (Status.REVOKED, 4), (Status.FENCED, 3)])
def test_behind_a_gap_of_its_own_a_stopped_journal_goes_on_past_what_the_hub_keeps_beside_its_branch(
    status: Status, told_seq: int
) -> None:
    chain, hub = chain_of(30), MemoryHub(max_batch=7)
    known = replace(MemoryJournal().known, instance=hub.instance, cursor_seq=4, status=status, max_batch=7)
    journal = MemoryJournal(chain, missing={5, 6, 7, 8}, known=known)
    stands = Head(told_seq, chain.entries[told_seq - 1].hash)

    def as_before(_: bytes) -> bytes:
        return hub.answer(hub.batches[-1], cursor=stands, beyond=(), status=status)

    for _ in range(6):
        exchange(journal, Line(hub, as_before), no_time, a_question())

    assert [batch.first_seq for batch in hub.batches[:4]] == [9, 16, 23, 30]
    assert hub.batches[-1].entries == ()


def test_a_stopped_key_stays_stopped() -> None:
    journal, hub = cloned(4, 3, 9)
    exchange(
        journal, Line(hub, lambda _: hub.answer(hub.batches[-1], cursor=Head(13, bytes(32)))), no_time, a_question()
    )

    drain(journal, Line(hub))
    hub.restore({}, RESTORED_INSTANCE, NEWER_KEYS)
    drain(journal, Line(hub))

    assert waiting(journal) == 0
    assert journal.uplink().stopped == "ahead of journal"


def test_after_a_restore_a_stopped_journal_is_sent_again() -> None:
    journal, hub = cloned(4, 3, 9)
    line = Line(hub, lambda _: hub.answer(hub.batches[-1], cursor=Head(13, bytes(32))))
    for _ in range(3):
        exchange(journal, line, no_time, a_question())

    hub.restore({}, RESTORED_INSTANCE, NEWER_KEYS)
    rounds = [exchange(journal, line, no_time, a_question()) for _ in range(2)]

    assert [done.sent for done in rounds] == [0, 7]


# ---------------- holes and entries that are refused


def test_what_has_arrived_beyond_a_hole_is_not_sent_for_ever() -> None:
    journal, hub = kiosk_with(19), MemoryHub(max_batch=4)
    journal.missing = {3, 4}
    journal.known = replace(journal.known, max_batch=4)

    rounds = [exchange(journal, Line(hub), no_time, a_question()) for _ in range(7)]

    assert sorted(hub.arrived) == [seq for seq in range(1, 21) if seq not in journal.missing]
    assert [done.sent for done in rounds] == [2, 4, 4, 4, 4, 0, 0]
    assert {done.trouble for done in rounds} == {""}
    assert rounds[-1].waiting == 18


def test_a_hole_that_is_filled_later_lets_the_cursor_go_on() -> None:
    journal, hub = kiosk_with(9), MemoryHub()
    journal.missing = {3, 4}
    exchange(journal, Line(hub), no_time, a_question())
    exchange(journal, Line(hub), no_time, a_question())

    journal.missing = set()
    exchange(journal, Line(hub), no_time, a_question())

    assert waiting(journal) == 0


def test_a_journal_that_begins_late_says_so() -> None:
    journal = kiosk_with(9)
    journal.missing = {1, 2, 3}

    batch = next_batch(journal)

    assert (batch.first_seq, len(batch.entries)) == (4, 7)


def test_a_damaged_entry_does_not_keep_the_next_ones_back() -> None:
    journal, hub = kiosk_with(9), MemoryHub(max_batch=4)
    journal.known = replace(journal.known, max_batch=4)
    broken = journal.chain.entries[2]
    journal.chain.entries[2] = broken._replace(encoded=b"\x00" + broken.encoded[1:])

    rounds = [exchange(journal, Line(hub), no_time, a_question()) for _ in range(8)]

    assert sorted(hub.arrived) == [1, 2, 4, 5, 6, 7, 8, 9, 10]
    assert "refused: envelope" in {done.trouble for done in rounds}
    assert waiting(journal) == 8


def test_a_refused_entry_gets_its_turn_again() -> None:
    journal, hub = kiosk_with(9), MemoryHub()
    sound = journal.chain.entries[2]
    journal.chain.entries[2] = sound._replace(encoded=b"\x00" + sound.encoded[1:])
    for _ in range(4):
        exchange(journal, Line(hub), no_time, a_question())

    journal.chain.entries[2] = sound
    drain(journal, Line(hub), most=3)

    assert waiting(journal) == 0


def test_a_hub_that_takes_nothing_makes_the_kiosk_wait() -> None:
    journal, hub = kiosk_with(3), MemoryHub()
    line = Line(hub, lambda _: hub.answer(hub.batches[-1], cursor=Head(0, journal.hash_at(0) or b"")))
    exchange(journal, line, no_time, a_question())

    done = exchange(journal, line, no_time, a_question())

    assert done.trouble == "nothing arrived"
    assert done.waiting == 4


# ---------------- once the faults stop, everything has arrived

FAULTS: Final = ["sent", "request lost", "answer lost", "answer spoilt", "answer late", "grant", "restore", "forgotten"]


def play(journal: MemoryJournal, hub: MemoryHub, faults: list[str]) -> None:
    """Let the faults happen one after the other."""
    late: list[bytes] = []

    def keep_back(answer: bytes) -> bytes:
        late.append(answer)
        return b""

    backup: dict[int, dict[bytes, bytes]] = {}
    lines: dict[str, Line] = {
        "sent": Line(hub),
        "request lost": Line(hub, is_cut=True),
        "answer lost": Line(hub, keep_back),
        "answer spoilt": Line(hub, lambda answer: answer[:-1]),
        "answer late": Line(hub, lambda answer: late.pop(0) if late else answer),
    }
    for count, fault in enumerate(faults):
        if fault in lines:
            exchange(journal, lines[fault], no_time, a_question())
        elif fault == "grant":
            journal.chain.add(grant(count + 1))
            backup = {seq: dict(hashes) for seq, hashes in hub.arrived.items()} if count % 3 else backup
        elif fault == "forgotten":
            hub.knows_the_kiosk = False
        else:
            instance = RESTORED_INSTANCE._replace(opened_ms=RESTORED_INSTANCE.opened_ms + count)
            hub.restore({seq: dict(hashes) for seq, hashes in backup.items()}, instance, key_list(10 + count, instance))


@given(st.lists(st.sampled_from(FAULTS), max_size=25), st.integers(1, 4))
@settings(max_examples=250)
def test_once_the_faults_stop_everything_has_arrived_in_a_few_rounds(faults: list[str], size: int) -> None:
    journal, hub = MemoryJournal(Chain(KIOSK_KEY)), MemoryHub(max_batch=size)
    play(journal, hub, faults)
    journal.chain.add(grant(1))
    entries = [entry.encoded for entry in journal.chain.entries]

    drain(journal, Line(hub), most=2 * len(entries) + 5)

    assert waiting(journal) == 0
    assert all(entry.hash in hub.arrived[seq] for seq, entry in enumerate(journal.chain.entries, 1))
    assert [entry.encoded for entry in journal.chain.entries] == entries
    assert journal.uplink().stopped == ""
