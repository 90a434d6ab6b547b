"""The hub watches itself: after each act it looks at the keys that the act touched, each minute at a sample, and each
night at everything. A break is said at once in the output of `hub serve`, and stands first at the desk.

It has no rules of its own: it runs the audit over less (`hub/audit/some.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from itertools import islice

from sqlalchemy.exc import DBAPIError

from hub.audit.findings import Finding
from hub.audit.some import check_keys, check_sample, draw_sample
from hub.audit.whole import audit
from hub.service import Break, Hub
from hub.store.database import StoreError
from sync.citytime import city_day

__all__ = ["Break", "Watch", "check_keys", "check_sample", "latest_breaks"]

EVERY_SECONDS = 60
SAMPLE_SIZE = 50
"""Keys in a sample. What it costs is judging their kiosk, which takes the same for one key as for all."""
KEYS_AT_ONCE = 200
"""So many keys of an act are looked at; what it touched beyond that is left to the samples and the night."""
NIGHT_BEGINS_MS = 3 * 3_600_000
"""03:00 in the city."""

_Looked = tuple[frozenset[tuple[int, ...]], frozenset[bytes]]
"""What was looked at: keys, and kiosks beside those that have anything on them."""


def latest_breaks(hub: Hub) -> list[Break]:
    """Return what the watch of a hub has found and has not seen mended since."""
    return list(hub.watched.breaks)


class Watch:
    """Watches one hub; `say` tells a person, a line for each new break.

    What was broken is looked at again each minute, so that what somebody has mended goes away by itself. What only the
    night found stays until a night no longer finds it.
    """

    def __init__(self, hub: Hub, say: Callable[[str], None]) -> None:
        self._hub = hub
        self._say = say
        self._broken: dict[_Looked, list[Finding]] = {}
        self._by_night: list[Finding] = []
        self._last_night = _night_of(hub.wall_ms())
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """Begin to watch, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End. A look that is under way only reads, and is not waited for."""
        self._end.set()

    def look(self) -> list[Break]:
        """Look at what was broken, at what acts have touched, at a sample, and once a night at everything."""
        hub = self._hub
        for looked in list(self._broken):
            self._look_at(looked)
        self.look_at_touched()
        self._look_at(draw_sample(hub.store, int.from_bytes(hub.random_bytes(8), "big"), SAMPLE_SIZE))
        night = _night_of(hub.wall_ms())
        if night > self._last_night:
            self._last_night = night
            self._by_night = _defects(audit(hub.store, hub.keyring))
        return self._tell()

    def look_at_touched(self) -> list[Break]:
        """Look at the keys that acts have touched since the last look. An act that moved no points is looked at too:
        its own row, and what it has left.
        """
        touched = self._hub.watched.touched
        while touched:
            self._look_at((frozenset(islice(sorted(touched.popleft()), KEYS_AT_ONCE)), frozenset()))
        return self._tell()

    def _look_at(self, looked: _Looked) -> None:
        found = _defects(check_keys(self._hub.store, self._hub.keyring, *looked))
        if found:
            self._broken[looked] = found
        else:
            self._broken.pop(looked, None)

    def _tell(self) -> list[Break]:
        """Keep what is broken where the desk reads it, and say what is new."""
        found = dict.fromkeys([*self._by_night, *(one for some in self._broken.values() for one in some)])
        breaks = tuple(Break(one.table, one.subject, one.defect) for one in found)
        for one in breaks:
            if one not in self._hub.watched.breaks:
                self._say(f"帳簿の食い違い / the books do not agree: {one.table}: {one.subject}: {one.defect}")
        self._hub.watched.breaks = breaks
        return list(breaks)

    def _run(self) -> None:
        seconds = 0
        while not self._end.wait(1):
            seconds += 1
            if seconds % EVERY_SECONDS == 0:
                self._safely(self.look)
            elif self._hub.watched.touched:
                self._safely(self.look_at_touched)

    def _safely(self, look: Callable[[], object]) -> None:
        """Look; where the database cannot be read just now, say so and go on."""
        try:
            look()
        except (DBAPIError, StoreError) as error:
            self._say(f"帳簿を確かめられませんでした / the books could not be looked at: {error}")


def _defects(found: Iterable[Finding]) -> list[Finding]:
    return [one for one in found if not one.is_note]


def _night_of(wall_ms: int) -> int:
    """Return the city day whose night, from 03:00, a moment belongs to."""
    return city_day(wall_ms - NIGHT_BEGINS_MS)
