"""Every source gives gray frames; a live one gives the newest; a broken picture stops nothing."""

import os
import signal
import threading
from pathlib import Path
from typing import cast

import cv2
import numpy as np
import pytest

from kiosk.camera import Camera, CameraError, CameraGone, Frame, Gray, _DeviceCamera, open_camera


def jpeg(shade: int) -> bytes:
    return cv2.imencode(".jpg", np.full((48, 64, 3), shade, np.uint8))[1].tobytes()


def shades(frames: list[Frame]) -> list[int]:
    """Pictures here are of one shade each, in tens: what survives a JPEG."""
    return [round(float(frame.gray.mean()) / 10) * 10 for frame in frames]


def all_frames(source: str) -> tuple[list[Frame], Camera]:
    with open_camera(source) as camera:
        return list(camera.frames()), camera


def undecodable(shade: int) -> bytes:
    """Cut out as a picture, but the decoder finds its tables missing."""
    whole = jpeg(shade)
    at = whole.index(b"\xff\xdb")
    return whole[:at] + whole[whole.index(b"\xff\xda") :]


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    path = tmp_path / "camera"
    os.mkfifo(path)
    return path


def test_a_folder_gives_its_pictures_in_the_order_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "b.JPG").write_bytes(jpeg(120))
    (tmp_path / "c.png").write_bytes(cv2.imencode(".png", np.full((30, 40, 3), 200, np.uint8))[1].tobytes())
    (tmp_path / "a.jpeg").write_bytes(jpeg(40))
    (tmp_path / "notes.txt").write_text("no picture")

    frames, camera = all_frames(str(tmp_path))

    assert shades(frames) == [40, 120, 200]
    assert [frame.number for frame in frames] == [1, 2, 3]
    assert frames[0].gray.shape == (48, 64)
    assert frames[0].gray.dtype == np.uint8
    assert camera.broken == 0


def test_one_picture_is_a_source_of_one_frame(tmp_path: Path) -> None:
    (tmp_path / "hub.png").write_bytes(cv2.imencode(".png", np.full((30, 40), 200, np.uint8))[1].tobytes())

    frames, _ = all_frames(str(tmp_path / "hub.png"))

    assert shades(frames) == [200]


def test_an_mjpeg_file_gives_every_picture(tmp_path: Path) -> None:
    (tmp_path / "booth.mjpeg").write_bytes(b"".join(jpeg(shade) for shade in range(10, 250, 10)))

    frames, camera = all_frames(str(tmp_path / "booth.mjpeg"))

    assert shades(frames) == list(range(10, 250, 10))
    assert (camera.broken, camera.dropped) == (0, 0)


def test_a_broken_picture_in_the_middle_is_skipped_and_counted(tmp_path: Path) -> None:
    (tmp_path / "booth.mjpeg").write_bytes(jpeg(10) + undecodable(20) + jpeg(30)[:-50] + jpeg(40))

    frames, camera = all_frames(str(tmp_path / "booth.mjpeg"))

    assert shades(frames) == [10, 40]
    assert camera.broken == 2


def test_a_broken_picture_in_a_folder_is_skipped_and_counted(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "b.jpg").write_bytes(b"no picture at all")
    (tmp_path / "c.jpg").write_bytes(jpeg(40))

    frames, camera = all_frames(str(tmp_path))

    assert shades(frames) == [40]
    assert camera.broken == 2


def test_the_newest_picture_wins_when_the_reader_is_slow(fifo: Path) -> None:
    with open_camera(str(fifo)) as camera:
        frames = camera.frames()
        with fifo.open("wb", buffering=0) as writer:
            writer.write(jpeg(10))
            seen = [next(frames)]
            for shade in range(20, 250, 10):
                writer.write(jpeg(shade))
        wait_until_the_pipe_is_empty(camera)
        seen += frames

    assert shades(seen) == [10, 240]
    assert [frame.number for frame in seen] == [1, 24]
    assert camera.dropped == 22


def test_a_broken_picture_in_a_live_stream_is_skipped_and_counted(fifo: Path) -> None:
    with open_camera(str(fifo)) as camera:
        frames = camera.frames()
        with fifo.open("wb", buffering=0) as writer:
            writer.write(jpeg(10))
            seen = [next(frames)]
            writer.write(undecodable(20) + jpeg(30)[:-50] + jpeg(40))
            seen.append(next(frames))

    assert shades(seen) == [10, 40]
    assert camera.broken + camera.dropped == 2


def test_a_pipe_waits_for_its_writer_and_ends_with_it(fifo: Path) -> None:
    with open_camera(str(fifo)) as camera:
        seen: list[Frame] = []
        reading = threading.Thread(target=lambda: seen.extend(camera.frames()))
        reading.start()
        with fifo.open("wb", buffering=0) as writer:
            writer.write(jpeg(50))
        reading.join()

    assert shades(seen) == [50]


def test_closing_ends_a_reader_that_waits(fifo: Path) -> None:
    camera = open_camera(str(fifo))
    seen: list[Frame] = []
    reading = threading.Thread(target=lambda: seen.extend(camera.frames()))
    reading.start()

    camera.close()
    camera.close()
    reading.join()

    assert seen == []


def test_a_writer_notices_that_the_reader_has_gone(fifo: Path) -> None:
    camera = open_camera(str(fifo))

    with fifo.open("wb", buffering=0) as writer:
        camera.close()
        with pytest.raises(BrokenPipeError):
            writer.write(jpeg(50))


def test_standard_input_is_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.write(writer, jpeg(70))
    os.close(writer)

    with os.fdopen(reader) as standard_input:
        monkeypatch.setattr("sys.stdin", standard_input)
        frames, _ = all_frames("-")

    assert shades(frames) == [70]


def test_a_file_on_standard_input_gives_every_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "film").write_bytes(jpeg(70) + jpeg(90) + jpeg(110))

    with (tmp_path / "film").open() as standard_input:
        monkeypatch.setattr("sys.stdin", standard_input)
        frames, _ = all_frames("-")

    assert shades(frames) == [70, 90, 110]


def test_a_device_in_colour_becomes_gray(tmp_path: Path) -> None:
    film = str(tmp_path / "device.avi")
    writer = cv2.VideoWriter(film, cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for shade in (60, 180):
        writer.write(np.full((48, 64, 3), shade, np.uint8))
    writer.release()

    with _DeviceCamera(cv2.VideoCapture(film)) as camera:
        frames = list(camera.frames())

    assert shades(frames) == [60, 180]
    assert all(frame.gray.shape == (48, 64) for frame in frames)


class PlayedDevice:
    """Gives pictures, None for one that is broken, and after them nothing, as a device that was unplugged."""

    def __init__(self, *pictures: Gray | None) -> None:
        self.is_released = False
        self.reading = threading.Event()
        self.answers = threading.Event()
        self.answers.set()
        self._pictures = list(pictures)

    def read(self) -> tuple[bool, Gray | None]:
        self.reading.set()
        self.answers.wait(30)
        picture = self._pictures.pop(0) if self._pictures else None
        return picture is not None, picture

    def release(self) -> None:
        self.is_released = True


def device_camera(device: PlayedDevice) -> Camera:
    return _DeviceCamera(cast("cv2.VideoCapture", device))


def gray(shade: int) -> Gray:
    return np.full((48, 64), shade, np.uint8)


def test_a_broken_picture_of_a_device_is_passed_over_and_counted() -> None:
    device = PlayedDevice(gray(60), None, None, gray(180))

    with device_camera(device) as camera:
        frames = list(camera.frames())

    assert shades(frames) == [60, 180]
    assert [frame.number for frame in frames] == [1, 4]
    assert camera.broken == 2
    assert device.is_released


def test_closing_does_not_wait_for_a_device_that_hangs() -> None:
    device = PlayedDevice(gray(60))
    device.answers.clear()
    camera = device_camera(device)
    seen: list[Frame] = []
    reading = threading.Thread(target=lambda: seen.extend(camera.frames()))
    reading.start()
    assert device.reading.wait(30)

    camera.close()
    released_under_the_reader = device.is_released
    device.answers.set()
    reading.join()

    assert not released_under_the_reader
    assert device.is_released


def test_only_what_gives_pictures_of_now_and_can_come_back_is_live(tmp_path: Path, fifo: Path) -> None:
    (tmp_path / "film.mjpeg").write_bytes(jpeg(10))
    reader, writer = os.pipe()
    with (
        open_camera(str(fifo)) as pipe,
        open_camera(str(tmp_path / "film.mjpeg")) as film,
        open_camera(f"/dev/fd/{reader}") as from_a_shell,
        device_camera(PlayedDevice()) as device,
    ):
        cameras = (pipe, film, from_a_shell, device)
        found = [(camera.is_live, camera.can_hang) for camera in cameras]
    os.close(reader)
    os.close(writer)

    assert found == [(True, False), (False, False), (False, False), (True, True)]


def test_a_film_without_a_picture_says_so_at_its_end(tmp_path: Path) -> None:
    (tmp_path / "film.mjpeg").write_bytes(undecodable(20) + b"no picture")

    with open_camera(str(tmp_path / "film.mjpeg")) as camera, pytest.raises(CameraError, match=r"1枚もありません"):
        list(camera.frames())


@pytest.fixture
def program_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder, besides the system's, where programs are looked for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def put_program(folder: Path, script: str) -> None:
    program = folder / "rpicam-vid"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_the_camera_of_the_pi_is_a_pipe_and_its_program_ends_with_it(program_folder: Path) -> None:
    (program_folder / "film").write_bytes(jpeg(70))
    put_program(program_folder, f'echo "$@" > {program_folder}/arguments; cat {program_folder}/film; exec sleep 600')

    with open_camera("rpicam", size=(640, 480), frames_a_second=10) as camera:
        frame = next(camera.frames())

    assert shades([frame]) == [70]
    assert "--codec mjpeg" in (program_folder / "arguments").read_text()
    assert "--width 640 --height 480 --framerate 10 -o -" in (program_folder / "arguments").read_text()
    assert camera._program.returncode == -signal.SIGTERM  # type: ignore[attr-defined]


def test_a_program_of_the_pi_that_gives_no_picture_is_a_named_error(program_folder: Path) -> None:
    put_program(program_folder, "exit 255")

    with open_camera("rpicam") as camera, pytest.raises(CameraGone, match=r"ケーブル.*rpicam-hello --list-cameras"):
        next(camera.frames())


def test_a_missing_program_says_how_to_get_it(program_folder: Path) -> None:
    with pytest.raises(CameraError, match=r"ありません.*sudo apt install rpicam-apps-lite"):
        open_camera("rpicam")


@pytest.mark.parametrize("source", ["97", "/dev/video97", "no/such/folder", ""])
def test_a_source_that_is_not_there_says_so_and_only_a_device_may_still_come(source: str) -> None:
    with pytest.raises(CameraError, match=r"確かめて|使えません") as refused:
        open_camera(source)

    assert isinstance(refused.value, CameraGone) is ("97" in source)


def test_a_device_that_cannot_be_opened_says_what_to_do(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CameraGone, match=r"開けません.*usermod -aG video"):
        open_camera("/dev/null")


def test_a_folder_without_pictures_says_so(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match=r"写真.*ありません"):
        open_camera(str(tmp_path))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "film.mp4").write_bytes(b"0000")

    with pytest.raises(CameraError, match=r"使えません.*\.mjpeg"):
        open_camera(str(tmp_path / "film.mp4"))


def wait_until_the_pipe_is_empty(camera: Camera) -> None:
    """The camera's thread ends when it has read all that the writer, who has gone, left behind."""
    camera._thread.join()  # type: ignore[attr-defined]
