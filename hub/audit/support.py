"""A file for whoever supports a hub whose books do not agree: what was found, and how large the hub is. No names, keys
or codes; member numbers only where a finding names one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from hub.audit.findings import Finding
from hub.audit.reading import one_view, stream
from hub.keys.keyring import Keyring
from hub.store.database import Store


def write_support_file(  # what is known of a hub from outside
    path: Path, store: Store, keyring: Keyring, findings: Iterable[Finding], now_ms: int
) -> None:
    """Write the file, for its owner alone. Raises FileExistsError where there is one: nothing is overwritten."""
    with one_view(store) as connection:
        content = {
            "made_ms": now_ms,
            "database": store.url.get_backend_name(),
            "label": keyring.label,
            **_described(connection),
            "findings": [one._asdict() for one in findings],
        }
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=1)


def _described(connection: sa.Connection) -> dict[str, Any]:
    tables = sorted(sa.inspect(connection).get_table_names())
    counts = {
        table: next(stream(connection, f"SELECT count(*) AS number FROM {table}")).number  # noqa: S608  # its own names
        for table in tables
    }
    instances = [one.opened_ms for one in stream(connection, "SELECT opened_ms FROM instance ORDER BY opened_ms")]
    states = [one.name for one in stream(connection, "SELECT name FROM hub_state ORDER BY name")]
    return {"rows": counts, "instances_opened_ms": instances, "states": states}
