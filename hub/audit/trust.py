"""What the audit trusts: the hub's online keys and instances, as the root key has signed them. Checks key lists and
instances on the way, and relies on nothing that the database says by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import sqlalchemy as sa

from hub.audit.findings import Findings
from hub.audit.reading import stream
from hub.keys.keyring import Keyring
from sync.codec import WireError
from sync.envelope import KIOSK, MANIFEST, MEMBER
from sync.keys import Instance, KeyList, read_key_list


class Trust(NamedTuple):
    """The hub's keys {kid: public key} for manifests and certificates, the ids of all member keys it ever had, and its
    instances by the time of opening.
    """

    manifest_keys: Mapping[bytes, bytes]
    kiosk_keys: Mapping[bytes, bytes]
    member_keys: frozenset[bytes]
    instances: Mapping[int, Instance]


def read_trust(connection: sa.Connection, keyring: Keyring, findings: Findings) -> Trust:
    """Check the tables key_list, instance and hub_state; return what the newest good key list says."""
    lists = _good_lists(connection, keyring, findings)
    newest = lists[-1] if lists else None
    known = _check_instances(connection, lists, findings)
    _check_hub_state(connection, findings)
    if newest is None:
        findings.defect("key_list", "missing: no list signed by the root key", version="newest")
        member_keys = frozenset(keyring.verifying(MEMBER))
        return Trust(keyring.verifying(MANIFEST), keyring.verifying(KIOSK), member_keys, known)
    if set(newest.keys) != set(keyring.online_keys()):
        findings.defect("key_list", "does not name the keys this hub signs with", version=newest.version)
    ever = (key.public_key for one in lists for key in one.keys if key.purpose == MEMBER.name)
    member_keys = frozenset(map(MEMBER.kid, ever))
    return Trust(newest.verifying(MANIFEST), newest.verifying(KIOSK), member_keys, known)


def _good_lists(connection: sa.Connection, keyring: Keyring, findings: Findings) -> list[KeyList]:
    lists = []
    for one in stream(connection, "SELECT version, encoded FROM key_list ORDER BY version"):
        try:
            signed = read_key_list(bytes(one.encoded), keyring.root_public_key)
        except WireError as error:
            findings.defect("key_list", f"not signed by the root key: {error.reason}", version=one.version)
            continue
        if signed.version != one.version:
            findings.defect("key_list", f"signed as version {signed.version}", version=one.version)
        if signed.label != keyring.label:
            findings.defect("key_list", f"signed for a hub called {signed.label!r}", version=one.version)
        lists.append(signed)
    return sorted(lists, key=lambda one: one.version)


def _check_instances(connection: sa.Connection, lists: list[KeyList], findings: Findings) -> dict[int, Instance]:
    """Compare the instance table with the newest list; each was introduced by a list in which it was newest."""
    signed = set(lists[-1].instances) if lists else set()
    kept = set()
    for one in stream(connection, "SELECT opened_ms, mark, reason FROM instance ORDER BY opened_ms, mark"):
        instance = Instance(one.opened_ms, bytes(one.mark))
        kept.add(instance)
        if instance not in signed:
            findings.defect("instance", "the newest key list does not hold it", **instance._asdict())
        if not one.reason.strip():
            findings.defect("instance", "opened without a reason", **instance._asdict())
    for instance in sorted(signed - kept):
        findings.defect("instance", "missing, though the root key has signed it", **instance._asdict())
    introduced = {one.newest_instance() for one in lists}
    for instance in sorted((signed | kept) - introduced):
        findings.defect("key_list", "missing: the list that introduced an instance", **instance._asdict())
    return {instance.opened_ms: instance for instance in signed | kept}


def _check_hub_state(connection: sa.Connection, findings: Findings) -> None:
    for one in stream(connection, "SELECT name, value FROM hub_state ORDER BY name"):
        if one.name == "rolled back":
            findings.defect(
                "hub_state", f"this database is older than receipts it has given: {one.value}", name=one.name
            )
        elif one.name == "clock doubted":
            findings.note("hub_state", f"the hub doubts its own clock and takes nothing in: {one.value}", name=one.name)
        elif one.name != "clock trusted":
            findings.defect("hub_state", "no such state", name=one.name)
