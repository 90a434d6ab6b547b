"""Carries batches, receipts, key lists and manifests as files on a stick. The bytes are the same as by HTTP; names only
help people.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from sync.batch import LENGTH_LIMIT, Batch, write_batch
from sync.engine import Journal, next_batch, settle_answer, take_key_list, take_manifest

BATCH_SUFFIX = ".kpbatch"
ANSWER_SUFFIX = ".kpreceipt"
KEYS_SUFFIX = ".kpkeys"
MANIFEST_SUFFIX = ".kpmanifest"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is either whole on the medium or not there: beside it, flushed, then renamed."""
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_limited(path: Path) -> bytes:
    """Return a file's bytes, one more than the largest batch at most, so that a giant file is refused without being
    read.
    """
    with path.open("rb") as file:
        return file.read(LENGTH_LIMIT + 1)


def batch_name(batch: Batch) -> str:
    """Return a name that sorts in sending order: kiosk, first and last number."""
    last_seq = batch.first_seq + len(batch.entries) - 1
    return f"{batch.kiosk.hex()}-{batch.first_seq:09d}-{last_seq:09d}{BATCH_SUFFIX}"


def export_batches(journal: Journal, folder: Path) -> list[Path]:
    """Write everything that has not arrived into `folder` as batches, and return their paths."""
    return [_write_batch(folder, batch) for batch in _batches(journal)]


def take_answers(journal: Journal, folder: Path) -> dict[Path, str]:
    """Take the key lists, manifests and receipts for this kiosk found in `folder`; return each file with its trouble or
    "".
    """
    readers = {KEYS_SUFFIX: _take_key_list, MANIFEST_SUFFIX: take_manifest, ANSWER_SUFFIX: _take_receipt}
    return {path: _take(journal, path, read) for suffix, read in readers.items() for path in _files(folder, suffix)}


def _take(journal: Journal, path: Path, read: Callable[[Journal, bytes], str]) -> str:
    try:
        content = read_limited(path)
    except OSError as error:
        return f"unreadable: {error.strerror}"
    return read(journal, content)


def _take_key_list(journal: Journal, encoded: bytes) -> str:
    return "" if take_key_list(journal, encoded) else "not newer"


def _take_receipt(journal: Journal, encoded: bytes) -> str:
    receipt = settle_answer(journal, encoded, None)
    return receipt if isinstance(receipt, str) else ""


def _batches(journal: Journal) -> Iterator[Batch]:
    batch = next_batch(journal)
    while batch.entries:
        yield batch
        batch = next_batch(journal, after_seq=batch.first_seq + len(batch.entries) - 1)


def _write_batch(folder: Path, batch: Batch) -> Path:
    path = folder / batch_name(batch)
    write_whole(path, write_batch(batch))
    return path


def _files(folder: Path, suffix: str) -> list[Path]:
    """Return the plain files with this ending, however a stick spells it; a pipe or folder so named is left alone."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == suffix and path.is_file())
