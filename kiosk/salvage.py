"""Copies what can still be read of a damaged journal into a new file, entry by entry, so that it can be sent. The key
is never copied.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from kiosk.chain import Row, is_signed_head
from kiosk.journal_file import connect_reader, connect_writer, create, read_witness
from sync.codec import WireError
from sync.entry import first_prev, hash_of, read_heading
from sync.envelope import ENTRY, take_apart

NAMES = (
    "kiosk",
    "public_key",
    "root_public_key",
    "address",
    "key_list",
    "certificate",
    "manifest",
    "receipt",
    "uplink",
)
"""What a salvaged journal needs to be sent. `seed` is not among them."""

SMALLEST_ENTRY = 128
"""No entry is shorter, in bytes: so a file's size bounds how many it can hold, whatever a broken page says."""


class Salvaged(NamedTuple):
    """What came of it: where it lies, how many entries were read, and the runs of numbers that could not be."""

    path: Path
    entries: int
    holes: tuple[tuple[int, int], ...]


def salvage(damaged: Path, target: Path) -> Salvaged:
    """Copy the readable entries of `damaged` into a new journal at `target` that signs nothing.

    By point look-ups, one number after the other: a trashed page then costs the entries on it, where one long read
    would end there. An entry counts if its hash is right or the kiosk's key signed it.
    """
    create(target)
    with closing(connect_writer(target)) as copy, closing(_open_or_empty(damaged)) as connection:
        looked_up = {name: _look_up_name(connection, name) for name in NAMES}
        named = {name: content for name, content in looked_up.items() if content is not None}
        found: list[int] = []
        copy.execute("begin immediate")
        for row in _readable(connection, named.get("public_key"), _highest(connection, damaged)):
            copy.execute("insert into entry (seq, hash, encoded) values (?, ?, ?)", row)
            if not found:
                named |= _names_from(row, named)
            found.append(row.seq)
        if "kiosk" in named:
            copy.executemany(
                "insert into kept (name, content) values (?, ?)", [*named.items(), ("stopped", b"salvaged")]
            )
        copy.execute("commit")
    return Salvaged(target, len(found), tuple(_holes(found)))


def _open_or_empty(damaged: Path) -> sqlite3.Connection:
    """A connection to the damaged file, or to nothing where SQLite does not even know it for a database."""
    connection = connect_reader(damaged)
    try:
        connection.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.DatabaseError:
        connection.close()
        return sqlite3.connect(":memory:")
    return connection


def _readable(connection: sqlite3.Connection, public_key: bytes | None, highest: int) -> Iterator[Row]:
    for seq in range(1, highest + 1):
        row = _look_up(connection, seq, public_key)
        if row is not None:
            yield row


def _look_up(connection: sqlite3.Connection, seq: int, public_key: bytes | None) -> Row | None:
    """Return the entry with that number if it is whole."""
    try:
        row = connection.execute("select hash, encoded from entry where seq = ?", (seq,)).fetchone()
        stored_hash, encoded = row if row is not None else (None, None)
        if type(encoded) is not bytes or read_heading(take_apart(ENTRY, encoded).payload).seq != seq:
            return None
    except (sqlite3.DatabaseError, WireError):
        return None
    is_whole = hash_of(encoded) == stored_hash or (public_key is not None and is_signed_head(encoded, public_key))
    return Row(seq, hash_of(encoded), encoded) if is_whole else None


def _look_up_name(connection: sqlite3.Connection, name: str) -> bytes | None:
    try:
        row = connection.execute("select content from kept where name = ?", (name,)).fetchone()
    except sqlite3.DatabaseError:
        return None
    return row[0] if row is not None and type(row[0]) is bytes else None


def _highest(connection: sqlite3.Connection, damaged: Path) -> int:
    """Return the highest number there may be: by the table's end, the witness, what was pruned, the files' size."""
    beside = {name: damaged.with_name(damaged.name + name) for name in ("", "-wal", ".head")}
    sizes = {name: path.stat().st_size if path.exists() else 0 for name, path in beside.items()}
    witness = read_witness(beside[".head"].read_bytes()) if sizes[".head"] else None
    base = _look_up_name(connection, "base")
    least = max(witness.seq if witness else 0, int.from_bytes(base[:8], "big") if base else 0)
    most = least + (sizes[""] + sizes["-wal"]) // SMALLEST_ENTRY
    try:
        end = int(connection.execute("select coalesce(max(seq), 0) from entry").fetchone()[0])
    except (sqlite3.DatabaseError, ValueError):
        return most
    return min(max(end, least), most)


def _names_from(first: Row, named: dict[str, bytes]) -> dict[str, bytes]:
    """What the first entry itself tells: whose journal it is, and what it is chained to."""
    heading = read_heading(take_apart(ENTRY, first.encoded).payload)
    public_key = named.get("public_key")
    starts_at_1 = public_key is not None and first_prev(public_key) == heading.prev
    base = b"" if starts_at_1 else (first.seq - 1).to_bytes(8, "big") + heading.prev
    return {"kiosk": heading.kiosk, **({"base": base} if base else {})}


def _holes(found: list[int]) -> Iterator[tuple[int, int]]:
    before = 0
    for seq in found:
        if seq > before + 1:
            yield before + 1, seq - 1
        before = seq
