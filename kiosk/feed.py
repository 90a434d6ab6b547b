"""Brings camera frames and typed lines to the scan loop, whichever comes first, so that neither waits for the other.
A live camera that goes away, falls silent or freezes is opened again and again; how it is, is told at any moment.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from config.clock import Clock
from kiosk import health
from kiosk.camera import Camera, CameraError, CameraGone, Frame
from kiosk.health import Health
from kiosk.sight import CameraState

WAIT_SECONDS = 0.2
"""How long the loop waits for a frame before it looks at everything else."""
CLOSE_SECONDS = 3.0
"""How long the end of the program waits for a camera that hangs."""
DELAYS_SECONDS = (1, 2, 4, 8, 10)
"""Between two tries to open a camera that has gone; the last one again and again."""
SILENT_AFTER_MS = 2_000
STARTS_WITHIN_MS = 5_000
"""How long a camera that was just opened may take for its first picture."""
ANEW_AFTER_MS = 8_000
"""How long a camera that can hang may be silent or frozen before it is opened anew."""
LINE_LIMIT = 256


class Frames:
    """The frames of a camera, opened and fetched by a thread.

    A live camera never ends: it gives the newest picture, and is opened again when it has gone. A folder or film loses
    none: there the thread waits, and its end is the end. `tell` hears each new trouble once, from the thread.
    """

    def __init__(
        self,
        opener: Callable[[], Camera] | None,
        clock: Clock,
        tell: Callable[[str], None] = lambda _: None,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._opener = opener
        self._clock = clock
        self._tell = tell
        self._told = ""
        self._stopped = threading.Event()
        self._wait = wait or self._stopped.wait
        self._changed = threading.Condition()
        self._camera: Camera | None = None  # while it is open
        self._is_live = False
        self._slot: Frame | Exception | None = None
        self._is_over = False
        self._tries = 0
        self._link = CameraState.STARTING if opener else CameraState.NONE  # GOOD: pictures come, and health says how
        self._health = Health()
        self._heard_ms = self._alive_ms = clock.monotonic_ms()
        self.has_ended = opener is None
        self._thread = threading.Thread(target=self._fetch, name="frames", daemon=True)
        if opener is not None:
            self._thread.start()

    @property
    def state(self) -> CameraState:
        """How the camera is at this moment."""
        with self._changed:
            silent_ms = self._clock.monotonic_ms() - self._heard_ms
            match self._link:
                case CameraState.GOOD if self._is_live:
                    return CameraState.SILENT if silent_ms >= SILENT_AFTER_MS else self._health.state
                case CameraState.STARTING if self._camera is not None and self._is_live:
                    return CameraState.SILENT if silent_ms >= STARTS_WITHIN_MS else CameraState.STARTING
                case link:
                    return link

    def next(self) -> Frame | None:
        """Return the next frame, or None if none comes within WAIT_SECONDS or ever. Raises CameraError, OSError."""
        if self.has_ended:
            return None
        with self._changed:
            self._let_go_of_what_hangs()
            self._changed.wait_for(lambda: self._slot is not None or self._is_over, WAIT_SECONDS)
            taken, self._slot = self._slot, None
            self._changed.notify_all()
            self.has_ended = self._is_over and not isinstance(taken, Frame)
        if isinstance(taken, Exception):
            raise taken
        return taken

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the camera and wait for the thread, but not for ever: a driver may hang."""
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()
            camera = self._camera
        if camera is not None:
            camera.stop()
        if self._opener is not None:
            self._thread.join(CLOSE_SECONDS)

    def _let_go_of_what_hangs(self) -> None:
        """A camera that is stopped ends, and is opened anew by the thread."""
        is_dead = self._clock.monotonic_ms() - self._alive_ms >= ANEW_AFTER_MS
        if self._camera is not None and self._camera.can_hang and is_dead:
            self._camera.stop()

    def _fetch(self) -> None:
        try:
            while self._fetch_until_the_end() and not self._stopped.is_set():
                delay_seconds = DELAYS_SECONDS[min(self._tries, len(DELAYS_SECONDS) - 1)]
                self._tries += 1
                self._wait(delay_seconds)
        except Exception as error:  # noqa: BLE001  # the loop raises it: a booth must not go blind in silence
            self._end(error)

    def _fetch_until_the_end(self) -> bool:
        """Open the source and fetch what it gives; tell whether it is worth another try."""
        assert self._opener is not None  # noqa: S101  # the thread is started only with one
        trouble: CameraError | OSError | None = None
        try:
            with self._opener() as camera:
                self._begin(camera)
                for frame in camera.frames():
                    self._take_in(camera, frame)
        except (CameraError, OSError) as error:
            trouble = error
        self._note_the_end(trouble)
        return self._is_live

    def _begin(self, camera: Camera) -> None:
        with self._changed:
            self._camera, self._is_live = camera, camera.is_live
            self._heard_ms = self._alive_ms = self._clock.monotonic_ms()
        if self._stopped.is_set():
            camera.stop()

    def _take_in(self, camera: Camera, frame: Frame) -> None:
        """Hand a frame to the loop: a live one at once, for only the newest counts; others when there is room."""
        with self._changed:
            self._link = CameraState.GOOD
            if camera.is_live:
                self._note_health(frame)
            else:
                self._wait_for_room()
            self._slot = frame
            self._changed.notify_all()

    def _note_health(self, frame: Frame) -> None:
        self._heard_ms = now_ms = self._clock.monotonic_ms()
        self._health = health.after(self._health, frame.gray, now_ms)
        if self._health.still_since_ms == now_ms or self._health.looks is not CameraState.GOOD:
            self._alive_ms, self._tries, self._told = now_ms, 0, ""

    def _note_the_end(self, trouble: CameraError | OSError | None) -> None:
        """What is live, or a device that is not there, will be tried again; anything else is over for good."""
        state = self.state
        with self._changed:
            was_let_go = self._camera is not None and state in {CameraState.SILENT, CameraState.FROZEN}
            self._is_live = self._is_live or isinstance(trouble, CameraGone)
            self._camera = None
            if self._is_live:
                self._link = state if was_let_go else CameraState.GONE
        if not self._is_live:
            self._end(trouble)
        elif trouble is not None and str(trouble) != self._told:
            self._told = str(trouble)
            self._tell(self._told)

    def _end(self, trouble: Exception | None) -> None:
        with self._changed:
            self._wait_for_room()
            self._link, self._slot, self._is_over = CameraState.ENDED, trouble, True
            self._changed.notify_all()

    def _wait_for_room(self) -> None:
        self._changed.wait_for(lambda: self._slot is None or self._stopped.is_set())


class TypedLines:
    """Lines from a terminal or pipe, without ever waiting for one longer than asked."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self._rest = b""
        self.has_ended = descriptor is None

    def next(self, wait_seconds: float) -> list[str]:
        """Return the lines that have come within `wait_seconds`; an unfinished one counts when the source ends."""
        if self.has_ended or self._descriptor is None:
            return []
        if not select.select([self._descriptor], [], [], wait_seconds)[0]:
            return []
        chunk = os.read(self._descriptor, 4_096)
        self.has_ended = not chunk
        *lines, self._rest = (self._rest + chunk + (b"\n" if self.has_ended else b"")).split(b"\n")
        self._rest = self._rest[:LINE_LIMIT]
        return [line[:LINE_LIMIT].decode("utf-8", "replace").strip() for line in lines if line.strip()]
