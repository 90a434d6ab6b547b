"""Where the vendored fonts lie: booth, desk and printed cards all draw with the same ones."""

from __future__ import annotations

from pathlib import Path

FONTS = Path(__file__).parent.parent / "fonts"
