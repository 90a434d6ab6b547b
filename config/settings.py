"""Reads a settings file (TOML) and the few words of the environment, once, into checked values.

A wrong settings file never starts a program.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import TypeVar

import msgspec

Settings = TypeVar("Settings")


class SettingsError(Exception):
    """A settings file that cannot be used; its text says in Japanese and English what is wrong with it."""


class KioskSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a booth may be told by its settings file. Options on the command line stand above it."""

    journal: str = "kiosk-journal.db"
    """The file that holds the booth's records and its key."""
    camera: str = ""
    """`0`, `/dev/video0`, `rpicam`, an .mjpeg file or pipe, a folder of pictures; empty: numbers are typed."""
    hub: str = ""
    """The hub's address; empty: the one in the enrolment code."""
    event: int = 0
    activity: int = 0
    quantity: int = 1
    """1 for an activity with fixed points, minutes for one by hours."""
    slot: int = 0
    """The number of the time slot, where the activity may be had once in each."""
    operator: int = 0
    """The number of the volunteer at the booth."""
    page: bool = True
    """Whether the participant's screen is served as a page, on this machine only."""
    port: int = 8090
    """The page's port; 0 is any free one."""
    lang: str = "ja"
    """The language of a page that asks for none: the name of a file in kiosk/locale."""
    typed: bool = False
    """Whether member numbers may be typed on standard input."""
    prune: bool = False
    """Whether records that the hub has backed up are removed after 30 days."""
    accept_volatile: bool = False
    """Whether the journal may lie in memory, where a power cut loses it."""

    def __post_init__(self) -> None:
        """Refuse numbers that no entry could hold. Raises ValueError, which msgspec reports with the field's place."""
        for name in ("event", "activity", "slot", "operator"):
            if not 0 <= getattr(self, name) < 2**31:
                raise ValueError(f"{name} must be 0 … 2147483647")
        if not 0 <= self.port < 2**16:
            raise ValueError("port must be 0 … 65535")
        if not 1 <= self.quantity < 100_000:  # noqa: PLR2004  # the wire's own limit, sync.rules
            raise ValueError("quantity must be 1 … 99999")


def read_settings(path: Path | None, kind: type[Settings]) -> Settings:
    """Return the settings in the file at `path`, or all defaults without one. Raises SettingsError."""
    if path is None:
        return kind()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(table, kind)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SettingsError(
            f"設定ファイル「{path}」を使えません。 / The settings file {path} cannot be used: {error}"
        ) from error


def notify_socket() -> str:
    """Return where the service manager listens (sd_notify(3)), or "" when the program is not run as a service."""
    return os.environ.get("NOTIFY_SOCKET", "")
