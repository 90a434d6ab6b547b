"""What a running hub is made of, and how one is founded or given a new instance. Clock and randomness are handed in."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa

from hub.keys.keyring import Keyring, load_keyring, load_root_key, make_keys, sign_key_list
from hub.own_clock import OwnClock
from hub.store.database import Store, execute, row, rows
from sync.keys import DEMO_LABEL, Instance

ROLLED_BACK = "rolled back"


@dataclass(frozen=True)
class Pace:
    """What receipts tell kiosks: seconds until the next batch, and entries in it at most."""

    next_after_seconds: int = 30
    max_batch: int = 500


class Break(NamedTuple):
    """A row that is not what everything else says it must be, as the hub's own watch has found it."""

    table: str
    subject: str
    defect: str


@dataclass
class Watched:
    """What acts have touched since the watch last looked (repeat keys, act by act), and what it has found. Without a
    watch, the oldest are forgotten.
    """

    touched: deque[frozenset[tuple[int, ...]]] = field(default_factory=lambda: deque(maxlen=1_000))
    breaks: tuple[Break, ...] = ()


@dataclass(frozen=True)
class Hub:
    """A hub: its database, its keys, and the world it is given. Without `own_clock` nobody watches its clock."""

    store: Store
    keyring: Keyring
    wall_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]
    pace: Pace = field(default_factory=Pace)
    manifest_cache: dict[bytes, object] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    own_clock: OwnClock | None = None
    watched: Watched = field(default_factory=Watched)

    @property
    def is_demo(self) -> bool:
        """Tell whether this hub's keys are for a demo only."""
        return self.keyring.label == DEMO_LABEL


def found_hub(  # everything a new hub is made of
    store: Store, folder: Path, root_key_file: Path, label: str, wall_ms: int, random_bytes: Callable[[int], bytes]
) -> Instance:
    """Make keys and tables for a new hub and open its first instance."""
    folder.mkdir(parents=True, exist_ok=True)
    make_keys(folder, root_key_file, label, random_bytes)
    store.migrate()
    return open_instance(store, folder, root_key_file, "founded", wall_ms, random_bytes)


def open_instance(  # everything a new instance needs
    store: Store, folder: Path, root_key_file: Path, reason: str, wall_ms: int, random_bytes: Callable[[int], bytes]
) -> Instance:
    """Open a new instance, greater than every one known, and let the root key stand behind it. Needed after every
    restore.
    """
    root_key, keyring = load_root_key(root_key_file), load_keyring(folder)

    def work(connection: sa.Connection) -> Instance:
        known = instances(connection)
        opened_ms = max([wall_ms, *(one.opened_ms + 1 for one in known)])
        instance = Instance(opened_ms, random_bytes(8))
        # The time leads: a restored hub has forgotten how far the key list had come, and its version must never go
        # back.
        version = max(opened_ms, key_list_version(connection) + 1)
        encoded = sign_key_list(root_key, keyring, version, (*known, instance))
        execute(
            connection,
            "INSERT INTO instance (opened_ms, mark, reason) VALUES (:opened_ms, :mark, :reason)",
            opened_ms=instance.opened_ms,
            mark=instance.mark,
            reason=reason,
        )
        execute(
            connection,
            "INSERT INTO key_list (version, encoded) VALUES (:version, :encoded)",
            version=version,
            encoded=encoded,
        )
        execute(connection, "DELETE FROM hub_state WHERE name = :name", name=ROLLED_BACK)
        return instance

    return store.run(work)


def instances(connection: sa.Connection) -> tuple[Instance, ...]:
    """Return all instances this database has had, oldest first."""
    return tuple(
        Instance(one.opened_ms, bytes(one.mark))
        for one in rows(connection, "SELECT opened_ms, mark FROM instance ORDER BY opened_ms, mark")
    )


def key_list_version(connection: sa.Connection) -> int:
    """Return the newest key list's version, 0 for none."""
    newest = row(connection, "SELECT max(version) AS version FROM key_list")
    return newest.version or 0


def newest_key_list(connection: sa.Connection) -> bytes:
    """Return the newest key list."""
    return bytes(row(connection, "SELECT encoded FROM key_list ORDER BY version DESC LIMIT 1").encoded)


def is_rolled_back(connection: sa.Connection) -> bool:
    """Tell whether this hub has been shown a receipt of its own future; it signs nothing until it opens a new
    instance.
    """
    return row(connection, "SELECT value FROM hub_state WHERE name = :name", name=ROLLED_BACK) is not None


def mark_rolled_back(connection: sa.Connection, evidence: str) -> None:
    """Remember that this hub was rolled back."""
    execute(
        connection,
        "INSERT INTO hub_state (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING",
        name=ROLLED_BACK,
        value=evidence,
    )
