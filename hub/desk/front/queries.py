"""The city's figures for the first page. Reads only."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from hub.store.database import row, rows


class Totals(NamedTuple):
    """The city's figures. Circulation is what members hold; there are no partner accounts yet."""

    circulation: int
    owed: int
    members: int
    allotted: int
    with_kiosks: int


def totals(connection: sa.Connection) -> Totals:
    """Return the city's figures."""
    people = row(
        connection, "SELECT coalesce(sum(held), 0) AS held, coalesce(sum(owed), 0) AS owed FROM member_balance"
    )
    members = row(
        connection,
        """
        SELECT count(*) AS members FROM member m WHERE m.state = 'open'
         AND m.version = (SELECT max(version) FROM member n WHERE n.bucket = m.bucket AND n.member = m.member)
        """,
    )
    kinds = {
        one.kind: int(one.amount)
        for one in rows(connection, "SELECT kind, sum(amount) AS amount FROM account GROUP BY kind")
    }
    return Totals(int(people.held), int(people.owed), members.members, kinds.get("allotment", 0), kinds.get("out", 0))
