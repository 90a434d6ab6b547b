"""What the hub's own watch has found."""

from __future__ import annotations

try:
    from hub.audit.watch import Break, latest_breaks
except ModuleNotFoundError:
    from typing import NamedTuple

    from hub.service import Hub

    class Break(NamedTuple):  # type: ignore[no-redef]
        """Until it is there."""

        table: str
        subject: str
        defect: str

    def latest_breaks(hub: Hub) -> list[Break]:  # type: ignore[misc]
        """Until it is there."""
        return []


__all__ = ["Break", "latest_breaks"]
