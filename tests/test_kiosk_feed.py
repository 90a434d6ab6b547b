"""Frames and typed lines reach the scan loop whole, and neither waits for the other."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from kiosk_booth import folder_of, picture_of

from kiosk.camera import Camera, CameraError, Frame, open_camera
from kiosk.feed import LINE_LIMIT, Frames, TypedLines


def numbers_from(frames: Frames) -> list[int]:
    found = []
    while not frames.has_ended:
        frame = frames.next()
        if frame is not None:
            found.append(frame.number)
    return found


def test_no_picture_of_a_folder_is_lost_while_the_loop_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    has_waited = threading.Event()

    class WatchedQueue(queue.Queue[Frame | CameraError | None]):
        def put(self, item: Frame | CameraError | None, block: bool = True, timeout: float | None = None) -> None:  # noqa: FBT001, FBT002  # as queue.Queue has it
            try:
                super().put(item, block, timeout)
            except queue.Full:
                has_waited.set()
                raise

    monkeypatch.setattr("kiosk.feed.queue.Queue", WatchedQueue)
    monkeypatch.setattr("kiosk.feed.WAIT_SECONDS", 0.01)

    with Frames(open_camera(str(folder_of(tmp_path / "p", *[picture_of()] * 5)))) as frames:
        assert has_waited.wait(30)
        found = numbers_from(frames)

    assert found == [1, 2, 3, 4, 5]


def test_a_camera_that_fails_is_the_loops_to_know() -> None:
    with Frames(BrokenCamera()) as frames, pytest.raises(CameraError, match="gone"):
        numbers_from(frames)

    assert frames.has_ended


class BrokenCamera(Camera):
    """Gives nothing and says why."""

    def frames(self) -> Iterator[Frame]:
        raise CameraError("gone")

    def close(self) -> None:
        """Nothing is open."""


def test_the_loop_may_end_while_pictures_are_left(tmp_path: Path) -> None:
    with Frames(open_camera(str(folder_of(tmp_path / "p", *[picture_of()] * 9)))) as frames:
        first = frames.next()

    assert first is not None
    assert not frames._thread.is_alive()


def test_without_a_camera_there_is_nothing_to_wait_for() -> None:
    with Frames(None) as frames:
        assert frames.has_ended
        assert frames.next() is None


def test_lines_come_as_they_are_finished_and_the_last_one_at_the_end() -> None:
    reader, writer = os.pipe()
    lines = TypedLines(reader)

    nothing = lines.next(0.0)
    os.write(writer, b"12")
    unfinished = lines.next(0.0)
    os.write(writer, b"34\n\n 56 \n7")
    finished = lines.next(0.0)
    os.close(writer)
    last = lines.next(0.0)
    os.close(reader)

    assert (nothing, unfinished, finished, last) == ([], [], ["1234", "56"], ["7"])
    assert lines.has_ended


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    reader, writer = os.pipe()
    lines = TypedLines(reader)

    for _ in range(20):
        os.write(writer, b"9" * 4_000)
        lines.next(0.0)
    os.write(writer, b"\xff\n")
    found = lines.next(0.0)
    os.close(writer)
    os.close(reader)

    assert len(found) == 1
    assert len(found[0]) <= LINE_LIMIT
