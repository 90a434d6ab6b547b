"""Lets kiosks in: an invitation of ten minutes for one key, the kiosk's application, and a clerk's approval after
comparing 16 digits.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from hub.register.manifests import assign, newest_manifest, sign_manifest
from hub.service import Hub, newest_key_list
from hub.store.database import execute, row, rows
from sync.certificate import Certificate, kiosk_identity, write_certificate
from sync.enrolment import (
    CODE_LENGTH,
    LIFETIME_MS,
    Application,
    Invitation,
    Welcome,
    digits_to_compare,
    is_same_mac,
    mac_from_hub,
    mac_from_kiosk,
    write_welcome,
)
from sync.envelope import KIOSK
from sync.manifest import Share


class EnrolmentRefused(Exception):
    """An application or approval that cannot go on; the text is the reason, for the kiosk's screen and the log."""


class Applicant(NamedTuple):
    """An invitation and, once a kiosk has answered it, that kiosk."""

    enrolment: bytes
    name: str
    organisation: int
    state: str
    software: str
    digits: str


def invite(hub: Hub, name: str, organisation: int, address: str) -> tuple[bytes, Invitation]:
    """Open an invitation for a kiosk to be called `name`; return its key and what the QR must hold."""
    enrolment, code = hub.random_bytes(16), hub.random_bytes(CODE_LENGTH)
    expires_ms = hub.wall_ms() + LIFETIME_MS
    hub.store.run(
        lambda connection: execute(
            connection,
            """
            INSERT INTO enrolment (enrolment, code, name, organisation, expires_ms, state, public_key, software)
            VALUES (:enrolment, :code, :name, :organisation, :expires_ms, 'open', NULL, NULL)
            """,
            enrolment=enrolment,
            code=code,
            name=name,
            organisation=organisation,
            expires_ms=expires_ms,
        )
    )
    return enrolment, Invitation(address, hub.keyring.root_key_hash, code)


def apply(hub: Hub, application: Application) -> bytes:
    """Take a kiosk's application and return the welcome. Raises EnrolmentRefused.

    The MAC tells which invitation it answers; nothing on the wire names one. The same kiosk may ask again until it is
    approved. A second
    key with a good MAC means that somebody else has seen the QR: the invitation is cancelled for both.
    """
    now_ms = hub.wall_ms()
    outcome = hub.store.run(lambda connection: _apply(hub, connection, application, now_ms))
    if isinstance(outcome, str):
        raise EnrolmentRefused(outcome)
    return outcome


def approve(hub: Hub, enrolment: bytes, events: tuple[int, ...], shares: tuple[Share, ...]) -> bytes:
    """Let the kiosk in after its digits were compared: certificate, events, shares, first manifest. Return its
    identity.
    """
    return hub.store.run(lambda connection: _approve(hub, connection, enrolment, events, shares))


def decline(hub: Hub, enrolment: bytes) -> None:
    """Call an invitation off, because the digits differ or nobody is to come; it lets no kiosk in any more."""
    hub.store.run(
        lambda connection: execute(
            connection,
            """
            UPDATE enrolment SET state = 'cancelled', public_key = NULL, software = NULL
            WHERE enrolment = :enrolment AND state IN ('open', 'answered')
            """,
            enrolment=enrolment,
        )
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
        return "no such invitation"
    if invited.state == "cancelled":
        return "invitation cancelled"
    if invited.state == "open":
        if now_ms > invited.expires_ms:
            return "invitation expired"
        _set_state(connection, bytes(invited.enrolment), "answered", application)
    elif bytes(invited.public_key) != application.public_key:
        if invited.state == "answered":
            _set_state(connection, bytes(invited.enrolment), "cancelled", None)
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


def _approve(
    hub: Hub, connection: sa.Connection, enrolment: bytes, events: tuple[int, ...], shares: tuple[Share, ...]
) -> bytes:
    invited = row(connection, "SELECT * FROM enrolment WHERE enrolment = :enrolment", enrolment=enrolment)
    if invited is None or invited.state != "answered":
        raise EnrolmentRefused("no kiosk waits for approval here")
    public_key = bytes(invited.public_key)
    kiosk = kiosk_identity(public_key)
    if row(connection, "SELECT 1 FROM kiosk WHERE kiosk = :kiosk", kiosk=kiosk) is not None:
        raise EnrolmentRefused("this identity exists already")
    serial = 1 + row(connection, "SELECT count(*) AS kiosks FROM kiosk").kiosks
    execute(
        connection,
        """
        INSERT INTO kiosk (kiosk, public_key, serial, name, organisation, certificate, approved_ms)
        VALUES (:kiosk, :public_key, :serial, :name, :organisation, :certificate, :approved_ms)
        """,
        kiosk=kiosk,
        public_key=public_key,
        serial=serial,
        name=invited.name,
        organisation=invited.organisation,
        certificate=write_certificate(hub.keyring.signer(KIOSK), Certificate(public_key, serial, 0)),
        approved_ms=hub.wall_ms(),
    )
    execute(connection, "UPDATE enrolment SET state = 'approved' WHERE enrolment = :enrolment", enrolment=enrolment)
    for event in events:
        assign(connection, kiosk, event)
    sign_manifest(hub, connection, kiosk, shares)
    return kiosk
