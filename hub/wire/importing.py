"""Takes batches from a stick in, and leaves the answers beside them: receipts, the key list, the kiosk's settings.

One bad file never stops the next. The batches go the same road as by HTTP; where they are taken in is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from hub.intake.arrival import RolledBack, take_batch
from hub.register.manifests import newest_manifest
from hub.service import Hub, newest_key_list
from sync.batch import read_batch
from sync.codec import WireError
from sync.engine import HubUnreachable
from sync.envelope import RECEIPT
from sync.files import ANSWER_SUFFIX, BATCH_SUFFIX, KEYS_SUFFIX, MANIFEST_SUFFIX, files_in, read_limited, write_whole
from sync.receipt import Receipt, Status, read_receipt

KEYS_NAME = f"hub{KEYS_SUFFIX}"


class Imported(NamedTuple):
    """What became of one file. `trouble` is "" where everything in it has arrived."""

    path: Path
    entries: int
    trouble: str


def batch_files(paths: Iterable[Path]) -> list[Path]:
    """Return the batch files at these paths, those of a folder in the order of their names; a file that is named is
    taken as it is.
    """
    found: list[Path] = []
    for path in paths:
        found += files_in(path, BATCH_SUFFIX) if path.is_dir() else [path]
    return list(dict.fromkeys(found))


def import_files(
    hub: Hub, paths: Iterable[Path], out: Path | None, take: Callable[[bytes], bytes]
) -> Iterator[Imported]:
    """Take each file in by `take` (batch bytes to receipt bytes) and write the answers beside it, or to `out`."""
    for path in paths:
        try:
            yield _import(hub, path, out or path.parent, take)
        except OSError as error:
            yield Imported(path, 0, f"読み書きできません / cannot be read or written: {error.strerror}")
        except WireError as error:
            yield Imported(path, 0, f"送信分として読めません / not a whole batch: {error.reason}")
        except RolledBack:
            yield Imported(
                path,
                0,
                "ハブが古い控えに戻っています。hub restore が必要です / the hub was rolled back: run `hub restore`",
            )
        except HubUnreachable as error:
            yield Imported(path, 0, f"動いているハブが受け付けません / the running hub does not take it: {error}")


def take_here(hub: Hub) -> Callable[[bytes], bytes]:
    """Return how this process takes a batch in by itself."""
    return lambda encoded: take_batch(hub, read_batch(encoded))


def _import(hub: Hub, path: Path, folder: Path, take: Callable[[bytes], bytes]) -> Imported:
    encoded = read_limited(path)
    batch = read_batch(encoded)
    answer = take(encoded)
    receipt = read_receipt(answer, hub.keyring.verifying(RECEIPT))
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"{path.stem}{ANSWER_SUFFIX}", answer)
    with hub.store.reading() as connection:
        write_whole(folder / KEYS_NAME, newest_key_list(connection))
        manifest = newest_manifest(connection, batch.kiosk)
    if manifest is not None:
        write_whole(folder / f"{batch.kiosk.hex()}{MANIFEST_SUFFIX}", manifest)
    return Imported(path, len(batch.entries), _trouble(receipt))


def _trouble(receipt: Receipt) -> str:
    """Tell what the receipt says has not arrived. A gap is no trouble: what came after it is kept."""
    if receipt.status is Status.UNKNOWN:
        return (
            "このセンターに登録のない端末です。どのセンターの端末か、たしかめてください / "
            "unknown kiosk: this hub never let it in"
        )
    if receipt.refused is not None:
        seq, reason = receipt.refused
        return f"記録 {seq} から先を受け付けません / refused from entry {seq} on: {reason}"
    return ""
