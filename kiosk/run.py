"""The scan loop: frame → texts → the code to scan → scan → screen, and typed numbers beside it, until told to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from config.clock import Clock
from kiosk.booth import Booth, Scan
from kiosk.camera import Frame, Gray
from kiosk.feed import WAIT_SECONDS
from kiosk.gate import View, look
from kiosk.sight import Code


class FrameSource(Protocol):
    """Where frames come from."""

    has_ended: bool

    def next(self) -> Frame | None:
        """Return the next frame, or None if none came for a moment."""


class LineSource(Protocol):
    """Where typed numbers come from."""

    has_ended: bool

    def next(self, wait_seconds: float) -> list[str]:
        """Return the lines typed within `wait_seconds`."""


class ScanLoop:
    """Everything the loop is handed. `show` is called only with what is on the disk; `beat` once in every turn."""

    def __init__(  # one argument for each thing it stands on
        self,
        booth: Booth,
        frames: FrameSource,
        lines: LineSource,
        read: Callable[[Gray], list[str]],
        clock: Clock,
        show: Callable[[Scan], None],
    ) -> None:
        self._booth = booth
        self._frames = frames
        self._lines = lines
        self._read = read
        self._clock = clock
        self._show = show
        self._view: View = {}

    def run(self, is_stopped: Callable[[], bool], beat: Callable[[], None]) -> None:
        """Scan until told to stop or until nothing more can come. Raises CameraError."""
        while not is_stopped() and not (self._frames.has_ended and self._lines.has_ended):
            beat()
            self.turn()

    def turn(self) -> None:
        """Scan what is in view and what was typed, once."""
        self._booth.take_news()
        for number in self._lines.next(WAIT_SECONDS if self._frames.has_ended else 0.0):
            self._show(self._booth.scan_number(number))
        frame = self._frames.next()
        if frame is not None:
            self._scan_frame(frame)

    def _scan_frame(self, frame: Frame) -> None:
        now_ms = self._clock.monotonic_ms() if frame.at_ms is None else frame.at_ms
        looked = look(self._view, [Code(text, 0.0) for text in self._read(frame.gray)], now_ms)
        self._view = looked.view
        if looked.chosen is not None:
            self._show(self._booth.scan_code(looked.chosen))
