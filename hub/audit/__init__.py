"""A second, separate reading of the hub's database: proves every signature, judges every grant and adds up every
balance anew, holds every record against the act that made it, and names each row that was edited, removed or added.

It shares the wire with the hub, and the names of reasons, and nothing else: a mistake in the hub's judging or posting
shows up here as a difference. It only reads, and keeps one kiosk's entries in memory at a time. What it cannot prove
stands in docs/audit.md.
"""

from __future__ import annotations

from hub.audit.findings import Finding
from hub.audit.whole import audit

__all__ = ["Finding", "audit"]
