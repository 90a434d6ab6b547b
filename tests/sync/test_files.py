"""Batches and answers on a stick: the same bytes as by HTTP, and a stick may hold anything."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from wire_fakes import NEWER_KEYS, MemoryHub, MemoryJournal, kiosk_with
from wire_samples import (
    KIOSK_ID,
    MANIFEST_KEY,
    OTHER_KIOSK_KEY,
    RECEIPT_KEY,
    RESTORED_INSTANCE,
    chain_of,
    grant,
    manifest,
    receipt,
)

from sync import files
from sync.batch import LENGTH_LIMIT, read_batch
from sync.engine import waiting
from sync.files import export_batches, files_in, read_limited, shown, take_answers, write_whole
from sync.head import Head
from sync.manifest import write_manifest
from sync.receipt import write_receipt


def carry(stick: Path, hub: MemoryHub) -> None:
    """Take a stick to the hub: every batch is read there, in the order of the names, and answered beside it."""
    for path in sorted(stick.glob("*.kpbatch")):
        write_whole(path.with_suffix(".kpreceipt"), hub.post_batch(path.read_bytes()))


def test_everything_arrives_by_a_stick_and_the_answers_come_back(tmp_path: Path) -> None:
    journal, hub = kiosk_with(9), MemoryHub()

    export_batches(journal, tmp_path)
    carry(tmp_path, hub)
    answers = take_answers(journal, tmp_path)

    assert set(answers.values()) == {""}
    assert waiting(journal) == 0
    assert sorted(hub.arrived) == list(range(1, 11))


def test_a_journal_too_long_for_one_batch_fills_several_files(tmp_path: Path) -> None:
    journal, hub = kiosk_with(1_200), MemoryHub()

    paths = export_batches(journal, tmp_path)
    carry(tmp_path, hub)
    take_answers(journal, tmp_path)

    assert [path.name for path in paths] == [
        f"{KIOSK_ID.hex()}-000000001-000000500.kpbatch",
        f"{KIOSK_ID.hex()}-000000501-000001000.kpbatch",
        f"{KIOSK_ID.hex()}-000001001-000001201.kpbatch",
    ]
    assert [len(read_batch(path.read_bytes()).entries) for path in paths] == [500, 500, 201]
    assert waiting(journal) == 0


def test_only_what_has_not_arrived_is_written(tmp_path: Path) -> None:
    journal, hub = kiosk_with(4), MemoryHub()
    export_batches(journal, tmp_path)
    carry(tmp_path, hub)
    take_answers(journal, tmp_path)

    journal.chain.add(grant(50))
    [path] = export_batches(journal, tmp_path)

    assert read_batch(path.read_bytes()).first_seq == 6
    assert export_batches(MemoryJournal(), tmp_path) == []


def test_writing_a_stick_changes_nothing_and_gives_the_same_bytes_again(tmp_path: Path) -> None:
    journal = kiosk_with(4)
    before = journal.everything()

    [first] = export_batches(journal, tmp_path)
    content = first.read_bytes()
    [second] = export_batches(journal, tmp_path)

    assert (second, second.read_bytes()) == (first, content)
    assert journal.everything() == before


def test_a_stopped_journal_is_written_from_its_first_entry(tmp_path: Path) -> None:
    journal = kiosk_with(4)
    foreign = write_receipt(RECEIPT_KEY, receipt(Head(99, bytes(32))))
    (tmp_path / "a.kpreceipt").write_bytes(foreign)

    take_answers(journal, tmp_path)
    [path] = export_batches(journal, tmp_path)

    assert journal.uplink().stopped == "ahead of journal"
    assert len(read_batch(path.read_bytes()).entries) == 5


def test_a_stick_brings_key_list_manifest_and_receipt_of_a_restored_hub_at_once(tmp_path: Path) -> None:
    journal = kiosk_with(4)
    hub = MemoryHub(instance=RESTORED_INSTANCE)
    newer = write_manifest(MANIFEST_KEY, manifest(1, instance=RESTORED_INSTANCE))
    export_batches(journal, tmp_path)
    carry(tmp_path, hub)
    (tmp_path / "z.kpkeys").write_bytes(NEWER_KEYS)
    (tmp_path / "a.kpmanifest").write_bytes(newer)

    answers = take_answers(journal, tmp_path)

    assert set(answers.values()) == {""}
    assert (journal.key_list(), journal.manifest(), waiting(journal)) == (NEWER_KEYS, newer, 0)


def test_without_the_key_list_the_same_stick_changes_nothing(tmp_path: Path) -> None:
    journal = kiosk_with(4)
    export_batches(journal, tmp_path)
    carry(tmp_path, MemoryHub(instance=RESTORED_INSTANCE))
    (tmp_path / "a.kpmanifest").write_bytes(write_manifest(MANIFEST_KEY, manifest(1, instance=RESTORED_INSTANCE)))
    before = journal.everything()

    answers = take_answers(journal, tmp_path)

    assert set(answers.values()) == {"manifest refused: not for this kiosk", "receipt refused: instance"}
    assert journal.everything() == before


def test_a_stick_shared_by_kiosks_gives_each_its_own(tmp_path: Path) -> None:
    ours, theirs = kiosk_with(2), MemoryJournal(chain_of(3, OTHER_KIOSK_KEY))
    hub, other_hub = MemoryHub(), MemoryHub(public_key=OTHER_KIOSK_KEY.public)
    [path] = export_batches(ours, tmp_path)
    [other_path] = export_batches(theirs, tmp_path)
    write_whole(path.with_suffix(".kpreceipt"), hub.post_batch(path.read_bytes()))
    write_whole(other_path.with_suffix(".kpreceipt"), other_hub.post_batch(other_path.read_bytes()))

    answers = take_answers(ours, tmp_path)

    assert answers == {
        path.with_suffix(".kpreceipt"): "",
        other_path.with_suffix(".kpreceipt"): "receipt of another kiosk",
    }
    assert (waiting(ours), waiting(theirs)) == (0, 4)


def test_the_same_answers_taken_twice_change_nothing_more(tmp_path: Path) -> None:
    journal, hub = kiosk_with(2), MemoryHub()
    export_batches(journal, tmp_path)
    carry(tmp_path, hub)
    (tmp_path / "a.kpkeys").write_bytes(NEWER_KEYS)
    take_answers(journal, tmp_path)
    before = journal.everything()

    answers = take_answers(journal, tmp_path)

    assert set(answers.values()) == {"older receipt", "not newer"}
    assert journal.everything() == before


@pytest.mark.parametrize("suffix", ["kpreceipt", "kpkeys", "kpmanifest"])
@pytest.mark.parametrize("kept", [0, 1, 100, -1])
def test_a_half_written_answer_changes_nothing(tmp_path: Path, suffix: str, kept: int) -> None:
    journal = kiosk_with(2)
    whole = {
        "kpreceipt": write_receipt(RECEIPT_KEY, receipt(journal.head())),
        "kpkeys": NEWER_KEYS,
        "kpmanifest": write_manifest(MANIFEST_KEY, manifest(1)),
    }
    path = tmp_path / f"half.{suffix}"
    path.write_bytes(whole[suffix][:kept])
    before = journal.everything()

    answers = take_answers(journal, tmp_path)

    assert list(answers) == [path]
    assert answers[path]
    assert journal.everything() == before


def test_a_file_that_was_never_renamed_is_left_alone(tmp_path: Path) -> None:
    journal = kiosk_with(2)
    answer = write_receipt(RECEIPT_KEY, receipt(journal.head()))
    (tmp_path / "a.kpreceipt.part").write_bytes(answer)

    assert take_answers(journal, tmp_path) == {}


@pytest.mark.parametrize("suffix", ["kpreceipt", "kpkeys", "kpmanifest"])
def test_a_giant_file_is_refused_without_being_read_whole(tmp_path: Path, suffix: str) -> None:
    journal = kiosk_with(2)
    path = tmp_path / f"giant.{suffix}"
    with path.open("wb") as file:
        file.write(NEWER_KEYS)
        file.truncate(2**32)  # a hole: it takes no room
    before = journal.everything()

    content = read_limited(path)
    answers = take_answers(journal, tmp_path)

    assert len(content) == LENGTH_LIMIT + 1
    assert answers[path]
    assert journal.everything() == before


def test_pipes_folders_and_dead_links_are_left_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.kpreceipt")
    (tmp_path / "folder.kpkeys").mkdir()
    (tmp_path / "link.kpmanifest").symlink_to(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("見本1")

    assert take_answers(kiosk_with(1), tmp_path) == {}


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = kiosk_with(2)
    (tmp_path / "a.kpreceipt").write_bytes(b"on a bad block")
    (tmp_path / "b.kpreceipt").write_bytes(write_receipt(RECEIPT_KEY, receipt(journal.head())))

    def read(path: Path) -> bytes:
        if path.name == "a.kpreceipt":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return read_limited(path)

    monkeypatch.setattr(files, "read_limited", read)
    answers = take_answers(journal, tmp_path)

    assert answers == {tmp_path / "a.kpreceipt": "unreadable: Input/output error", tmp_path / "b.kpreceipt": ""}
    assert waiting(journal) == 0


def test_what_some_systems_lay_beside_each_file_is_nothing(tmp_path: Path) -> None:
    (tmp_path / "._a.kpreceipt").write_bytes(b"\x00\x05\x16\x07")

    assert take_answers(kiosk_with(1), tmp_path) == {}


@pytest.mark.parametrize("what", ["link", "pipe", "folder"])
def test_what_is_no_plain_file_is_not_read_though_it_is_named(tmp_path: Path, what: str) -> None:
    path = tmp_path / "named.kpbatch"
    (tmp_path / "secret").write_bytes(b"not for you")
    match what:
        case "link":
            path.symlink_to(tmp_path / "secret")
        case "pipe":
            os.mkfifo(path)
        case _:
            path.mkdir()

    with pytest.raises(OSError):  # which one is the system's
        read_limited(path)


def test_a_stick_with_many_thousand_files_is_looked_through(tmp_path: Path) -> None:
    for number in range(20_000):
        (tmp_path / f"{number}.jpg").touch()
    (tmp_path / "only.kpbatch").touch()

    assert files_in(tmp_path, ".kpbatch") == [tmp_path / "only.kpbatch"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("まつり 1.kpbatch", "まつり 1.kpbatch"),
        ("\x1b[2Jgone.kpbatch", "\\x1b[2Jgone.kpbatch"),
        ("two\nlines", "two\\nlines"),
        ("\u202egnp.kpbatch", "\\u202egnp.kpbatch"),
        ("\udcff.kpbatch", "\\udcff.kpbatch"),
    ],
)
def test_a_name_from_a_stick_steers_no_terminal(name: str, safe: str) -> None:
    assert shown(name) == safe


def test_a_stick_that_shouts_its_names_is_read_too(tmp_path: Path) -> None:
    journal = kiosk_with(2)
    (tmp_path / "A.KPRECEIPT").write_bytes(write_receipt(RECEIPT_KEY, receipt(journal.head())))

    answers = take_answers(journal, tmp_path)

    assert list(answers.values()) == [""]
    assert waiting(journal) == 0


def test_a_file_is_written_whole_over_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "a.kpbatch"
    path.write_bytes(b"older and longer")

    write_whole(path, b"newer")

    assert path.read_bytes() == b"newer"
    assert [each.name for each in tmp_path.iterdir()] == ["a.kpbatch"]


def test_a_link_that_was_laid_in_the_way_is_not_followed(tmp_path: Path) -> None:
    journal = tmp_path / "journal.db"
    journal.write_bytes(b"a booth's journal")
    stick = tmp_path / "stick"
    stick.mkdir()
    for name in ("a.kpbatch", "a.kpbatch.part", "a.kpbatch.part1"):
        (stick / name).symlink_to(journal)

    write_whole(stick / "a.kpbatch", b"entries")

    assert journal.read_bytes() == b"a booth's journal"
    assert (stick / "a.kpbatch").read_bytes() == b"entries"
    assert not (stick / "a.kpbatch").is_symlink()


@pytest.mark.parametrize("error", [errno.EINVAL, errno.EACCES])
def test_a_medium_that_cannot_flush_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def cannot(_descriptor: int) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "fsync", cannot)
    write_whole(tmp_path / "a.kpbatch", b"entries")

    assert (tmp_path / "a.kpbatch").read_bytes() == b"entries"


def test_a_medium_that_is_full_leaves_the_older_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.kpbatch"
    path.write_bytes(b"older")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"newer")

    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("a.kpbatch", b"older")]


def test_a_file_for_few_eyes_is_made_for_them_from_the_start(tmp_path: Path) -> None:
    write_whole(tmp_path / "cards.pdf", b"codes", mode=0o600)

    assert (tmp_path / "cards.pdf").stat().st_mode & 0o777 == 0o600
