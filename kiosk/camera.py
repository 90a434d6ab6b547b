"""Turns a camera source – pictures in a folder, an MJPEG file or pipe, a device, the Pi's camera – into gray frames.

It never looks for a code, never reads a clock, never holds more than one waiting frame of a live source, and never
opens one again: that is `kiosk.feed`'s.
"""

import os
import select
import shutil
import stat
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from kiosk.mjpeg import JpegSplitter

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
MJPEG_SUFFIXES = frozenset({".mjpeg", ".mjpg"})
DEVICE_PREFIXES = ("/dev/video", "/dev/v4l/")
PASSED_ON_PREFIX = "/dev/fd/"  # a pipe that a shell has opened for us; nobody else can ever write to it
RPICAM_PROGRAMS = ("rpicam-vid", "libcamera-vid")  # the second is its name on older systems

MOST_PICTURE_BYTES = 32 * 1024 * 1024
CHUNK_BYTES = 256 * 1024
STOP_SECONDS = 2
MOST_FAILED_READS = 5
"""A device that has gone fails at once and for ever; one that gives a broken picture goes on with the next."""
PICTURE_MS = 1_000
"""How long a picture of a folder stands for: each may show another person."""
FILM_FRAME_MS = 66
"""How long a picture of a film stands for: 15 a second, as from a camera."""

Gray = NDArray[np.uint8]


class CameraError(Exception):
    """The source cannot give pictures; its text says in Japanese and English what to do about it."""


class CameraGone(CameraError):
    """A camera that is not there now; it may come, or come back."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture: gray, H × W bytes; number counts the source's pictures from 1, so gaps tell what was passed over.

    at_ms is its time in footage, which is read at any speed; None: it is of now.
    """

    gray: Gray
    number: int
    at_ms: int | None = None


class Camera(ABC):
    """An open source of frames; broken counts pictures that are none, dropped those that a newer one overtook.

    is_live: it gives pictures of now for as long as it is well, and may be opened again after it has ended; footage and
    standard input end for good. can_hang: its silence may mean that a driver or program hangs, which opening it anew
    mends; the silence of a pipe is the matter of its writer, who would be cut off.
    """

    can_hang = False

    def __init__(self, *, is_live: bool = False) -> None:
        self.broken = 0
        self.dropped = 0
        self.is_live = is_live
        self._is_stopped = False

    @abstractmethod
    def frames(self) -> Iterator[Frame]:
        """Frames until the source ends or the camera is closed; to be called once."""

    def stop(self) -> None:
        """Lets frames() end soon. Any thread may call it, at any moment; it never waits."""
        self._is_stopped = True

    @abstractmethod
    def close(self) -> None:
        """Stops and lets go of the source. Any thread may call it, and twice; a waiting frames() then ends."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_camera(source: str, *, size: tuple[int, int] = (1280, 720), frames_a_second: int = 15) -> Camera:
    """Opens what `source` names; raises CameraError.

    A number or /dev/video*; `rpicam`; `-` (standard input); a FIFO; an .mjpeg file; a picture or a folder of them.
    Size (width, height in pixels) and rate are asked of devices and of the Pi's camera only.
    """
    if source == "rpicam":
        return _open_rpicam(size, frames_a_second)
    if source == "-":
        return _open_stream("標準入力 stdin", os.dup(sys.stdin.fileno()))
    if source.isascii() and source.isdigit():
        source = f"/dev/video{source}"
    path = Path(source)
    try:
        mode = os.stat(source).st_mode  # noqa: PTH116 - Path("") would be this folder
    except OSError as error:
        raise (CameraGone if source.startswith(DEVICE_PREFIXES) else CameraError)(
            f"カメラ「{source}」が見つかりません。ケーブルと名前を確かめてください。"
            f" / There is no camera {source} ({error.strerror}). Check the cable and the name."
        ) from error
    if stat.S_ISCHR(mode):
        return _open_device(source, size, frames_a_second)
    if stat.S_ISDIR(mode):
        return _open_folder(path)
    if stat.S_ISFIFO(mode):
        return _open_stream(source, _open_path(path), is_live=not source.startswith(PASSED_ON_PREFIX))
    if path.suffix.lower() in PICTURE_SUFFIXES:
        return _PictureCamera([path])
    if path.suffix.lower() in MJPEG_SUFFIXES:
        return _open_stream(source, _open_path(path))
    raise CameraError(
        f"「{source}」は使えません。.mjpeg の動画、.jpg・.png の写真、写真のフォルダーのどれかにしてください。"
        f" / {source} is none of: an .mjpeg file, a .jpg or .png picture, a folder of pictures."
    )


class _PictureCamera(Camera):
    """Every picture of a list, in its order."""

    def __init__(self, paths: list[Path]) -> None:
        super().__init__()
        self._paths = paths

    def frames(self) -> Iterator[Frame]:
        """Raises CameraError at the end if not one of them could be read."""
        for number, path in enumerate(self._paths, start=1):
            if self._is_stopped:
                return
            gray = _picture_to_gray(path)
            if gray is None:
                self.broken += 1
            else:
                yield Frame(gray, number, number * PICTURE_MS)
        if self.broken == len(self._paths):
            raise CameraError(
                f"「{self._paths[0]}」など{self.broken}枚の写真は、1枚も読めませんでした。ファイルと権限を確かめてください。"
                f" / Not one of {self.broken} pictures could be read ({self._paths[0]} …). Check the files."
            )

    def close(self) -> None:
        self.stop()


class _FileCamera(Camera):
    """Every picture of an MJPEG file, in its order, as fast as they are asked for."""

    def __init__(self, name: str, descriptor: int) -> None:
        super().__init__()
        self._name = name
        self._descriptor = descriptor
        self._lock = threading.Lock()

    def frames(self) -> Iterator[Frame]:
        """Raises CameraError at the end if there was not one picture."""
        splitter = JpegSplitter()
        number = undecodable = 0
        while chunk := self._next_chunk():
            jpegs = splitter.feed(chunk)
            self.broken = splitter.broken + undecodable
            for jpeg in jpegs:
                number += 1
                gray = _jpeg_to_gray(jpeg)
                if gray is not None:
                    yield Frame(gray, number, number * FILM_FRAME_MS)
                else:
                    undecodable += 1
                    self.broken += 1
        if number == undecodable and not self._is_stopped:
            raise CameraError(
                f"「{self._name}」には読める写真が1枚もありません。MJPEGの動画か確かめてください。"
                f" / {self._name} holds not one readable picture. Check that it is an MJPEG film."
            )

    def close(self) -> None:
        self.stop()
        with self._lock:  # never under a read() of another thread
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1

    def _next_chunk(self) -> bytes:
        with self._lock:
            return b"" if self._is_stopped else os.read(self._descriptor, CHUNK_BYTES)


class _LiveCamera(Camera):
    """The newest picture of an MJPEG stream: a thread empties the pipe, so that nobody ever waits for a slow reader."""

    def __init__(self, descriptor: int, *, is_live: bool) -> None:
        super().__init__(is_live=is_live)
        self._descriptor = descriptor
        self._wake_reader, self._wake_writer = os.pipe()
        self._changed = threading.Condition()
        self._newest: tuple[int, bytes] | None = None
        self._ended = False
        self._closed = False
        self._thread = threading.Thread(target=self._empty_pipe, name="camera", daemon=True)
        self._thread.start()

    def frames(self) -> Iterator[Frame]:
        while (newest := self._take()) is not None:
            number, jpeg = newest
            gray = _jpeg_to_gray(jpeg)
            if gray is not None:
                yield Frame(gray, number)
            else:
                with self._changed:
                    self.broken += 1

    def stop(self) -> None:
        with self._changed:
            if not self._is_stopped:
                self._is_stopped = True
                self._newest = None
                os.write(self._wake_writer, b"x")
                self._changed.notify()

    def close(self) -> None:
        self.stop()
        with self._changed:
            if self._closed:
                return
            self._closed = True
        self._thread.join()
        for descriptor in (self._descriptor, self._wake_reader, self._wake_writer):
            os.close(descriptor)

    def _take(self) -> tuple[int, bytes] | None:
        with self._changed:
            while self._newest is None and not self._ended and not self._is_stopped:
                self._changed.wait()
            newest, self._newest = self._newest, None
            return newest

    def _empty_pipe(self) -> None:
        splitter = JpegSplitter()
        number = broken_before = 0
        # A FIFO nobody writes to yet says nothing to poll(), where read() would already say "end".
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        poll.register(self._wake_reader, select.POLLIN)
        while not self._is_stopped and (chunk := self._next_chunk(poll)):
            jpegs = splitter.feed(chunk)
            number += len(jpegs)
            with self._changed:
                self.broken += splitter.broken - broken_before
                broken_before = splitter.broken
                if jpegs and not self._is_stopped:
                    self.dropped += len(jpegs) - 1 + (self._newest is not None)
                    self._newest = (number, jpegs[-1])
                    self._changed.notify()
        with self._changed:
            self._ended = True
            self._changed.notify()

    def _next_chunk(self, poll: select.poll) -> bytes:
        ready = [descriptor for descriptor, _ in poll.poll()]
        if self._wake_reader in ready:
            return b""
        try:
            return os.read(self._descriptor, CHUNK_BYTES)
        except OSError:
            return b""  # a device that went away ends as a pipe does


class _RpicamCamera(_LiveCamera):
    """The Pi's ribbon camera: the system's own program writes MJPEG into a pipe, and it ends with us."""

    can_hang = True

    def __init__(self, command: list[str]) -> None:
        pipe_reader, pipe_writer = os.pipe()
        try:
            self._program = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=pipe_writer)
        finally:
            os.close(pipe_writer)
        super().__init__(pipe_reader, is_live=True)

    def frames(self) -> Iterator[Frame]:
        seen_any = False
        for frame in super().frames():
            seen_any = True
            yield frame
        if not seen_any and not self._is_stopped:
            raise CameraGone(
                "カメラが映像を出さずに止まりました。平らなケーブルを差し直し、ほかのプログラムを閉じてください。"
                " / The camera program stopped without a picture. Reseat the ribbon cable, close other programs,"
                " and try: rpicam-hello --list-cameras"
            )

    def close(self) -> None:
        super().close()
        self._program.terminate()
        try:
            self._program.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._program.kill()
            self._program.wait()


class _DeviceCamera(Camera):
    """Frames of an opened cv2.VideoCapture, made gray; it ends when the device gives no more."""

    can_hang = True

    def __init__(self, capture: cv2.VideoCapture) -> None:
        super().__init__(is_live=True)
        self._capture = capture
        self._lock = threading.Lock()

    def frames(self) -> Iterator[Frame]:
        number = failed = 0
        while failed < MOST_FAILED_READS and not self._is_stopped:
            picture = self._read()
            number += 1
            if picture is None:
                failed += 1
            else:
                self.broken, failed = self.broken + failed, 0
                yield Frame(_to_gray(picture), number)

    def close(self) -> None:
        self.stop()
        if self._lock.acquire(blocking=False):  # else the read() that is under way releases it when it comes back
            self._capture.release()
            self._lock.release()

    def _read(self) -> Gray | None:
        with self._lock:
            picture = None if self._is_stopped else self._captured()
            if self._is_stopped:
                self._capture.release()
            return picture

    def _captured(self) -> Gray | None:
        try:
            given, picture = self._capture.read()
        except cv2.error:
            return None
        return np.asarray(picture, np.uint8) if given else None


def _open_stream(name: str, descriptor: int, *, is_live: bool = False) -> Camera:
    """A regular file is read picture by picture; of anything else the newest picture counts."""
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return _FileCamera(name, descriptor)
    return _LiveCamera(descriptor, is_live=is_live)


def _open_path(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO without a writer yet must not hold us here
    except OSError as error:
        raise _unreadable(path, error) from error


def _open_folder(folder: Path) -> Camera:
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
    except OSError as error:
        raise _unreadable(folder, error) from error
    if not paths:
        raise CameraError(
            f"フォルダー「{folder}」に写真（.jpg・.png）がありません。写真を入れてください。"
            f" / The folder {folder} holds no .jpg or .png picture. Put some in."
        )
    return _PictureCamera(paths)


def _unreadable(path: Path, error: OSError) -> CameraError:
    return CameraError(
        f"「{path}」を読めません。権限を確かめてください。"
        f" / {path} cannot be read ({error.strerror}). Check its permissions."
    )


def _open_rpicam(size: tuple[int, int], frames_a_second: int) -> Camera:
    program = next((found for name in RPICAM_PROGRAMS if (found := shutil.which(name))), None)
    if program is None:
        raise CameraError(
            "rpicam-vid がありません。Raspberry Pi で「sudo apt install rpicam-apps-lite」を行うか、"
            "USBカメラ（0）を使ってください。 / rpicam-vid is not installed."
            " On a Raspberry Pi: sudo apt install rpicam-apps-lite; or use a USB camera (0)."
        )
    width, height = size
    command = [program, "--codec", "mjpeg", "--timeout", "0", "--nopreview", "--flush", "--verbose", "0"]
    command += ["--width", str(width), "--height", str(height), "--framerate", str(frames_a_second), "-o", "-"]
    return _RpicamCamera(command)


def _open_device(device: str, size: tuple[int, int], frames_a_second: int) -> Camera:
    capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
    if not capture.isOpened():
        capture.release()
        raise CameraGone(
            f"カメラ「{device}」を開けません。ほかのプログラムを閉じてください。"
            "それでもだめなら「sudo usermod -aG video $USER」のあと入り直してください。"
            f" / The camera {device} cannot be opened. Close other programs that use it; if that does not help,"
            " run: sudo usermod -aG video $USER, then log in again."
        )
    capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))  # raw pictures of this size choke USB 2
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
    capture.set(cv2.CAP_PROP_FPS, frames_a_second)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # no queue of old frames in the driver
    return _DeviceCamera(capture)


def _picture_to_gray(path: Path) -> Gray | None:
    try:
        with path.open("rb") as file:
            encoded = file.read(MOST_PICTURE_BYTES + 1)
    except OSError:
        return None
    return _jpeg_to_gray(encoded) if len(encoded) <= MOST_PICTURE_BYTES else None


def _jpeg_to_gray(encoded: bytes) -> Gray | None:
    """JPEG (or PNG) bytes straight to gray, None where they are none; a 720p frame costs 2.1 ms, in colour 5.6."""
    try:
        picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:
        return None
    return None if picture is None else np.asarray(picture, np.uint8)


def _to_gray(picture: Gray) -> Gray:
    return picture if picture.ndim == 2 else np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)  # noqa: PLR2004
