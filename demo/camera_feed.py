"""A camera as a process: turns a script of persons, one JSON line each, into MJPEG frames at a steady rate.

It draws what a kiosk's camera would see, nobody in between, and ends when the script ends or its reader has gone.
It never knows what became of a picture.
"""

import errno
import itertools
import os
import select
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import click
import cv2
import msgspec
import numpy as np

from config.clock import Clock, SystemClock
from demo.pictures import Booth, to_jpeg
from kiosk.mjpeg import JpegSplitter

CHUNK_BYTES = 64 * 1024
MOST_LINE_BYTES = 16 * 1024
DIFFERENT_FRAMES = 4  # of one person, and of nobody; they come again in turn, which saves most of the drawing
READER_PATIENCE_MS = 60_000
RETRY_MS = 20
END = b"end"


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the script: who shows what for how many frames, and how many frames with nobody follow.

    A film is an MJPEG file with pictures of it that were drawn beforehand, at this camera's place.
    """

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    kind: Literal["card", "phone"] = "card"
    frames: Annotated[int, msgspec.Meta(ge=1)] = 8
    gap: Annotated[int, msgspec.Meta(ge=0)] = 4
    film: str = ""


class ScriptError(Exception):
    """A line of the script says nothing that can be played."""


class Script:
    """Persons from a descriptor that may still be written to; asking never waits.

    A pipe ends with its writer. A file ends at its end or, if followed, at a line `end`.
    """

    def __init__(self, descriptor: int, *, follow: bool = False) -> None:
        self.ended = False
        self._descriptor = descriptor
        self._follow = follow and stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._unread = b""
        self._line_number = 0
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def next_person(self) -> Person | None:
        """The next person, or None: nobody yet, or nobody any more (then `ended`). Raises ScriptError."""
        while not self.ended:
            line, newline, rest = self._unread.partition(b"\n")
            if newline:
                self._unread = rest
                self._line_number += 1
                if line.strip() == END:
                    self.ended = True
                elif line.strip():
                    return self._person(line)
            elif not self._read_more():
                return None
        return None

    def _read_more(self) -> bool:
        """Whether there is something new to look at: more bytes, or the end."""
        if not self._poll.poll(0):
            return False
        chunk = os.read(self._descriptor, CHUNK_BYTES)
        self._unread += chunk
        if len(self._unread) > MOST_LINE_BYTES and b"\n" not in self._unread:
            raise ScriptError(f"line {self._line_number + 1} is longer than {MOST_LINE_BYTES} bytes")
        if chunk or self._follow:
            return bool(chunk)
        # The last line may lack its newline.
        self.ended = not self._unread
        self._unread += b"\n" if self._unread else b""
        return True

    def _person(self, line: bytes) -> Person:
        try:
            return msgspec.json.decode(line, type=Person)
        except msgspec.DecodeError as error:
            raise ScriptError(f"line {self._line_number}: {error}") from error


class Pace:
    """Waits for the time of each next frame. A late frame delays those after it; none is hurried."""

    def __init__(self, clock: Clock, frames_a_second: float) -> None:
        self._clock = clock
        self._interval_ms = 1000 / frames_a_second if frames_a_second else 0.0
        self._due_ms = float(clock.monotonic_ms())

    def wait(self) -> None:
        """Returns when the next frame is due."""
        now_ms = self._clock.monotonic_ms()
        if now_ms < self._due_ms:
            self._clock.sleep_ms(round(self._due_ms - now_ms))
        self._due_ms = max(self._due_ms, now_ms) + self._interval_ms


def play(script: Script, booth: Booth, pace: Pace, descriptor: int) -> int:
    """Plays the script into the descriptor until it ends; returns how many persons were shown.

    Raises BrokenPipeError when the reader has gone, ScriptError.
    """
    nobody = itertools.cycle([to_jpeg(booth.frame(None)) for _ in range(DIFFERENT_FRAMES)])
    shown = 0
    while True:
        person = script.next_person()
        if person is not None:
            shown += 1
            frames = itertools.chain(_frames(person, booth), itertools.islice(nobody, person.gap))
        elif script.ended:
            return shown
        else:
            frames = itertools.chain([next(nobody)])
        for jpeg in frames:
            pace.wait()
            _write(descriptor, jpeg)


def draw(person: Person, booth: Booth) -> list[bytes]:
    """The different pictures of one person."""
    shown = booth.show(person.text, person.kind)
    return [to_jpeg(booth.frame(shown)) for _ in range(min(person.frames, DIFFERENT_FRAMES))]


def _frames(person: Person, booth: Booth) -> Iterator[bytes]:
    different = _pictures_of(person.film) if person.film else draw(person, booth)
    return itertools.islice(itertools.cycle(different), person.frames)


def _pictures_of(film: str) -> list[bytes]:
    """The pictures of a film. Raises ScriptError where there are none."""
    try:
        pictures = JpegSplitter().feed(Path(film).read_bytes())
    except OSError as error:
        raise ScriptError(f"{film}: {error.strerror}") from error
    if not pictures:
        raise ScriptError(f"{film}: no picture in it")
    return pictures


def _write(descriptor: int, jpeg: bytes) -> None:
    rest = memoryview(jpeg)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def open_output(target: str, clock: Clock) -> int:
    """A descriptor for the frames: `-` is standard output, a FIFO waits for its reader, anything else is a new file.

    Raises TimeoutError where nobody reads the FIFO.
    """
    if target == "-":
        return os.dup(1)
    if not Path(target).is_fifo():
        return os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    give_up_ms = clock.monotonic_ms() + READER_PATIENCE_MS
    while clock.monotonic_ms() < give_up_ms:
        try:
            descriptor = os.open(target, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            clock.sleep_ms(RETRY_MS)
        else:
            os.set_blocking(descriptor, True)
            return descriptor
    raise TimeoutError(f"nobody reads {target}")


@click.command()
@click.option("--to", "target", default="-", help="A FIFO, a file, or - for standard output.", show_default=True)
@click.option(
    "--script", "source", default="-", help="A file of JSON lines, or - for standard input.", show_default=True
)
@click.option("--follow", is_flag=True, help="The script file may still grow; a line `end` ends it.")
@click.option("--frames-a-second", default=10.0, show_default=True, help="0: as fast as they can be drawn.")
@click.option("--seed", default=1, show_default=True, help="Another number is another booth, with other hands.")
def main(target: str, source: str, follow: bool, frames_a_second: float, seed: int) -> None:  # noqa: FBT001
    """Play persons before a camera: lines of {"text": …, "kind": "card" | "phone", "frames": 8, "gap": 4}."""
    cv2.setNumThreads(1)
    clock = SystemClock()
    booth = Booth(np.random.default_rng(seed))
    script_descriptor = os.dup(0) if source == "-" else os.open(source, os.O_RDONLY)
    descriptor = open_output(target, clock)
    try:
        script = Script(script_descriptor, follow=follow)
        shown = play(script, booth, Pace(clock, frames_a_second), descriptor)
        click.echo(f"camera_feed: {shown} shown", err=True)
    except BrokenPipeError:
        click.echo("camera_feed: the reader has gone", err=True)
    except ScriptError as error:
        raise click.ClickException(str(error)) from error
    finally:
        os.close(script_descriptor)
        os.close(descriptor)


if __name__ == "__main__":
    main()
