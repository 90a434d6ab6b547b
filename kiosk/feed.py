"""Brings camera frames and typed lines to the scan loop, whichever comes first, so that neither waits for the other."""

from __future__ import annotations

import os
import queue
import select
import threading
from types import TracebackType
from typing import Self

from kiosk.camera import Camera, CameraError, Frame

WAIT_SECONDS = 0.2
"""How long the loop waits for a frame before it looks at everything else."""
LINE_LIMIT = 256


class Frames:
    """The newest frames of a camera, fetched by a thread. A folder or file loses none: there the thread waits."""

    def __init__(self, camera: Camera | None) -> None:
        self._camera = camera
        self._queue: queue.Queue[Frame | CameraError | None] = queue.Queue(maxsize=1)
        self._stop = threading.Event()
        self.has_ended = camera is None
        self._thread = threading.Thread(target=self._fetch, name="frames", daemon=True)
        if camera is not None:
            self._thread.start()

    def next(self) -> Frame | None:
        """Return the next frame, or None if none comes within WAIT_SECONDS or ever. Raises CameraError."""
        if self.has_ended:
            return None
        try:
            fetched = self._queue.get(timeout=WAIT_SECONDS)
        except queue.Empty:
            return None
        if isinstance(fetched, CameraError):
            self.has_ended = True
            raise fetched
        self.has_ended = fetched is None
        return fetched

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the camera and wait for the thread."""
        self._stop.set()
        if self._camera is not None:
            self._camera.close()
            self._thread.join()

    def _fetch(self) -> None:
        assert self._camera is not None  # noqa: S101  # the thread is started only with one
        try:
            for frame in self._camera.frames():
                if not self._put(frame):
                    return
        except CameraError as error:
            self._put(error)
        else:
            self._put(None)

    def _put(self, fetched: Frame | CameraError | None) -> bool:
        """Wait for the loop to take it; tell whether the loop is still there."""
        while not self._stop.is_set():
            try:
                self._queue.put(fetched, timeout=WAIT_SECONDS)
            except queue.Full:
                continue
            return True
        return False


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
