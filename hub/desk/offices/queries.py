"""Organisations and their allotments as the desk lists them. Reads only."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from hub.store.database import rows


class OrganisationLine(NamedTuple):
    """The newest version of an organisation."""

    organisation: int
    version: int
    name: str
    kind: str
    state: str

    @property
    def is_open(self) -> bool:
        """Tell whether it takes part."""
        return self.state == "open"


class AllotmentLine(NamedTuple):
    """An allotment and where its points are: `budget` = `left` + `with_kiosks` + `granted`."""

    allotment: int
    organisation: int
    organisation_name: str
    fiscal_year: int
    name: str
    budget: int
    left: int
    with_kiosks: int

    @property
    def granted(self) -> int:
        """Return the points that have reached members."""
        return self.budget - self.left - self.with_kiosks


def organisations(connection: sa.Connection) -> list[OrganisationLine]:
    """Return every organisation as it is now."""
    found = rows(
        connection,
        """
        SELECT o.organisation, o.version, o.name, o.kind, o.state FROM organisation o
        WHERE o.version = (SELECT max(version) FROM organisation newest WHERE newest.organisation = o.organisation)
        ORDER BY o.organisation
        """,
    )
    return [OrganisationLine(one.organisation, one.version, one.name, one.kind, one.state) for one in found]


def allotments(connection: sa.Connection) -> list[AllotmentLine]:
    """Return all allotments, the newest fiscal year first."""
    found = rows(
        connection,
        """
        SELECT a.allotment, a.organisation, o.name AS organisation_name, a.fiscal_year, a.name,
               coalesce(b.points, 0) AS budget, coalesce(l.amount, 0) AS remaining, coalesce(c.amount, 0) AS carried
        FROM allotment a
        JOIN organisation o ON o.organisation = a.organisation
         AND o.version = (SELECT max(version) FROM organisation newest WHERE newest.organisation = a.organisation)
        LEFT JOIN (SELECT allotment, sum(points) AS points
                   FROM (SELECT target_holder AS allotment, points FROM movement
                         WHERE source = 'issue' AND target = 'allotment'
                         UNION ALL
                         SELECT source_holder AS allotment, -points AS points FROM movement
                         WHERE source = 'allotment' AND target = 'issue') moved
                   GROUP BY allotment) b ON b.allotment = a.allotment
        LEFT JOIN account l ON l.kind = 'allotment' AND l.holder = a.allotment AND l.part = 0
        LEFT JOIN (SELECT part, sum(amount) AS amount FROM account WHERE kind = 'out' GROUP BY part) c
         ON c.part = a.allotment
        ORDER BY a.fiscal_year DESC, a.organisation, a.allotment
        """,
    )
    return [
        AllotmentLine(
            one.allotment,
            one.organisation,
            one.organisation_name,
            one.fiscal_year,
            one.name,
            int(one.budget),
            int(one.remaining),
            int(one.carried),
        )
        for one in found
    ]
