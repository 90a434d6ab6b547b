"""What several acts ask of what they are given: that a thing is there, and that a text or a member's number is one."""

from __future__ import annotations

import sqlalchemy as sa

from hub.acts.refusals import ActRefused, Refusal, holds_unseen
from hub.intake.facts import KioskRow, find_kiosk
from hub.register.events import EventVersion, newest_event
from hub.register.organisations import CLOSED, Allotment, Organisation, find_allotment, newest_organisation

NAME_LENGTH_MAX = 60


def want_name(name: str) -> str:
    """Return a name without the blanks around it. Raises ActRefused where it is empty or too long, or holds characters
    that nobody sees.
    """
    name = name.strip()
    if holds_unseen(name):
        raise ActRefused(Refusal.UNSEEN)
    if not 0 < len(name.replace("\u200d", "")) <= NAME_LENGTH_MAX:
        raise ActRefused(Refusal.NO_NAME)
    return name


def want_organisation(connection: sa.Connection, organisation: int) -> Organisation:
    """Return an organisation as it stands. Raises ActRefused."""
    found = newest_organisation(connection, organisation)
    if found is None:
        raise ActRefused(Refusal.NO_ORGANISATION, what=organisation)
    return found


def want_open(connection: sa.Connection, organisation: int) -> Organisation:
    """Return an organisation for which something new is to begin. Raises ActRefused where it is closed."""
    found = want_organisation(connection, organisation)
    if found.state == CLOSED:
        raise ActRefused(Refusal.ORGANISATION_CLOSED, what=found.name)
    return found


def want_allotment(connection: sa.Connection, allotment: int) -> Allotment:
    """Return an allotment. Raises ActRefused."""
    found = find_allotment(connection, allotment)
    if found is None:
        raise ActRefused(Refusal.NO_ALLOTMENT, what=allotment)
    return found


def want_event(connection: sa.Connection, event: int) -> EventVersion:
    """Return an event as it stands. Raises ActRefused."""
    found = newest_event(connection, event)
    if found is None:
        raise ActRefused(Refusal.NO_EVENT, what=event)
    return found


def want_kiosk(connection: sa.Connection, kiosk: bytes) -> KioskRow:
    """Return a kiosk that was let in. Raises ActRefused."""
    found = find_kiosk(connection, kiosk)
    if found is None:
        raise ActRefused(Refusal.NO_KIOSK)
    return found
