"""Carries a journal's batches to a folder and the hub's answers from it, beside a running booth or without one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from kiosk.journal import Journal
from kiosk.journal_file import JournalBusy, JournalMissing
from kiosk.journal_open import open_journal, read_journal_as
from kiosk.journal_reader import JournalReader
from sync.engine import Uplink, waiting
from sync.files import export_batches, shown, take_answers


class BusyJournal(JournalReader):
    """A journal that another program is writing to: batches can be cut from it, and nothing is kept in it."""

    def keep_uplink(self, uplink: Uplink, receipt: bytes | None) -> None:
        """Keep nothing: the running booth learns it from the hub itself."""

    def keep_key_list(self, encoded: bytes) -> None:
        """Keep nothing."""

    def keep_manifest(self, encoded: bytes) -> None:
        """Keep nothing."""


def carry(path: Path, folder: Path) -> Iterator[str]:
    """Take in the answers found in `folder`, then write what has not arrived there; yield a line for each file.

    Raises JournalError.
    """
    try:
        journal = open_journal(path, accept_volatile=True)
    except JournalBusy:
        yield "端末が動いているので、返事は取りこみません。 / The booth is running: answers are not taken in now."
        with closing(read_journal_as(path, BusyJournal)) as reader:
            yield from _write(reader, folder)
        return
    with closing(journal):
        yield from _take(journal, folder)
        yield from _write(journal, folder)


def _take(journal: Journal, folder: Path) -> Iterator[str]:
    try:
        answers = take_answers(journal, folder)
    except JournalMissing:
        yield "この記録簿は返事を読めません。 / This journal cannot read answers: its key list is lost."
        return
    for path, trouble in answers.items():
        yield (
            f"取りこみ / taken in: {shown(path.name)}"
            if not trouble
            else f"使わない / left: {shown(path.name)} ({trouble})"
        )


def _write(journal: Journal | BusyJournal, folder: Path) -> Iterator[str]:
    for path in export_batches(journal, folder):
        yield f"書き出し / written: {shown(path.name)}"
    yield f"送信まち / waiting: {waiting(journal)}件"
