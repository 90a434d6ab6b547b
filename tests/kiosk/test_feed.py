"""Frames and typed lines reach the scan loop whole, and neither waits for the other; a camera that went away comes
back.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from kiosk_booth import HandClock, folder_of, picture_of

from kiosk.camera import Camera, CameraError, CameraGone, Frame, Gray, open_camera
from kiosk.feed import ANEW_AFTER_MS, LINE_LIMIT, SILENT_AFTER_MS, STARTS_WITHIN_MS, Frames, TypedLines
from kiosk.health import FROZEN_AFTER_MS, WORSE_AFTER_MS
from kiosk.sight import CameraState

PATIENCE_SECONDS = 30
"""How long a test waits for another thread before it fails; nothing takes as long."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kiosk.feed.WAIT_SECONDS", 0.01)


class Pauses:
    """Stands for the waiting between two tries: it lasts until the test says so, and is written down."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._begun = threading.Semaphore(0)
        self._ended = threading.Semaphore(0)
        self._is_over = False

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self._begun.release()
        if not self._is_over:
            assert self._ended.acquire(timeout=PATIENCE_SECONDS)

    def begin(self) -> None:
        """Wait until the next pause has begun."""
        assert self._begun.acquire(timeout=PATIENCE_SECONDS)

    def end(self) -> None:
        self._ended.release()

    def end_all(self) -> None:
        self._is_over = True
        self._ended.release(10)


class PlayedCamera(Camera):
    """A camera that shows what the test hands it, one picture after the other."""

    def __init__(self, *, is_live: bool = True, can_hang: bool = True) -> None:
        super().__init__(is_live=is_live)
        self.can_hang = is_live and can_hang
        self.is_closed = False
        self._changed = threading.Condition()
        self._pictures: list[Gray] = []
        self._is_over = False
        self._number = 0
        self._waits_for = 1

    def show(self, *pictures: Gray) -> None:
        """Return when the last of them was taken, and asked for the next."""
        with self._changed:
            self._pictures += pictures
            self._changed.notify_all()
            last = self._number + len(self._pictures)
            assert self._changed.wait_for(lambda: self._waits_for > last, PATIENCE_SECONDS)

    def unplug(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def frames(self) -> Iterator[Frame]:
        while True:
            with self._changed:
                self._waits_for = self._number + 1
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._pictures or self._is_over or self._is_stopped, PATIENCE_SECONDS)
                if not self._pictures:
                    return
                self._number += 1
                picture = self._pictures.pop(0)
            yield Frame(picture, self._number)

    def stop(self) -> None:
        with self._changed:
            super().stop()
            self._changed.notify_all()

    def close(self) -> None:
        self.stop()
        self.is_closed = True


class Booth:
    """Frames from what the test plays, with a clock and pauses it turns by hand."""

    def __init__(self, *sources: Camera | CameraError | Callable[[], Camera]) -> None:
        self.clock = HandClock()
        self.pauses = Pauses()
        self.told: list[str] = []
        self.opened = threading.Semaphore(0)
        self._sources = list(sources)
        self.frames = Frames(self._open, self.clock, self.told.append, self.pauses)

    def _open(self) -> Camera:
        source = self._sources.pop(0) if len(self._sources) > 1 else self._sources[0]
        self.opened.release()
        if isinstance(source, CameraError):
            raise source
        return source if isinstance(source, Camera) else source()

    @property
    def state(self) -> CameraState:
        return self.frames.state

    def next(self) -> Frame:
        """Return the next frame, however long the thread takes for it."""
        for _ in range(100 * PATIENCE_SECONDS):
            frame = self.frames.next()
            if frame is not None:
                return frame
        raise AssertionError("no frame came")


@contextmanager
def booth_with(*sources: Camera | CameraError | Callable[[], Camera]) -> Iterator[Booth]:
    booth = Booth(*sources)
    with booth.frames:
        try:
            yield booth
        finally:
            booth.pauses.end_all()


def scene(seed: int) -> Gray:
    """Return a picture of a room: things with edges, and noise that is another in every picture."""
    room = picture_of("KP1:ROOM")
    room[:, 900:] = 60
    noise = np.random.default_rng(seed).normal(0, 4, room.shape)
    return np.clip(room + noise, 0, 255).astype(np.uint8)


BLACK = np.zeros((720, 1280), np.uint8)


def numbers_from(frames: Frames) -> list[int]:
    """Return the numbers of all frames until the end, which must come."""
    found = []
    for _ in range(10 * PATIENCE_SECONDS):
        frame = frames.next()
        if frame is not None:
            found.append(frame.number)
        if frames.has_ended:
            return found
    raise AssertionError("it does not end")


def test_no_picture_of_a_folder_is_lost_while_the_loop_is_busy() -> None:
    folder = PlayedCamera(is_live=False)
    with booth_with(folder) as booth:
        showing = threading.Thread(target=folder.show, args=[scene(seed) for seed in range(5)])
        showing.start()

        first = booth.next()
        rest = [booth.next() for _ in range(3)]
        showing.join()
        folder.unplug()
        state_before_the_last = booth.state
        rest += [booth.next()]
        end = numbers_from(booth.frames)

    assert [frame.number for frame in (first, *rest)] == [1, 2, 3, 4, 5]
    assert end == []
    assert state_before_the_last is CameraState.GOOD
    assert booth.state is CameraState.ENDED
    assert booth.pauses.seconds == []
    assert folder.is_closed


def test_a_busy_loop_gets_the_newest_picture_of_a_live_camera() -> None:
    camera = PlayedCamera()
    with booth_with(camera) as booth:
        camera.show(scene(1), scene(2), scene(3))

        frame = booth.next()

    assert frame.number == 3


def test_a_source_that_cannot_be_is_the_loops_to_know() -> None:
    with booth_with(CameraError("no such folder")) as booth:
        with pytest.raises(CameraError, match="no such folder"):
            numbers_from(booth.frames)

        assert booth.frames.has_ended
        assert booth.state is CameraState.ENDED
        assert booth.frames.next() is None


def test_a_place_that_cannot_be_read_is_the_loops_to_know() -> None:
    def refuse() -> Camera:
        raise PermissionError(13, "Permission denied")

    with booth_with(refuse) as booth, pytest.raises(PermissionError):
        numbers_from(booth.frames)


def test_a_device_that_is_not_there_is_tried_again_ever_more_rarely_until_it_comes() -> None:
    camera = PlayedCamera()
    with booth_with(*[CameraGone("plug it in")] * 6, camera) as booth:
        states = []
        for _ in range(6):
            booth.pauses.begin()
            states.append(booth.state)
            booth.pauses.end()
        camera.show(scene(1))
        frame = booth.next()

        assert booth.state is CameraState.GOOD
    assert frame.number == 1
    assert states == [CameraState.GONE] * 6
    assert booth.pauses.seconds == [1, 2, 4, 8, 10, 10]
    assert booth.told == ["plug it in"]


def test_a_camera_that_stays_away_all_day_is_still_tried() -> None:
    with booth_with(CameraGone("plug it in")) as booth:
        for _ in range(2_000):
            booth.pauses.begin()
            booth.pauses.end()

        assert booth.state is CameraState.GONE
    assert set(booth.pauses.seconds[5:]) == {10}


def test_a_fault_nobody_expected_ends_the_program_and_does_not_blind_the_booth_in_silence() -> None:
    def fail() -> Camera:
        raise ZeroDivisionError

    with booth_with(fail) as booth:
        with pytest.raises(ZeroDivisionError):
            numbers_from(booth.frames)

        assert booth.frames.has_ended


def test_an_unplugged_camera_is_gone_and_comes_back() -> None:
    first, second = PlayedCamera(), PlayedCamera()
    with booth_with(first, CameraGone("plug it in"), second) as booth:
        first.show(scene(1))
        booth.next()
        first.unplug()
        booth.pauses.begin()
        after_unplugging = booth.state
        booth.pauses.end()
        booth.pauses.begin()
        while_away = booth.state
        booth.pauses.end()
        second.show(scene(2))
        booth.next()

        assert booth.state is CameraState.GOOD
        assert not booth.frames.has_ended
    assert (after_unplugging, while_away) == (CameraState.GONE, CameraState.GONE)
    assert first.is_closed
    assert booth.told == ["plug it in"]


def test_the_tries_begin_anew_after_a_picture_has_come() -> None:
    cameras = [PlayedCamera() for _ in range(3)]
    with booth_with(cameras[0], CameraGone("gone"), *cameras[1:]) as booth:
        for seed, camera in enumerate(cameras[:2]):
            camera.show(scene(seed))
            camera.unplug()
            booth.pauses.begin()
            booth.pauses.end()
            if seed == 0:
                booth.pauses.begin()
                booth.pauses.end()
        cameras[2].show(scene(9))

    assert booth.pauses.seconds[:3] == [1, 2, 1]


def test_a_folder_that_vanishes_is_not_waited_for_but_a_pipe_that_vanishes_is() -> None:
    camera = PlayedCamera()
    with booth_with(camera, CameraError("no such file"), PlayedCamera()) as booth:
        camera.show(scene(1))
        camera.unplug()
        for _ in range(2):
            booth.pauses.begin()
            booth.pauses.end()

        assert not booth.frames.has_ended
    assert booth.told == ["no such file"]


def test_a_live_camera_without_a_picture_for_two_seconds_is_silent_until_the_next() -> None:
    camera = PlayedCamera()
    with booth_with(camera) as booth:
        camera.show(scene(1))
        booth.clock.turn(SILENT_AFTER_MS - 1)
        a_moment_before = booth.state
        booth.clock.turn(1)
        silent = booth.state
        camera.show(scene(2))

        assert booth.state is CameraState.GOOD
    assert (a_moment_before, silent) == (CameraState.GOOD, CameraState.SILENT)


def test_a_camera_may_take_a_while_for_its_first_picture() -> None:
    camera = PlayedCamera()
    with booth_with(camera) as booth:
        assert booth.opened.acquire(timeout=PATIENCE_SECONDS)
        wait_until(lambda: booth.frames._camera is camera)
        booth.clock.turn(STARTS_WITHIN_MS - 1)
        starting = booth.state
        booth.clock.turn(1)

        assert booth.state is CameraState.SILENT
    assert starting is CameraState.STARTING


def test_a_camera_that_hangs_is_opened_anew_and_silent_until_its_picture_comes() -> None:
    hanging, well = PlayedCamera(), PlayedCamera()
    with booth_with(hanging, well) as booth:
        hanging.show(scene(1))
        booth.next()
        booth.clock.turn(ANEW_AFTER_MS - 1)
        booth.frames.next()
        a_moment_before = hanging._is_stopped
        booth.clock.turn(1)
        booth.frames.next()
        booth.pauses.begin()
        between = booth.state
        booth.pauses.end()
        well.show(scene(2))

        assert booth.state is CameraState.GOOD
    assert not a_moment_before
    assert hanging.is_closed
    assert between is CameraState.SILENT


def test_a_silent_pipe_is_left_alone_for_its_writer_would_be_cut_off() -> None:
    pipe = PlayedCamera(can_hang=False)
    with booth_with(pipe) as booth:
        pipe.show(scene(1))
        booth.next()
        booth.clock.turn(10 * ANEW_AFTER_MS)
        booth.frames.next()

        assert booth.state is CameraState.SILENT
        assert not pipe._is_stopped


def test_a_frozen_camera_is_said_so_opened_anew_and_believed_only_with_another_picture() -> None:
    frozen, again = PlayedCamera(), PlayedCamera()
    with booth_with(frozen, again) as booth:
        states = []
        for _ in range(0, ANEW_AFTER_MS, 1_000):
            frozen.show(scene(1))
            states.append(booth.state)
            booth.clock.turn(1_000)
        booth.frames.next()
        booth.frames.next()
        booth.pauses.begin()
        states.append(booth.state)
        booth.pauses.end()
        again.show(scene(1))
        states.append(booth.state)
        again.show(scene(2))

        assert booth.state is CameraState.GOOD
    assert frozen.is_closed
    assert states == [CameraState.GOOD] * (FROZEN_AFTER_MS // 1_000) + [CameraState.FROZEN] * 5


def test_a_black_picture_is_said_after_a_while_and_no_reason_to_open_the_camera_anew() -> None:
    camera = PlayedCamera()
    with booth_with(camera) as booth:
        camera.show(scene(1))
        for _ in range(0, 10 * ANEW_AFTER_MS, 1_000):
            booth.clock.turn(1_000)
            camera.show(BLACK)
            booth.next()
            if booth.clock.monotonic < 600_000 + WORSE_AFTER_MS:
                assert booth.state is CameraState.GOOD

        assert booth.state is CameraState.BLACK
        assert not camera._is_stopped


def test_footage_is_never_judged() -> None:
    folder = PlayedCamera(is_live=False)
    with booth_with(folder) as booth:
        for _ in range(10):
            showing = threading.Thread(target=folder.show, args=[BLACK])
            showing.start()
            booth.next()
            showing.join()
            booth.clock.turn(WORSE_AFTER_MS)

            assert booth.state is CameraState.GOOD


def test_the_end_of_the_program_does_not_wait_for_a_driver_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kiosk.feed.CLOSE_SECONDS", 0.01)
    hangs = threading.Event()

    class HangingCamera(PlayedCamera):
        def frames(self) -> Iterator[Frame]:
            hangs.wait(PATIENCE_SECONDS)
            yield Frame(BLACK, 1)

    with booth_with(HangingCamera()) as booth:
        assert booth.opened.acquire(timeout=PATIENCE_SECONDS)
    was_left_behind = booth.frames._thread.is_alive()
    hangs.set()
    booth.frames._thread.join()

    assert was_left_behind


def test_the_loop_may_end_while_pictures_are_left(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "p", *[picture_of()] * 9)
    with booth_with(lambda: open_camera(str(folder))) as booth:
        first = booth.next()

    assert first.number == 1
    assert not booth.frames._thread.is_alive()


def test_without_a_camera_there_is_nothing_to_wait_for() -> None:
    with Frames(None, HandClock()) as frames:
        assert frames.has_ended
        assert frames.state is CameraState.NONE
        assert frames.next() is None


def test_a_broken_picture_in_the_middle_of_a_film_ends_nothing(tmp_path: Path) -> None:
    whole = jpeg(picture_of())
    (tmp_path / "film.mjpeg").write_bytes(whole + whole[: len(whole) // 2] + whole)
    with booth_with(lambda: open_camera(str(tmp_path / "film.mjpeg"))) as booth:
        found = numbers_from(booth.frames)

    assert len(found) == 2


def test_a_film_without_a_readable_picture_says_so(tmp_path: Path) -> None:
    (tmp_path / "film.mjpeg").write_bytes(b"no picture at all")
    with (
        booth_with(lambda: open_camera(str(tmp_path / "film.mjpeg"))) as booth,
        pytest.raises(CameraError, match=r"film\.mjpeg.*1枚もありません"),
    ):
        numbers_from(booth.frames)


def test_a_pipe_whose_writer_has_gone_waits_for_the_next_one(tmp_path: Path) -> None:
    fifo = tmp_path / "camera"
    os.mkfifo(fifo)
    with booth_with(lambda: open_camera(str(fifo))) as booth:
        fifo.write_bytes(jpeg(scene(1)))
        booth.next()
        booth.pauses.begin()
        between = booth.state
        booth.pauses.end()
        fifo.write_bytes(jpeg(scene(2)))
        booth.next()

        assert between is CameraState.GONE
        assert booth.told == []


def test_a_camera_program_of_the_pi_that_dies_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "film").write_bytes(jpeg(scene(1)))
    program = tmp_path / "rpicam-vid"
    program.write_text(f"#!/bin/sh\ncat {tmp_path}/film\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with booth_with(lambda: open_camera("rpicam")) as booth:
        booth.next()
        booth.pauses.begin()
        between = booth.state
        booth.pauses.end()
        again = booth.next()

    assert between is CameraState.GONE
    assert again.number == 1


def test_a_video_device_that_is_missing_at_the_start_is_gone_and_its_sentence_is_told() -> None:
    with booth_with(lambda: open_camera("97")) as booth:
        booth.pauses.begin()

        assert booth.state is CameraState.GONE
        assert not booth.frames.has_ended
    assert "/dev/video97" in booth.told[0]


def wait_until(is_so: Callable[[], bool]) -> None:
    """Let the other thread go on until something is so."""
    pause = threading.Event()
    for _ in range(1_000 * PATIENCE_SECONDS):
        if is_so():
            return
        pause.wait(0.001)
    raise AssertionError("it never was")


def jpeg(picture: Gray) -> bytes:
    return cv2.imencode(".jpg", picture)[1].tobytes()


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
