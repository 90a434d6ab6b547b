"""Records that are versions of a subject: 1, 2, 3 … without a gap, and the newest counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from hub.audit.findings import Findings


def by_subject(
    table: str, rows: Iterable[Any], subject: tuple[str, ...], findings: Findings
) -> Iterator[tuple[dict[str, Any], list[Any]]]:
    """Yield each subject of a table, named by its columns, with all its versions. `rows` come in the order of subject
    and version. A version that is left out is named.
    """
    for key, group in groupby(rows, key=lambda one: tuple(_plain(getattr(one, column)) for column in subject)):
        name = dict(zip(subject, key, strict=True))
        versions = list(group)
        for wanted, one in enumerate(versions, 1):
            if one.version != wanted:
                findings.defect(table, "missing: a version is left out", **name, version=wanted)
                findings.defect(table, "added, or the version before is missing", **name, version=one.version)
                break
        yield name, versions


def _plain(content: Any) -> Any:  # a driver's own values
    return bytes(content) if isinstance(content, memoryview) else content
