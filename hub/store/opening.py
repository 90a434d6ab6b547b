"""Opens a hub that was founded before: keys, database, and proof that the two belong together. Founds nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from config.clock import Clock
from hub.keys.keyring import Keyring, load_keyring
from hub.own_clock import OwnClock
from hub.service import Hub, Pace, newest_key_list
from hub.store.database import Store, StoreError, row, sqlite_url
from sync.codec import WireError
from sync.keys import read_key_list

DATABASE_FILE = "hub.db"
_SYNCHRONISED = Path("/run/systemd/timesync/synchronized")
"""systemd-timesyncd makes it once the clock was set by the network (systemd-timesyncd.service(8))."""
DRIVERS = {
    "sqlite": "sqlite",
    **dict.fromkeys(("postgres", "postgresql", "postgresql+psycopg"), "postgresql+psycopg"),
}
"""What a URL may begin with, and how SQLAlchemy calls it."""


def store_for(data: Path, database: str) -> Store:
    """Return the store at a URL, or of the SQLite file in the data folder. Opens nothing yet. Raises StoreError."""
    if not database:
        return Store(sqlite_url(data / DATABASE_FILE))
    scheme, separator, rest = database.partition("://")
    driver = DRIVERS.get(scheme)
    try:
        if driver:
            return Store(f"{driver}{separator}{rest}")
    except sa.exc.ArgumentError:
        pass
    raise StoreError(
        "データベースの指定が読めません。例 postgresql://user@host/name / The database's URL cannot be read."
    )


@contextmanager
def opened_hub(data: Path, database: str, clock: Clock, pace: Pace | None = None) -> Iterator[Hub]:
    """Open a hub. Only reads: whoever is to write brings the tables to the newest form first. Raises KeyringError or
    StoreError.
    """
    keyring = load_keyring(data)
    store = store_for(data, database)
    try:
        _refuse_foreign(store, keyring)
        watched = OwnClock(clock.wall_ms, clock.monotonic_ms, _SYNCHRONISED.exists)
        yield Hub(store, keyring, clock.wall_ms, os.urandom, pace or Pace(), own_clock=watched)
    finally:
        store.close()


def has_hub(store: Store) -> bool:
    """Tell whether the database holds a founded hub, not only its tables. An SQLite file that is not there is not made
    by asking.
    """
    if store.is_sqlite and not Path(store.url.database or "").is_file():
        return False
    with store.reading() as connection:
        if not sa.inspect(connection).has_table("key_list"):
            return False
        return row(connection, "SELECT version FROM key_list LIMIT 1") is not None


def _refuse_foreign(store: Store, keyring: Keyring) -> None:
    """Keys and database must be of one hub: a key list in the database that this root key has signed."""
    if not has_hub(store):
        raise StoreError(
            "このデータベースにハブがありません。先に hub init を実行してください / "
            "no hub in this database: run `hub init` first"
        )
    with store.reading() as connection:
        encoded = newest_key_list(connection)
    try:
        read_key_list(encoded, keyring.root_public_key)
    except WireError as error:
        raise StoreError(
            "データフォルダーの鍵とデータベースが、別のハブのものです / "
            "the keys and the database belong to different hubs"
        ) from error
