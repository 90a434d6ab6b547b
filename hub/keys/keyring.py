"""The hub's keys: online keys in one file of the data folder, the root key outside of it. Turns them into signers and
key lists.

The database never holds a private key, so a backup of it or a look into it gives nobody the power to sign.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from sync.envelope import KIOSK, MANIFEST, MEMBER, RECEIPT, Purpose, SigningKey
from sync.keys import Instance, KeyList, KeyState, OnlineKey, root_key_hash, write_key_list

KEYS_FILE = "online-keys.json"
_PURPOSES = (MEMBER, KIOSK, RECEIPT, MANIFEST)


class KeyringError(Exception):
    """The key files are not usable; the text says what to do."""


class StoredKey(msgspec.Struct, frozen=True):
    """A private key as it lies in the file."""

    purpose: str
    seed: str
    state: int


class StoredKeys(msgspec.Struct, frozen=True):
    """The file of online keys. `nonce_secret` recognises the hub's own nonces."""

    root_public_key: str
    label: str
    nonce_secret: str
    keys: tuple[StoredKey, ...]


class Keyring:
    """The keys a running hub signs with."""

    def __init__(self, stored: StoredKeys) -> None:
        self.root_public_key = _unpack(stored.root_public_key)
        self.label = stored.label
        self.nonce_secret = _unpack(stored.nonce_secret)
        self._keys = [(one.purpose, SigningKey(_unpack(one.seed)), KeyState(one.state)) for one in stored.keys]

    @property
    def root_key_hash(self) -> bytes:
        """Return what a kiosk pins."""
        return root_key_hash(self.root_public_key)

    def signer(self, purpose: Purpose) -> SigningKey:
        """Return the current key for a purpose."""
        for name, key, state in self._keys:
            if name == purpose.name and state is KeyState.CURRENT:
                return key
        raise KeyringError(f"{purpose.name} の署名鍵がありません / no current key for {purpose.name}")

    def verifying(self, purpose: Purpose) -> dict[bytes, bytes]:
        """Return {kid: public key} of the hub's own keys that may still verify."""
        return {
            purpose.kid(key.public): key.public
            for name, key, state in self._keys
            if name == purpose.name and state is not KeyState.WITHDRAWN
        }

    def online_keys(self) -> tuple[OnlineKey, ...]:
        """Return the public side, as it stands in a key list."""
        return tuple(OnlineKey(name, key.public, state) for name, key, state in self._keys)


def make_keys(folder: Path, root_key_file: Path, label: str, random_bytes: Callable[[int], bytes]) -> SigningKey:
    """Make a root key in `root_key_file` and the online keys in `folder`; return the root key. Existing files are never
    overwritten.

    Raises KeyringError where the root key would lie inside the data folder, or a file is already there.
    """
    if root_key_file.resolve().is_relative_to(folder.resolve()):
        raise KeyringError("ルート鍵はデータフォルダの外に置いてください / keep the root key outside the data folder")
    for path in (root_key_file, folder / KEYS_FILE):
        if path.exists():
            raise KeyringError(f"{path} は既にあります / is already there")
    root_key = SigningKey(random_bytes(32))
    keys = tuple(StoredKey(purpose.name, _pack(random_bytes(32)), int(KeyState.CURRENT)) for purpose in _PURPOSES)
    stored = StoredKeys(_pack(root_key.public), label, _pack(random_bytes(32)), keys)
    _write_secret(root_key_file, _pack(root_key.seed).encode("ascii") + b"\n")
    _write_secret(folder / KEYS_FILE, msgspec.json.format(msgspec.json.encode(stored), indent=2) + b"\n")
    return root_key


def load_keyring(folder: Path) -> Keyring:
    """Return the keyring in a data folder. Raises KeyringError."""
    try:
        return Keyring(msgspec.json.decode((folder / KEYS_FILE).read_bytes(), type=StoredKeys))
    except FileNotFoundError as error:
        raise KeyringError(
            f"{folder} にハブがありません。先に hub init を実行してください / no hub here: run `hub init` first"
        ) from error
    except (msgspec.DecodeError, ValueError) as error:
        raise KeyringError(f"{folder / KEYS_FILE} が読めません / cannot be read: {error}") from error


def load_root_key(root_key_file: Path) -> SigningKey:
    """Return the root key. Raises KeyringError."""
    try:
        return SigningKey(_unpack(root_key_file.read_text("ascii").strip()))
    except (OSError, ValueError) as error:
        raise KeyringError(f"ルート鍵が読めません / the root key cannot be read: {root_key_file}") from error


def sign_key_list(root_key: SigningKey, keyring: Keyring, version: int, instances: tuple[Instance, ...]) -> bytes:
    """Return a key list of the keyring's keys and `instances`, signed by the root key. Raises KeyringError for a
    foreign root key.
    """
    if root_key.public != keyring.root_public_key:
        raise KeyringError("このハブのルート鍵ではありません / this is not the root key of this hub")
    return write_key_list(root_key, KeyList(version, keyring.label, keyring.online_keys(), instances))


def _write_secret(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise KeyringError(f"{path} は既にあります / is already there") from error
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _pack(plain: bytes) -> str:
    return base64.b64encode(plain).decode("ascii")


def _unpack(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
