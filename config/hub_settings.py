"""What a hub may be told by its settings file. Options on the command line stand above it."""

from __future__ import annotations

import msgspec


class HubSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The hub's settings, read by `config.settings.read_settings`."""

    database: str = ""
    """The database's URL; empty: `hub.db` in the data folder."""
    host: str = "127.0.0.1"
    """Where to listen: loopback only, until there is sign-in."""
    port: int = 8080
    address: str = ""
    """Where kiosks reach the hub, for the enrolment code; empty: where the desk is open."""
    city: str = "熊谷市"
    """The name printed on cards and shown at the desk."""
    next_after_seconds: int = 30
    """How soon a kiosk should come again."""
    max_batch: int = 500
    """How many entries a kiosk should send at once."""

    def __post_init__(self) -> None:
        """Refuse what no hub could run with. Raises ValueError, which msgspec reports with the field's place."""
        for name, least, most in (("port", 0, 65_535), ("next_after_seconds", 1, 86_400), ("max_batch", 1, 20_000)):
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be {least} … {most}")
        if not self.city.strip():
            raise ValueError("city must not be empty")
