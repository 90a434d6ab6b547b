"""Where a simulated hub's database lies, and the copy of it that may be put back: a file, or a database of a server.

A fresh one is copied from a template that was migrated once a process; that takes a hundredth of the time.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from hub.store.database import Store, sqlite_url

_TEMPLATE = "kumapo_simulated_template"
_DATABASE = "kumapo_simulated"
_COPY = "kumapo_simulated_copy"


class Shelf(Protocol):
    """A database with room for a copy beside it. Nobody may have it open while it is copied."""

    url: str

    @property
    def has_copy(self) -> bool:
        """Tell whether there is a copy to be put back."""

    def keep_copy(self) -> None:
        """Copy the database; an earlier copy is lost."""

    def put_back(self) -> None:
        """Put the copy in the database's place."""


class FileShelf:
    """An SQLite file in a folder."""

    def __init__(self, folder: Path, template: Path) -> None:
        self._path = folder / "hub.db"
        self._copy = folder / "hub.copy.db"
        self.url = sqlite_url(self._path)
        shutil.copy(template, self._path)

    @property
    def has_copy(self) -> bool:
        """Tell whether there is a copy."""
        return self._copy.exists()

    def keep_copy(self) -> None:
        """Copy the file; closed, it holds everything."""
        shutil.copy(self._path, self._copy)

    def put_back(self) -> None:
        """Put the copy in the file's place, and take away what SQLite lays beside it."""
        for beside in ("-wal", "-shm"):
            self._path.with_name(self._path.name + beside).unlink(missing_ok=True)
        shutil.copy(self._copy, self._path)


class ServerShelf:
    """A database of a PostgreSQL server; `server` is the URL of another database there."""

    has_copy = False

    def __init__(self, server: str) -> None:
        self._server = sa.make_url(server)
        self.url = self._server.set(database=_DATABASE).render_as_string(hide_password=False)
        self._make(_TEMPLATE, _DATABASE)

    def keep_copy(self) -> None:
        """Copy the database."""
        self._make(_DATABASE, _COPY)
        self.has_copy = True

    def put_back(self) -> None:
        """Put the copy in the database's place."""
        self._make(_COPY, _DATABASE)

    def _make(self, template: str, name: str) -> None:
        with _administrator(self._server) as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")


class Shelves:
    """Hands out fresh shelves: files below a folder, or databases of a server."""

    def __init__(self, folder: Path, server: str = "") -> None:
        self._server = server
        self._template = folder / "template.db"
        if server:
            _migrate_on(sa.make_url(server))
        else:
            store = Store(sqlite_url(self._template))
            store.migrate()
            store.close()

    def fresh(self, folder: Path) -> Shelf:
        """Return a shelf with an empty database on it."""
        return ServerShelf(self._server) if self._server else FileShelf(folder, self._template)

    def clear(self) -> None:
        """Take away what was made on a server."""
        if self._server:
            with _administrator(sa.make_url(self._server)) as connection:
                for name in (_DATABASE, _COPY, _TEMPLATE):
                    connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _migrate_on(server: sa.URL) -> None:
    with _administrator(server) as connection:
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {_TEMPLATE} WITH (FORCE)")
        connection.exec_driver_sql(f"CREATE DATABASE {_TEMPLATE}")
    store = Store(server.set(database=_TEMPLATE).render_as_string(hide_password=False))
    store.migrate()
    store.close()


@contextmanager
def _administrator(server: sa.URL) -> Iterator[sa.Connection]:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
