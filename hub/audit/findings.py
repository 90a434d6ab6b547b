"""What the audit says: findings in plain words, each naming the table and the row it is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from sync.member import NUMBER_LIMIT, bucket_of


class Finding(NamedTuple):
    """A row that is not what everything else says it must be.

    `subject` names the row by its key, or the row that is missing. A note is no defect: it names what the database says
    and nothing signed confirms.
    """

    table: str
    subject: str
    defect: str
    is_note: bool = False


class Findings:
    """The findings so far, in the order in which they were made."""

    def __init__(self) -> None:
        self.all: list[Finding] = []

    def defect(self, table: str, defect: str, **key: object) -> None:
        """Add a row that is wrong, missing or one too many."""
        self.all.append(Finding(table, subject(**key), defect))

    def note(self, table: str, remark: str, **key: object) -> None:
        """Add a row that rests on the database alone."""
        self.all.append(Finding(table, subject(**key), remark, is_note=True))


@contextmanager
def ends_with_a_finding(findings: Findings) -> Iterator[None]:
    """Turn a value that no hub has written into the last finding: SQLite lets a text stand where a number belongs."""
    try:
        yield
    except (TypeError, ValueError, OverflowError) as error:
        findings.defect("any", f"a value that no hub has written; the audit went no further: {error}", row="unknown")


def subject(**key: object) -> str:
    """Return the name of a row: `kiosk 3f2a…, seq 12`."""
    return ", ".join(f"{name} {_spelled(part)}" for name, part in key.items())


def is_in_bucket(member: int, bucket: int) -> bool:
    """Tell whether a member's rows lie in this bucket; a number that can be nobody's lies in none."""
    return 0 <= member < NUMBER_LIMIT and bucket_of(member) == bucket


def _spelled(part: object) -> str:
    return part.hex() if isinstance(part, bytes) else str(part)
