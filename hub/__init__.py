"""The hub: batches in, a ledger that anybody can check, a desk for the clerk. Start reading at `intake/arrival`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.app import create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> object:
    """Bring in Flask only for whoever asks for the app: benchmarks and the simulator use the core alone."""
    if name == "create_app":
        from hub.app import create_app

        return create_app
    raise AttributeError(name)
