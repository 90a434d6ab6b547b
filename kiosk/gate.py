"""Decides which of the codes in view is scanned now: one held up for a minute gives one scan and one calm repeat.

Pure. It knows nothing of members; what was granted is the journal's matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sync.token import is_token

GONE_MS = 3_000
"""How long a code must not be seen to count as taken away: a hand that trembles hides it for a moment."""
REPEAT_MS = 8_000
"""How long a result stays on the screen; a code still in view then is answered once more."""
SHOWINGS = 2


class Seen(NamedTuple):
    """A code in view: since when, until when, and how often it was answered."""

    since_ms: int
    until_ms: int
    showings: int


View = Mapping[str, Seen]


def look(view: View, texts: Sequence[str], now_ms: int) -> tuple[View, str | None]:
    """Return what is in view after a frame with `texts` (the largest code first), and the one to scan now, if any.

    Member codes go before posters; of several the largest, and the others wait until it is taken away.
    """
    present = {text: seen for text, seen in view.items() if now_ms - seen.until_ms < GONE_MS}
    present |= {text: seen._replace(until_ms=now_ms) for text, seen in present.items() if text in texts}
    chosen = next(iter(sorted(texts, key=lambda text: not is_token(text))), None)
    if chosen is None:
        return present, None
    seen = present.get(chosen)
    if seen is None:
        staying = {text: other for text, other in present.items() if text in texts}
        return {**staying, chosen: Seen(now_ms, now_ms, 1)}, chosen
    if seen.showings < SHOWINGS and now_ms - seen.since_ms >= REPEAT_MS:
        return {**present, chosen: seen._replace(showings=SHOWINGS)}, chosen
    return present, None
