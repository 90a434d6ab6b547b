"""The versioned key list: which online keys and which hub instances the root key stands behind. Everything else is
trusted through it.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum
from typing import NamedTuple

from sync.codec import (
    Value,
    WireError,
    decode,
    encode,
    want_array,
    want_bytes,
    want_int,
    want_list,
    want_moment,
    want_text,
    want_version,
)
from sync.envelope import (
    KEYS,
    KIOSK,
    MANIFEST,
    MEMBER,
    RECEIPT,
    Purpose,
    SigningKey,
    is_usable_public_key,
    open_with,
    seal,
)

DEMO_LABEL = "demo"
ONLINE_PURPOSES = {purpose.name: purpose for purpose in (MEMBER, KIOSK, RECEIPT, MANIFEST)}


class KeyState(IntEnum):
    """How far a key is trusted."""

    CURRENT = 1
    """Signs and verifies."""
    RETIRED = 2
    """Signs nothing new; what it signed still verifies (paper cards live long)."""
    WITHDRAWN = 3
    """Verifies nothing: it may be in wrong hands."""


class OnlineKey(NamedTuple):
    """A public key of the hub and what it is for: `member`, `kiosk`, `receipt`, `manifest`, or a purpose of later
    software, which verifies nothing here but does not spoil the list for an older kiosk either.
    """

    purpose: str
    public_key: bytes
    state: KeyState


class Instance(NamedTuple):
    """One life of a hub's database. A restored database opens a new one, greater than all before; order is by
    `opened_ms`, then `mark`.
    """

    opened_ms: int
    mark: bytes

    def as_value(self) -> Value:
        """Return the instance as it stands in payloads."""
        return (self.opened_ms, self.mark)


class KeyList(NamedTuple):
    """What the root key has signed. Ordered by `version` alone, which never goes back."""

    version: int
    label: str
    keys: tuple[OnlineKey, ...]
    instances: tuple[Instance, ...]

    def verifying(self, purpose: Purpose) -> dict[bytes, bytes]:
        """Return {kid: public key} of all keys that may still verify signatures for `purpose`."""
        return {
            purpose.kid(key.public_key): key.public_key
            for key in self.keys
            if key.purpose == purpose.name and key.state is not KeyState.WITHDRAWN
        }

    def newest_instance(self) -> Instance | None:
        """Return the greatest instance the root key stands behind, if there is one."""
        return max(self.instances, default=None)


def root_key_hash(root_public_key: bytes) -> bytes:
    """Return the 32 bytes a kiosk pins at enrolment."""
    return hashlib.sha256(root_public_key).digest()


def read_instance(value: Value) -> Instance:
    """Return the instance in a payload. Raises WireError("type" | "value")."""
    opened_ms, mark = want_array(value, 2)
    return Instance(want_moment(opened_ms), want_bytes(mark, 8))


def write_key_list(root_key: SigningKey, key_list: KeyList) -> bytes:
    """Return the key list, signed by the root key."""
    keys = tuple((key.purpose, key.public_key, int(key.state)) for key in key_list.keys)
    instances = tuple(instance.as_value() for instance in key_list.instances)
    return seal(KEYS, root_key, encode((1, key_list.version, key_list.label, keys, instances)))


def read_key_list(encoded: bytes, root_public_key: bytes) -> KeyList:
    """Return the key list in `encoded`, checked against the pinned root key.

    Raises WireError with "envelope", "kid", "signature", "encoding", "type", "version" or "value" (also for two keys of
    one purpose with the same kid, and for a key that is no usable point).
    """
    version, number, label, keys, instances = want_array(decode(open_with(KEYS, root_public_key, encoded), depth=3), 5)
    want_version(version)
    key_list = KeyList(
        want_int(number),
        want_text(label, 32),
        tuple(_read_key(key) for key in want_list(keys, 1_000)),
        tuple(read_instance(instance) for instance in want_list(instances, 1_000)),
    )
    kids = [(key.purpose, _kid(key)) for key in key_list.keys]
    if len(set(kids)) != len(kids):
        raise WireError("value")
    return key_list


def _read_key(value: Value) -> OnlineKey:
    purpose, public_key, state = want_array(value, 3)
    key = OnlineKey(want_text(purpose, 16), want_bytes(public_key, 32), _read_state(state))
    if not is_usable_public_key(key.public_key):
        raise WireError("value")
    return key


def _kid(key: OnlineKey) -> bytes:
    return ONLINE_PURPOSES.get(key.purpose, KIOSK).kid(key.public_key)  # a later purpose has 8 bytes too


def _read_state(value: Value) -> KeyState:
    number = want_int(value)
    if number not in {int(state) for state in KeyState}:
        raise WireError("value")
    return KeyState(number)
