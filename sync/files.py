"""Carries batches, receipts, key lists and manifests as files on a stick. The bytes are the same as by HTTP; names only
help people.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from sync.batch import LENGTH_LIMIT, Batch, write_batch
from sync.engine import Journal, next_batch, settle_answer, take_key_list, take_manifest

BATCH_SUFFIX = ".kpbatch"
ANSWER_SUFFIX = ".kpreceipt"
KEYS_SUFFIX = ".kpkeys"
MANIFEST_SUFFIX = ".kpmanifest"


def write_whole(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file so that it is either whole on the medium or not there: beside it, flushed, then renamed. Raises
    OSError.

    The name beside it is a new one, and no link is followed: a prepared stick could have another file overwritten. A
    medium that cannot flush a file or a folder (some network shares) is written all the same.
    """
    beside, descriptor = _new_beside(path, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            _flush(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)  # where it was not renamed
    _flush_folder(path.parent)


def _new_beside(path: Path, mode: int) -> tuple[Path, int]:
    """Make a file that was not there, beside another one."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    for number in range(_NAMES_TRIED):
        beside = path.with_name(f"{path.name}.part{number or ''}")
        try:
            return beside, os.open(beside, flags, mode)
        except FileExistsError:
            continue
    raise FileExistsError(errno.EEXIST, "too many unfinished files lie there", str(path))


_NAMES_TRIED = 100
_CANNOT_FLUSH = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM})
"""What a medium answers that has no way to flush."""


def _flush(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_FLUSH:
            raise


def _flush_folder(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # a folder that may be written, not read
        return
    try:
        _flush(descriptor)
    finally:
        os.close(descriptor)


def read_limited(path: Path) -> bytes:
    """Return a plain file's bytes, one more than the largest batch at most, so that a giant file is refused without
    being read. Raises OSError, also for a link, and at once for a pipe that nobody writes to.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "no plain file", str(path))
        return file.read(LENGTH_LIMIT + 1)


def files_in(folder: Path, suffix: str) -> list[Path]:
    """Return the plain files with an ending, however a stick spells it, by name. A pipe, a folder or a link so named is
    left alone, and so is what some systems lay beside each file (`._…`).
    """
    with os.scandir(folder) as entries:
        names = [one.name for one in entries if one.is_file(follow_symlinks=False)]
    return [folder / name for name in sorted(names) if _has_suffix(name, suffix)]


def _has_suffix(name: str, suffix: str) -> bool:
    return name.lower().endswith(suffix) and not name.startswith("._")


def shown(name: str) -> str:
    """Return a file's name as it may be shown: what would steer a terminal, or break a line, is spelt out."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in name)


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
    return {path: _take(journal, path, read) for suffix, read in readers.items() for path in files_in(folder, suffix)}


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
