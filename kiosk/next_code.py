"""Decides which of the codes in view is scanned now: one held up for a minute gives one scan and one calm repeat, and a
sheet full of codes is no queue of people.

Pure. It knows nothing of members; what was granted is the journal's matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from kiosk.sight import Code
from sync.token import is_token

GONE_MS = 3_000
"""How long a code must not be seen to count as taken away: a hand that trembles hides it for a moment."""
REPEAT_MS = 8_000
"""How long a result stays on the screen; a code still in view then is answered once more."""
SHOWINGS = 2
SWAP_MS = 200
"""How long the code before must not be seen where another is there alone, and in two pictures: nobody changes cards
more quickly, but a code is easily missed in two pictures running, and of a sheet another one read in each.
"""
WAIT_MS = 1_000
"""How long the answered code must not be seen for each one that was in view with others: 1 s for the next person, 199 s
for a sheet of 200, whose codes come and go while nobody moves.
"""
CLEARLY_LARGER = 1.5
"""By how much the area of the next person's code must be larger to be taken although another one is still there."""
STAYING_MS = 30_000
"""What has been in view for so long was left lying or hangs there; it holds nobody up."""
POSTER_GONE_MS = 120_000
"""How long a poster that hangs there is remembered while people stand before it."""


class Seen(NamedTuple):
    """A code in view: since when, until when, how large last, how often it was answered, and when first."""

    since_ms: int
    until_ms: int
    area: float
    showings: int = 0
    answered_ms: int = 0


View = Mapping[str, Seen]


class Look(NamedTuple):
    """What is in view after a frame, the text to scan now, if any, and whether a member code beside it waits."""

    view: View
    chosen: str | None = None
    others_wait: bool = False


def look(view: View, codes: Sequence[Code], now_ms: int) -> Look:
    """Return what is in view after a frame with `codes`, and the one to scan now, if any.

    Member codes go before posters, however small. Of several the largest is taken; another one only when it is clearly
    larger than all, or when the one that was answered has gone.
    """
    members, posters = (_in_view(view, codes, now_ms, are_members=kind) for kind in (True, False))
    # A card may bear a second code, which is left in view for a moment when the card is taken away.
    is_member_near = any(now_ms - seen.until_ms < WAIT_MS for seen in members.values())
    rivals = members if is_member_near else posters
    here = {code.text: rivals[code.text] for code in codes if code.text in rivals}
    following = _next(here, rivals, now_ms)
    chosen = _to_repeat(here, rivals, now_ms) if following is None else following  # a code without text has text ""
    waiting = [text for text, seen in here.items() if seen.showings == 0 and text != chosen]
    others_wait = is_member_near and any(_has_company(text, members) for text in waiting)
    if chosen is not None:
        rivals[chosen] = here[chosen]._replace(showings=here[chosen].showings + 1, answered_ms=now_ms)
    return Look({**posters, **members}, chosen, others_wait)


def _in_view(view: View, codes: Sequence[Code], now_ms: int, *, are_members: bool) -> dict[str, Seen]:
    """Return the codes of one kind in this frame and those of a moment ago.

    The one answered last stays while others wait for its leaving. One answered earlier may come back: then it is new.
    """
    before = {text: seen for text, seen in view.items() if is_token(text) == are_members}
    last = _answered_last(before)
    found = {text: seen for text, seen in before.items() if not _is_forgotten(seen, now_ms, is_member=are_members)}
    if last is not None and any(seen.showings == 0 for seen in found.values()):
        found[last] = before[last]
    for text, area in codes:
        if is_token(text) != are_members:
            continue
        seen = found.get(text)
        if seen is None or (text != last and seen.showings and now_ms - seen.until_ms >= WAIT_MS):
            found[text] = Seen(now_ms, now_ms, area)
        else:
            found[text] = seen._replace(until_ms=now_ms, area=area)
    return found


def _is_forgotten(seen: Seen, now_ms: int, *, is_member: bool) -> bool:
    is_fixture = not is_member and _is_staying(seen)
    return now_ms - seen.until_ms >= (POSTER_GONE_MS if is_fixture else GONE_MS)


def _is_staying(seen: Seen) -> bool:
    return seen.until_ms - seen.since_ms >= STAYING_MS


def _answered_last(rivals: View) -> str | None:
    answered = [text for text, seen in rivals.items() if seen.showings]
    return max(answered, key=lambda text: rivals[text].answered_ms, default=None)


def _next(here: View, rivals: View, now_ms: int) -> str | None:
    """Return the largest code in this frame that was not answered yet, if it is its turn."""
    waiting = [text for text, seen in here.items() if seen.showings == 0]
    largest = max(waiting, key=lambda text: here[text].area, default=None)
    return largest if largest is not None and _is_its_turn(largest, rivals, now_ms) else None


def _is_its_turn(text: str, rivals: View, now_ms: int) -> bool:
    answered = _answered_last(rivals)
    if answered is None or _is_clearly_larger(text, rivals, now_ms):
        return True
    alone_ms = now_ms - max(seen.until_ms for other, seen in rivals.items() if other != text)
    if alone_ms >= WAIT_MS:
        return True
    waiting = sum(seen.showings == 0 for seen in rivals.values())
    if waiting == 1 and not _has_company(text, rivals):
        return alone_ms >= SWAP_MS and rivals[text].since_ms < now_ms
    if waiting == 1 and _is_staying(rivals[answered]):
        return True
    return now_ms - rivals[answered].until_ms >= WAIT_MS * waiting


def _is_clearly_larger(text: str, rivals: View, now_ms: int) -> bool:
    """Tell whether a code is held much nearer than every other one of the last second."""
    near = [seen.area for other, seen in rivals.items() if other != text and now_ms - seen.until_ms < WAIT_MS]
    return rivals[text].area > CLEARLY_LARGER * max(near, default=0.0)


def _has_company(text: str, rivals: View) -> bool:
    """Tell whether another code was seen since this one came into view."""
    return any(seen.until_ms >= rivals[text].since_ms for other, seen in rivals.items() if other != text)


def _to_repeat(here: View, rivals: View, now_ms: int) -> str | None:
    """Return the code answered last, if it is still held up when its result leaves the screen."""
    text = _answered_last(rivals)
    if text is None or text not in here:
        return None
    seen = here[text]
    return text if seen.showings < SHOWINGS and now_ms - seen.answered_ms >= REPEAT_MS else None
