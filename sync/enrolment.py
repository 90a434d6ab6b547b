"""How a kiosk and the hub come to know each other: the invitation in the hub's QR, the kiosk's application, the hub's
answer.

The invitation's 128-bit code never travels; it keys a MAC over both keys, in each direction under another label, so
that neither side can be talked into a stranger's key. Trust begins with the root key hash that the kiosk's camera read.
"""

from __future__ import annotations

import hmac
from typing import NamedTuple

from sync import base45
from sync.certificate import kiosk_identity
from sync.codec import Value, WireError, decode, encode, want_array, want_bytes, want_text, want_version
from sync.envelope import is_usable_public_key

PREFIX = "KPE1:"
CODE_LENGTH = 16
LIFETIME_MS = 10 * 60_000
"""How long an invitation may be answered."""

_FROM_KIOSK = b"kumapo/enrol/kiosk/1"
_FROM_HUB = b"kumapo/enrol/hub/1"


class Invitation(NamedTuple):
    """What the hub's QR holds: where to go, whom to trust, and the secret code."""

    address: str
    root_key_hash: bytes
    code: bytes


class Application(NamedTuple):
    """What a kiosk sends. `mac` proves that it has seen the QR."""

    public_key: bytes
    software: str
    mac: bytes


class Welcome(NamedTuple):
    """What the hub answers. `certificate` and `manifest` are None until a clerk has approved the kiosk."""

    root_public_key: bytes
    mac: bytes
    key_list: bytes
    certificate: bytes | None
    manifest: bytes | None


def write_invitation(invitation: Invitation) -> str:
    """Return the text for the hub's QR code."""
    return PREFIX + base45.encode(encode((1, *invitation)))


def read_invitation(text: str) -> Invitation:
    """Return the invitation in a QR's text. Raises WireError("prefix" | "base45" | "encoding" | "type" | "version" |
    "value").
    """
    if not text.startswith(PREFIX):
        raise WireError("prefix")
    version, address, root_key_hash, code = want_array(decode(base45.decode(text[len(PREFIX) :]), depth=1), 4)
    want_version(version)
    return Invitation(want_text(address, 200), want_bytes(root_key_hash, 32), want_bytes(code, CODE_LENGTH))


def write_application(application: Application) -> bytes:
    """Return the application as bytes."""
    return encode((1, *application))


def read_application(encoded: bytes) -> Application:
    """Return the application in `encoded`. Raises WireError("encoding" | "type" | "version" | "value")."""
    version, public_key, software, mac = want_array(decode(encoded, depth=1), 4)
    want_version(version)
    application = Application(want_bytes(public_key, 32), want_text(software, 64), want_bytes(mac, 32))
    if not is_usable_public_key(application.public_key):
        raise WireError("value")
    return application


def write_welcome(welcome: Welcome) -> bytes:
    """Return the welcome as bytes."""
    return encode((1, *welcome))


def read_welcome(encoded: bytes) -> Welcome:
    """Return the welcome in `encoded`. Raises WireError("encoding" | "type" | "version" | "value")."""
    version, root_public_key, mac, key_list, certificate, manifest = want_array(decode(encoded, depth=1), 6)
    want_version(version)
    return Welcome(
        want_bytes(root_public_key, 32),
        want_bytes(mac, 32),
        want_bytes(key_list),
        _optional(certificate),
        _optional(manifest),
    )


def mac_from_kiosk(code: bytes, kiosk_public_key: bytes, root_key_hash: bytes) -> bytes:
    """Return the kiosk's proof. It covers the root key by its hash, the only form the kiosk has seen by then."""
    return hmac.digest(code, _FROM_KIOSK + kiosk_public_key + root_key_hash, "sha256")


def mac_from_hub(code: bytes, kiosk_public_key: bytes, root_key_hash: bytes) -> bytes:
    """Return the hub's proof, over the same keys under another label: no side's proof can be played back to it."""
    return hmac.digest(code, _FROM_HUB + kiosk_public_key + root_key_hash, "sha256")


def is_same_mac(one: bytes, other: bytes) -> bool:
    """Compare two proofs in constant time."""
    return hmac.compare_digest(one, other)


def digits_to_compare(kiosk_public_key: bytes) -> str:
    """Return the 16 hex digits both screens show, in groups of four: the kiosk's identity."""
    return in_fours(kiosk_identity(kiosk_public_key).hex())


def in_fours(digits: str) -> str:
    """Return digits in groups of four, as both screens show a kiosk's."""
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))


def _optional(value: Value) -> bytes | None:
    return None if value is None else want_bytes(value)
