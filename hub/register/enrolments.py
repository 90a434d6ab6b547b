"""Invitations: ten minutes for one key. A kiosk applies here, by its own doing; a person invites, declines and approves
in `hub/acts/kiosks.py`.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from hub.register.manifests import newest_manifest
from hub.service import Hub, newest_key_list
from hub.store.database import execute, insert, row, rows
from sync.certificate import kiosk_identity
from sync.enrolment import (
    Application,
    Invitation,
    Welcome,
    digits_to_compare,
    is_same_mac,
    mac_from_hub,
    mac_from_kiosk,
    write_welcome,
)

NO_INVITATION = "no such invitation"
OPEN, ANSWERED, APPROVED, CANCELLED = "open", "answered", "approved", "cancelled"


class EnrolmentRefused(Exception):
    """An application that cannot go on; the text is the reason, for the kiosk's screen and the log."""


class Invited(NamedTuple):
    """An invitation as it stands. `public_key` is the kiosk's that has answered it, if one has."""

    enrolment: bytes
    state: str
    name: str
    organisation: int
    expires_ms: int
    public_key: bytes | None


class Applicant(NamedTuple):
    """An invitation and, once a kiosk has answered it, that kiosk."""

    enrolment: bytes
    name: str
    organisation: int
    state: str
    software: str
    digits: str


def write_invitation(  # an invitation's own columns
    connection: sa.Connection,
    enrolment: bytes,
    code: bytes,
    name: str,
    organisation: int,
    expires_ms: int,
    act: bytes,
) -> None:
    """Open an invitation for a kiosk to be called `name`."""
    insert(
        connection,
        "enrolment",
        enrolment=enrolment,
        code=code,
        name=name,
        organisation=organisation,
        expires_ms=expires_ms,
        state=OPEN,
        public_key=None,
        software=None,
        act=act,
    )


def find_invitation(connection: sa.Connection, enrolment: bytes) -> Invited | None:
    """Return an invitation by its key."""
    found = row(
        connection,
        """
        SELECT enrolment, state, name, organisation, expires_ms, public_key FROM enrolment WHERE enrolment = :enrolment
        """,
        enrolment=enrolment,
    )
    if found is None:
        return None
    public_key = bytes(found.public_key) if found.public_key is not None else None
    return Invited(bytes(found.enrolment), found.state, found.name, found.organisation, found.expires_ms, public_key)


def invitation_of(hub: Hub, connection: sa.Connection, enrolment: bytes, address: str) -> Invitation | None:
    """Return what the QR of an invitation must hold for a kiosk that reaches the hub at `address`; None where there is
    no such invitation.
    """
    found = row(connection, "SELECT code FROM enrolment WHERE enrolment = :enrolment", enrolment=enrolment)
    if found is None or found.code is None:
        return None
    return Invitation(address, hub.keyring.root_key_hash, bytes(found.code))


def apply(hub: Hub, application: Application) -> bytes:
    """Take a kiosk's application and return the welcome. Raises EnrolmentRefused.

    The MAC tells which invitation it answers; nothing on the wire names one. The same kiosk may ask again until it is
    approved. A second key with a good MAC means that somebody else has seen the QR: the invitation is cancelled for
    both.
    """
    now_ms = hub.wall_ms()
    with hub.store.reading() as connection:  # a stranger without the code never gets a turn to write
        if _invitation_answered_by(hub, connection, application) is None:
            raise EnrolmentRefused(NO_INVITATION)
    outcome = hub.store.run(lambda connection: _apply(hub, connection, application, now_ms))
    if isinstance(outcome, str):
        raise EnrolmentRefused(outcome)
    return outcome


def settle_invitation(connection: sa.Connection, enrolment: bytes, state: str) -> None:
    """Keep what became of an invitation: approved or cancelled. One that is cancelled forgets who has answered."""
    if state == CANCELLED:
        _set_state(connection, enrolment, CANCELLED, None)
    else:
        execute(
            connection,
            "UPDATE enrolment SET state = :state WHERE enrolment = :enrolment",
            state=state,
            enrolment=enrolment,
        )


def applicants(connection: sa.Connection) -> list[Applicant]:
    """Return all invitations, with the digits to compare where a kiosk has answered."""
    found = rows(
        connection,
        """
        SELECT enrolment, name, organisation, state, public_key, software FROM enrolment ORDER BY expires_ms, enrolment
        """,
    )
    return [
        Applicant(
            bytes(one.enrolment),
            one.name,
            one.organisation,
            one.state,
            one.software or "",
            digits_to_compare(bytes(one.public_key)) if one.public_key else "",
        )
        for one in found
    ]


def _apply(hub: Hub, connection: sa.Connection, application: Application, now_ms: int) -> bytes | str:
    invited = _invitation_answered_by(hub, connection, application)
    if invited is None:
        return NO_INVITATION
    if invited.state == CANCELLED:
        return "invitation cancelled"
    if invited.state == OPEN:
        if now_ms > invited.expires_ms:
            return "invitation expired"
        _set_state(connection, bytes(invited.enrolment), ANSWERED, application)
    elif bytes(invited.public_key) != application.public_key:
        if invited.state == ANSWERED:
            _set_state(connection, bytes(invited.enrolment), CANCELLED, None)
        return "invitation cancelled"
    return _welcome(hub, connection, application.public_key, bytes(invited.code))


def _invitation_answered_by(
    hub: Hub, connection: sa.Connection, application: Application
) -> sa.Row[tuple[object, ...]] | None:
    for invited in rows(connection, "SELECT * FROM enrolment WHERE code IS NOT NULL ORDER BY expires_ms, enrolment"):
        wanted = mac_from_kiosk(bytes(invited.code), application.public_key, hub.keyring.root_key_hash)
        if is_same_mac(wanted, application.mac):
            return invited  # type: ignore[no-any-return]  # a row
    return None


def _set_state(connection: sa.Connection, enrolment: bytes, state: str, application: Application | None) -> None:
    execute(
        connection,
        """
        UPDATE enrolment SET state = :state, public_key = :public_key, software = :software WHERE enrolment = :enrolment
        """,
        state=state,
        public_key=application.public_key if application else None,
        software=application.software if application else None,
        enrolment=enrolment,
    )


def _welcome(hub: Hub, connection: sa.Connection, public_key: bytes, code: bytes) -> bytes:
    kiosk = kiosk_identity(public_key)
    approved = row(connection, "SELECT certificate FROM kiosk WHERE kiosk = :kiosk", kiosk=kiosk)
    mac = mac_from_hub(code, public_key, hub.keyring.root_key_hash)
    certificate = bytes(approved.certificate) if approved else None
    manifest = newest_manifest(connection, kiosk) if approved else None
    return write_welcome(Welcome(hub.keyring.root_public_key, mac, newest_key_list(connection), certificate, manifest))
