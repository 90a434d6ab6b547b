"""Invitations for kiosks as the desk lists them. Reads only."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from hub.store.database import rows
from sync.enrolment import digits_to_compare


class InvitationLine(NamedTuple):
    """An invitation for a kiosk; `state` is open, answered, approved or cancelled, and `digits` are to be compared once
    it was answered.
    """

    enrolment: bytes
    name: str
    organisation: int
    organisation_name: str
    state: str
    expires_ms: int
    code: bytes
    digits: str
    software: str


_INVITATIONS = """
    SELECT e.enrolment, e.name, e.organisation, o.name AS organisation_name, e.state, e.expires_ms, e.code,
           e.public_key, e.software
    FROM enrolment e
    LEFT JOIN organisation o ON o.organisation = e.organisation
     AND o.version = (SELECT max(version) FROM organisation newest WHERE newest.organisation = e.organisation)
"""


def invitations(connection: sa.Connection) -> list[InvitationLine]:
    """Return the invitations that are open or answered, the newest first."""
    text = _INVITATIONS + "WHERE e.state IN ('open', 'answered') ORDER BY e.expires_ms DESC, e.enrolment"
    return [_line(one) for one in rows(connection, text)]


def invitation(connection: sa.Connection, enrolment: bytes) -> InvitationLine | None:
    """Return one invitation."""
    found = rows(connection, _INVITATIONS + "WHERE e.enrolment = :enrolment", enrolment=enrolment)
    return _line(found[0]) if found else None


def _line(found: sa.Row[tuple[object, ...]]) -> InvitationLine:
    return InvitationLine(
        bytes(found.enrolment),
        found.name,
        found.organisation,
        found.organisation_name or "",
        found.state,
        found.expires_ms,
        bytes(found.code or b""),
        digits_to_compare(bytes(found.public_key)) if found.public_key else "",
        found.software or "",
    )
