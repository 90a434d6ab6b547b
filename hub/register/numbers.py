"""Numbers of organisations, allotments, events, activities and slots: none is ever used twice, also across a restore.

A restored database has forgotten which numbers were given after its backup. Entries and printed lists have not: a
number given anew would let them speak of another thing. So an instance after a restore begins above every number that
an earlier one can have given: at the seconds from 2020 to its opening, which no hub outruns by hand.
"""

from __future__ import annotations

import sqlalchemy as sa

from hub.service import instances
from hub.store.database import row

_FROM_2020_MS = 1_577_836_800_000


def next_organisation(connection: sa.Connection) -> int:
    """Return a number for a new organisation."""
    return next_after(connection, _highest(connection, "SELECT max(organisation) AS number FROM organisation"))


def next_allotment(connection: sa.Connection) -> int:
    """Return a number for a new allotment."""
    return next_after(connection, _highest(connection, "SELECT max(allotment) AS number FROM allotment"))


def next_event(connection: sa.Connection) -> int:
    """Return a number for a new event."""
    return next_after(connection, _highest(connection, "SELECT max(event) AS number FROM event"))


def next_after(connection: sa.Connection, highest: int) -> int:
    """Return the next number where `highest` is the highest that this database knows to have been given."""
    known = instances(connection)
    if len(known) < 2:  # noqa: PLR2004  # the first instance knows all that was ever given
        return highest + 1
    return max(highest + 1, (known[-1].opened_ms - _FROM_2020_MS) // 1_000)


def _highest(connection: sa.Connection, text: str) -> int:
    return row(connection, text).number or 0
