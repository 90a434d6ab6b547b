"""A city that is played: one seed replays to the bit, on both engines, and a new act cannot be forgotten."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub.acts.doing import ACTS
from simulator.deeds import unknown_acts
from simulator.play import Ended, play
from simulator.shelf import Shelves
from simulator.story import draw_chapter

ROOT = Path(__file__).parents[2]


def played(seed: str, hours: int, kiosks: int, folder: Path, server: str = "") -> Ended:
    folder.mkdir(exist_ok=True)
    shelves = Shelves(folder, server)
    try:
        return play(draw_chapter(seed, hours, kiosks), folder / "city", shelves)
    finally:
        shelves.clear()


def test_one_seed_replays_to_the_bit_whatever_order_python_gives_sets(tmp_path: Path) -> None:
    said = [
        subprocess.run(
            [sys.executable, "-c", "from simulator.command import simulate; simulate()", *arguments(tmp_path / salt)],
            check=True,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": salt},
        ).stdout.splitlines()[-1]
        for salt in ("1", "2")
    ]

    assert said[0] == said[1]
    assert '"violations":[]' in said[0]


def arguments(folder: Path) -> list[str]:
    return ["--seed", "11", "--hours", "2", "--kiosks", "2", "--json", "--keep", str(folder)]


def test_the_same_story_comes_to_the_same_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    on_file = played("12/0", 3, 2, tmp_path / "file")

    on_server = played("12/0", 3, 2, tmp_path / "server", postgres_url)

    assert on_server.violation is None
    assert (on_server.digest, on_server.counts) == (on_file.digest, on_file.counts)


def test_every_act_there_is_is_known() -> None:
    assert unknown_acts() == []


def test_a_new_act_cannot_be_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown_acts()  # imports every module of acts
    monkeypatch.setitem(ACTS, "forget member", ACTS["end account"])

    ended = played("1/0", 1, 1, tmp_path)

    assert ended.violation is not None
    assert "forget member" in ended.violation.seen
