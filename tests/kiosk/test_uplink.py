"""The uplink drains at the hub's pace, learns the time, and never gives up; the scan loop does not notice it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import wire_samples as wire
from kiosk_booth import HandClock, SmallHub, enrolled, reopened
from msgspec.structs import replace

from kiosk.journal import Journal, Kept
from kiosk.journal_file import JournalFailed
from kiosk.uplink import UplinkThread
from sync.engine import HubUnreachable
from sync.entry import Clock, Trust, read_entry
from sync.envelope import ENTRY, take_apart
from sync.manifest import write_manifest


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = enrolled(tmp_path / "journal.db")
    for person in range(1, 8):
        journal.sign_and_keep(wire.grant(person), wire.stamp(person), allotment=wire.ALLOTMENT)
    yield journal
    journal.abandon()


def uplink_of(journal: Journal, hub: SmallHub, clock: HandClock | None = None, chance: float = 0.5) -> UplinkThread:
    return UplinkThread(journal, hub, clock or HandClock(), lambda: chance)


def samples_in(journal: Journal) -> list[Clock]:
    bodies = [read_entry(take_apart(ENTRY, row.encoded).payload).body for row in journal.rows(1)]
    return [body for body in bodies if isinstance(body, Clock)]


def test_a_hub_that_asks_to_be_left_alone_is_left_alone_for_so_long(journal: Journal) -> None:
    class Full(SmallHub):
        def post_batch(self, _encoded: bytes) -> bytes:
            raise HubUnreachable("HTTP 429", 429, retry_after_seconds=600)

    assert uplink_of(journal, Full()).turn() == 600


def test_while_entries_arrive_the_next_round_follows_at_once(journal: Journal) -> None:
    hub = SmallHub(changes={"max_batch": 3})
    uplink = uplink_of(journal, hub)

    waits = [uplink.turn() for _ in range(5)]

    assert hub.posted == [7, 1, 0, 0, 0]  # the clock entry of the first round goes with the second
    assert waits[0] == 0.0
    assert waits[1:] == [30.0] * 4


def test_without_an_answer_rounds_grow_rare_and_an_answer_ends_that(journal: Journal) -> None:
    hub = SmallHub(unreachable="no route")
    uplink = uplink_of(journal, hub)

    waits = [uplink.turn() for _ in range(10)]
    trouble = uplink.state.trouble
    hub.unreachable = ""
    uplink.turn()

    assert waits[:4] == [2.5, 5.0, 10.0, 20.0]
    assert waits[9] == 150.0  # half of ten paces
    assert trouble == "no route"
    assert (uplink.state.trouble, uplink.state.failures) == ("", 0)


def test_the_first_receipt_of_a_boot_leaves_a_time_sample_and_the_next_ones_do_not(journal: Journal) -> None:
    clock = HandClock()
    uplink = uplink_of(journal, SmallHub(), clock)

    for _ in range(4):
        uplink.turn()

    assert samples_in(journal) == [Clock(wire.EVENING_MS, clock.monotonic, clock.monotonic)]
    assert journal.stamp_of(8) == replace(wire.stamp(), wall_ms=wire.EVENING_MS, trust=int(Trust.HUB))


def test_a_hub_that_contradicts_itself_by_seconds_is_written_down(journal: Journal) -> None:
    clock, hub = HandClock(), SmallHub()
    uplink = uplink_of(journal, hub, clock)
    uplink.turn()
    clock.turn(60_000)

    hub.changes = {"hub_ms": wire.EVENING_MS + 63_000}
    uplink.turn()

    assert [sample.hub_ms for sample in samples_in(journal)] == [wire.EVENING_MS, wire.EVENING_MS + 63_000]


def test_another_boot_gets_its_own_sample(journal: Journal) -> None:
    hub = SmallHub()
    uplink_of(journal, hub).turn()

    uplink_of(journal, hub, HandClock(boot=bytes(16))).turn()

    assert len(samples_in(journal)) == 2


def test_a_newer_manifest_is_fetched_and_told_to_the_scan_loop(journal: Journal) -> None:
    newer = write_manifest(wire.MANIFEST_KEY, wire.manifest(version=2))
    before = journal.news

    uplink_of(journal, SmallHub(changes={"manifest_version": 2}, manifest=newer)).turn()

    assert journal.manifest() == newer
    assert journal.news > before


def test_an_end_sends_what_the_scan_loop_left(tmp_path: Path, journal: Journal) -> None:
    hub = SmallHub(changes={"max_batch": 3})

    uplink_of(journal, hub).stop()

    assert len(hub.entries) == journal.head().seq == 8


def test_an_end_without_a_network_keeps_everything(journal: Journal) -> None:
    hub = SmallHub(unreachable="no route")

    uplink_of(journal, hub).stop()

    assert journal.uplink().cursor_seq == 0
    assert len(journal.entries_from(1, 100, 100_000)) == 7


def test_the_thread_goes_on_after_something_nobody_thought_of(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    hub, arrived = FaultyHub(), threading.Event()
    hub.arrived = arrived
    uplink = uplink_of(journal, hub, chance=0.0)

    uplink.start()
    came = arrived.wait(30)
    uplink.stop()

    assert came
    assert len(hub.entries) >= 7
    assert "disk I/O" in capsys.readouterr().err


class FaultyHub(SmallHub):
    """The first round meets an error of the disk; then all is well."""

    arrived: threading.Event
    has_failed: bool = False

    def post_batch(self, encoded: bytes) -> bytes:
        if not self.has_failed:
            self.has_failed = True
            raise JournalFailed("disk I/O error")
        answer = super().post_batch(encoded)
        self.arrived.set()
        return answer


def test_scans_go_on_while_a_round_hangs_on_a_dead_line(journal: Journal) -> None:
    hub = HangingHub()
    uplink = uplink_of(journal, hub)
    uplink.start()
    assert hub.is_hanging.wait(30)

    kept = [journal.sign_and_keep(wire.grant(person), wire.stamp(person)) for person in range(20, 40)]
    hub.may_go_on.set()
    uplink.stop()

    assert [entry.seq for entry in kept if isinstance(entry, Kept)] == list(range(8, 28))
    assert len(hub.entries) == journal.head().seq


class HangingHub(SmallHub):
    """Takes a batch and does not answer before it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.is_hanging = threading.Event()
        self.may_go_on = threading.Event()

    def post_batch(self, encoded: bytes) -> bytes:
        self.is_hanging.set()
        assert self.may_go_on.wait(30)
        return super().post_batch(encoded)


def test_pruning_follows_the_hubs_backup_when_settings_ask_for_it(tmp_path: Path) -> None:
    old = replace(wire.stamp(trust=Trust.HUB), wall_ms=wire.EVENING_MS - 40 * 86_400_000)
    with closing(enrolled(tmp_path / "journal.db")) as journal:
        journal.sign_and_keep(wire.grant(1), old)
        hub = SmallHub(changes={"backed_up_seq": 1})

        kept = UplinkThread(journal, hub, HandClock(), lambda: 0.5)
        kept.turn()
        kept_seq = journal.first_kept_seq()
        pruning = UplinkThread(journal, hub, HandClock(), lambda: 0.5, prune=True)
        pruning.turn()

        assert (kept_seq, journal.first_kept_seq()) == (1, 2)
    with closing(reopened(tmp_path / "journal.db")) as journal:
        assert journal.first_kept_seq() == 2
