"""Turns the signed key list and manifest in a journal into what a scan looks things up in. Trusts nothing unsigned."""

from __future__ import annotations

from typing import NamedTuple

from kiosk.journal_reader import JournalReader
from sync.codec import WireError
from sync.envelope import MANIFEST, MEMBER
from sync.keys import Instance, KeyList, read_key_list
from sync.manifest import Manifest, read_manifest


class Reference(NamedTuple):
    """What the hub has signed for this kiosk. `manifest` is None until one came, or when its key has been withdrawn."""

    label: str
    member_keys: dict[bytes, bytes]
    manifest: Manifest | None
    lost_cards: frozenset[tuple[int, int]]

    @property
    def manifest_name(self) -> tuple[Instance, int] | None:
        """Return what an `opened` entry names: the manifest's instance and version."""
        return (self.manifest.instance, self.manifest.version) if self.manifest is not None else None


def reference_of(journal: JournalReader) -> Reference:
    """Return what the journal holds, checked against the pinned root key. Raises JournalMissing before enrolment."""
    keys = read_key_list(journal.key_list(), journal.root_public_key)
    manifest = _manifest_under(keys, journal.manifest())
    lost_cards = frozenset(manifest.lost_cards) if manifest is not None else frozenset[tuple[int, int]]()
    return Reference(keys.label, keys.verifying(MEMBER), manifest, lost_cards)


def _manifest_under(keys: KeyList, encoded: bytes | None) -> Manifest | None:
    try:
        return read_manifest(encoded, keys.verifying(MANIFEST)) if encoded is not None else None
    except WireError:
        return None
