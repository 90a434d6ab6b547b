"""The camera process plays its script at its pace, takes new persons while it runs, and ends by itself."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from demo.camera_feed import Pace, Person, Script, ScriptError, draw, play
from demo.pictures import Booth
from kiosk.camera import open_camera
from kiosk.decode import CodeReader

ROOT = Path(__file__).parents[2]


class TurnedClock:
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        self.now_ms = 1000

    def wall_ms(self) -> int:
        return self.now_ms

    def monotonic_ms(self) -> int:
        return self.now_ms

    def boot_id(self) -> bytes:
        return bytes(16)

    def sleep_ms(self, duration_ms: int) -> None:
        self.now_ms += duration_ms


def lines(*persons: dict[str, object]) -> bytes:
    return b"".join(json.dumps(person).encode() + b"\n" for person in persons)


@contextmanager
def script_of(tmp_path: Path, content: bytes, *, follow: bool = False) -> Iterator[Script]:
    (tmp_path / "script").write_bytes(content)
    with (tmp_path / "script").open("rb") as file:
        yield Script(file.fileno(), follow=follow)


def seen_in(film: Path) -> list[str]:
    """What a kiosk reads, one word a frame; `-` where there is nothing."""
    reader = CodeReader()
    with open_camera(str(film)) as camera:
        return [" ".join(reader.read_still(frame.gray)) or "-" for frame in camera.frames()]


def run(*arguments: str, script: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "demo.camera_feed", *arguments]
    return subprocess.run(command, cwd=ROOT, input=script, capture_output=True, check=False, timeout=120)


def test_persons_come_one_after_another_with_nobody_between(tmp_path: Path) -> None:
    script = lines(
        {"text": "SAMPLE-1", "kind": "card", "frames": 3, "gap": 2},
        {"text": "SAMPLE-2", "kind": "phone", "frames": 6, "gap": 1},
    )

    ended = run("--to", str(tmp_path / "film.mjpeg"), "--frames-a-second", "0", script=script)

    assert (ended.returncode, ended.stderr) == (0, b"camera_feed: 2 shown\n")
    assert seen_in(tmp_path / "film.mjpeg") == ["SAMPLE-1"] * 3 + ["-"] * 2 + ["SAMPLE-2"] * 6 + ["-"]


def test_a_kiosk_reads_from_the_pipe_while_persons_are_still_sent(tmp_path: Path) -> None:
    fifo = tmp_path / "camera"
    os.mkfifo(fifo)
    command = [sys.executable, "-m", "demo.camera_feed", "--to", str(fifo), "--frames-a-second", "30"]
    reader = CodeReader()
    read: list[str] = []

    with (
        open_camera(str(fifo)) as camera,
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as feed,
    ):
        assert feed.stdin is not None
        assert feed.stderr is not None
        frames = (reader.read(frame.gray) for frame in camera.frames())
        for text in ("SAMPLE-1", "SAMPLE-2"):
            feed.stdin.write(lines({"text": text, "frames": 30}))
            feed.stdin.flush()
            read += next(texts for texts in frames if text in texts)
        feed.stdin.close()
        for _ in frames:
            pass
        feed.wait()
        said = feed.stderr.read()

    assert read == ["SAMPLE-1", "SAMPLE-2"]
    assert (feed.returncode, said) == (0, b"camera_feed: 2 shown\n")


def test_it_ends_when_its_reader_goes_away(tmp_path: Path) -> None:
    fifo = tmp_path / "camera"
    os.mkfifo(fifo)
    command = [sys.executable, "-m", "demo.camera_feed", "--to", str(fifo), "--frames-a-second", "30"]

    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as feed:
        with open_camera(str(fifo)) as camera:
            next(camera.frames())
        feed.wait()
        assert feed.stderr is not None
        said = feed.stderr.read()

    assert (feed.returncode, said) == (0, b"camera_feed: the reader has gone\n")


def test_a_line_that_cannot_be_played_stops_it_and_is_named() -> None:
    ended = run("--frames-a-second", "0", script=lines({"text": "SAMPLE-1", "frames": 1}) + b'{"txt": 1}\n')

    assert ended.returncode == 1
    assert b"line 2" in ended.stderr


def test_frames_come_at_their_pace_and_none_is_hurried() -> None:
    clock = TurnedClock()
    pace = Pace(clock, frames_a_second=10)
    at_ms = []

    for drawing_ms in (0, 30, 250, 0, 0):
        clock.now_ms += drawing_ms
        pace.wait()
        at_ms.append(clock.now_ms - 1000)

    assert at_ms == [0, 100, 350, 450, 550]


def test_a_followed_file_is_played_on_until_it_says_end(tmp_path: Path) -> None:
    with script_of(tmp_path, lines({"text": "SAMPLE-1"}), follow=True) as script:
        came = [script.next_person(), script.next_person()]
        with (tmp_path / "script").open("ab") as more:
            more.write(lines({"text": "SAMPLE-2"}) + b"end\n" + lines({"text": "SAMPLE-3"}))
        came += [script.next_person(), script.next_person()]

    assert [person.text if person else None for person in came] == ["SAMPLE-1", None, "SAMPLE-2", None]
    assert script.ended


def test_a_last_line_without_newline_is_played(tmp_path: Path) -> None:
    with script_of(tmp_path, b'\n{"text": "SAMPLE-1"}') as script:
        came = [script.next_person(), script.next_person()]

    assert [person.text if person else None for person in came] == ["SAMPLE-1", None]
    assert script.ended


def test_half_a_line_waits_for_its_other_half() -> None:
    reader, writer = os.pipe()
    script = Script(reader)

    os.write(writer, b'{"text": "SAM')
    first = script.next_person()
    os.write(writer, b'PLE-1"}\n')
    second = script.next_person()
    os.close(writer)
    os.close(reader)

    assert first is None
    assert second is not None
    assert second.text == "SAMPLE-1"
    assert not script.ended


@pytest.mark.parametrize(
    "line", [b'{"text": ""}', b'{"text": "A", "kind": "poster"}', b'{"text": "A", "frames": 0}', b"x" * 20_000]
)
def test_nonsense_in_a_script_is_an_error(tmp_path: Path, line: bytes) -> None:
    with script_of(tmp_path, line) as script, pytest.raises(ScriptError, match="line 1"):
        script.next_person()


def test_playing_reports_how_many_came(tmp_path: Path) -> None:
    persons = lines(*[{"text": f"SAMPLE-{number}", "frames": 1, "gap": 0} for number in range(3)])

    with script_of(tmp_path, persons) as script, (tmp_path / "film.mjpeg").open("wb") as film:
        shown = play(script, Booth(np.random.default_rng(1)), Pace(TurnedClock(), 10), film.fileno())

    assert shown == 3
    assert seen_in(tmp_path / "film.mjpeg") == ["SAMPLE-0", "SAMPLE-1", "SAMPLE-2"]


def test_a_film_drawn_beforehand_is_played_as_it_is(tmp_path: Path) -> None:
    pictures = draw(Person("SAMPLE-1", frames=2), Booth(np.random.default_rng(1)))
    (tmp_path / "beforehand").write_bytes(b"".join(pictures))
    script = lines({"text": "SAMPLE-1", "frames": 3, "gap": 0, "film": str(tmp_path / "beforehand")})

    ended = run("--to", str(tmp_path / "film.mjpeg"), "--frames-a-second", "0", script=script)

    assert (ended.returncode, ended.stderr) == (0, b"camera_feed: 1 shown\n")
    assert (tmp_path / "film.mjpeg").read_bytes() == b"".join([*pictures, pictures[0]])


@pytest.mark.parametrize("content", [None, b"no picture"])
def test_a_film_that_cannot_be_played_stops_it_and_is_named(tmp_path: Path, content: bytes | None) -> None:
    film = tmp_path / "beforehand"
    if content is not None:
        film.write_bytes(content)

    ended = run("--frames-a-second", "0", script=lines({"text": "SAMPLE-1", "film": str(film)}))

    assert ended.returncode == 1
    assert str(film).encode() in ended.stderr
