"""The scan loop: frame → sight → the code to scan → scan → board, and typed numbers beside it, until told to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from config.clock import Clock
from kiosk import coach
from kiosk.board import Glance
from kiosk.booth import Booth, Scan
from kiosk.camera import Frame, Gray
from kiosk.face import Face, new_face
from kiosk.feed import WAIT_SECONDS
from kiosk.next_code import View, look
from kiosk.sight import CameraState, Sight

STANDING_PAUSE_MS = 1_000
"""How often the booth looks how it stands while nobody is scanned: some 0.2 ms each time."""


class FrameSource(Protocol):
    """Where frames come from."""

    has_ended: bool

    @property
    def state(self) -> CameraState:
        """Whether the camera shows what is before it."""

    def next(self) -> Frame | None:
        """Return the next frame, or None if none came for a moment."""


class LineSource(Protocol):
    """Where typed numbers come from."""

    has_ended: bool

    def next(self, wait_seconds: float) -> list[str]:
        """Return the lines typed within `wait_seconds`."""


class ScanLoop:
    """Everything the loop is handed. `show` is called only with what is on the disk; `beat` once in every turn.

    With `runs_on` it goes on when frames and lines have ended: numbers are typed at the page.
    """

    def __init__(  # one argument for each thing it stands on
        self,
        booth: Booth,
        frames: FrameSource,
        lines: LineSource,
        sight_of: Callable[[Gray], Sight],
        clock: Clock,
        show: Callable[[Scan], None],
        face: Face | None = None,
        *,
        runs_on: bool = False,
    ) -> None:
        self._booth = booth
        self._frames = frames
        self._lines = lines
        self._sight_of = sight_of
        self._clock = clock
        self._show = show
        self._face = face or new_face()
        self._runs_on = runs_on
        self._view: View = {}
        self._glance = Glance()
        self._coaching = coach.Coaching()
        self._standing = booth.standing()
        self._stood_ms = clock.monotonic_ms()

    def run(self, is_stopped: Callable[[], bool], beat: Callable[[], None]) -> None:
        """Scan until told to stop or until nothing more can come. Raises CameraError."""
        while not is_stopped() and (self._runs_on or not (self._frames.has_ended and self._lines.has_ended)):
            beat()
            self.turn()

    def turn(self) -> None:
        """Scan what is in view and what was typed, once, and show how things are then."""
        self._booth.take_news()
        has_typed = self._take_typed()
        frame = self._frames.next()
        if frame is not None:
            self._look_at(frame)
        elif self._frames.state is not CameraState.GOOD:
            self._forget_sight()
        self._stand(is_news=has_typed)
        self._face.board.show(self._glance, self._frames.state, self._standing, self._clock.monotonic_ms())

    def _take_typed(self) -> bool:
        """Scan what was typed, at the page and on standard input; tell whether anything was. Waits if no frame will."""
        is_alone = self._frames.has_ended
        typed = self._face.keys.take(WAIT_SECONDS if is_alone and self._lines.has_ended else 0.0)
        if typed is not None:
            self._show_scan(self._booth.scan_code(typed.code) if typed.code else self._booth.scan_number(typed.number))
        lines = self._lines.next(WAIT_SECONDS if is_alone else 0.0)
        for number in lines:
            self._show_scan(self._booth.scan_number(number))
        return typed is not None or bool(lines)

    def _look_at(self, frame: Frame) -> None:
        now_ms = self._clock.monotonic_ms() if frame.at_ms is None else frame.at_ms
        sight = self._sight_of(frame.gray)
        looked = look(self._view, sight.codes, now_ms)
        self._view = looked.view
        if looked.chosen is not None:
            self._show_scan(self._booth.scan_code(looked.chosen))
            self._stand(is_news=True)
        height, width = frame.gray.shape[:2]
        self._coaching = coach.after(self._coaching, sight, (height, width), now_ms)
        is_something_seen = bool(sight.codes) or sight.unread is not None
        shown_ms = self._clock.monotonic_ms()
        self._face.mirror.offer(frame.gray, shown_ms, is_something_seen=is_something_seen)
        is_lively = self._face.mirror.is_lively(shown_ms)
        self._glance = Glance(self._coaching.is_seen, self._coaching.hint, looked.others_wait, is_lively)

    def _forget_sight(self) -> None:
        """An old picture, and what was seen in it, would be a lie."""
        self._face.mirror.forget()
        self._glance, self._coaching = Glance(), coach.Coaching()

    def _show_scan(self, scan: Scan) -> None:
        """The screen first: a pipe that is read slowly must not hold a result back."""
        self._face.board.show_scan(scan, self._clock.monotonic_ms())
        self._show(scan)

    def _stand(self, *, is_news: bool) -> None:
        now_ms = self._clock.monotonic_ms()
        if is_news or now_ms - self._stood_ms >= STANDING_PAUSE_MS:
            self._standing, self._stood_ms = self._booth.standing(), now_ms
