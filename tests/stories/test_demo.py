"""`./kumapo demo` as a person starts it: real processes, real pictures, a real cut. Its files are counted again."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

from kumapo_cli import kumapo
from sync.entry import hash_of

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 240  # only a failing run takes so long


def demo(*arguments: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run the demo from a folder that is not the checkout."""
    command = [sys.executable, str(ROOT / "kumapo_cli.py"), "demo", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS)


def hashes(database: Path) -> set[bytes]:
    """The hashes of all entries in a journal or in the hub's database, made from their bytes."""
    with closing(sqlite3.connect(database)) as connection:
        return {hash_of(encoded) for (encoded,) in connection.execute("SELECT encoded FROM entry")}


def until(words: str, lines: Iterable[str]) -> list[str]:
    """The lines of a terminal, up to one with these words."""
    found: list[str] = []
    for line in lines:
        found.append(line)
        if words in line:
            return found
    raise AssertionError("".join(found))


def one(database: Path, question: str) -> int:
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute(question).fetchone()[0])


def processes_about(folder: Path) -> list[str]:
    """The command lines of processes that name a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it has just ended
            continue
    return [line for line in found if str(folder) in line]


def test_a_headless_run_ends_by_itself_with_everything_arrived_and_nothing_left_behind(tmp_path: Path) -> None:
    kept = tmp_path / "kept"

    ended = demo("--headless", "--seconds", "15", "--json", "--seed", "7", "--keep", str(kept), folder=tmp_path)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    *story, last = ended.stdout.splitlines()
    said = json.loads(last)
    hub, journals = kept / "hub/data/hub.db", [kept / "booth1/journal.db", kept / "booth2/journal.db"]
    signed = set[bytes]().union(*map(hashes, journals))
    assert signed - hashes(hub) == set()
    assert (said["missing"], said["balanced"], said["failed"]) == (0, True, [])
    assert said["signed"] == sum(one(journal, "SELECT sum(grants) FROM drawn") for journal in journals)
    assert said["posted"] == one(hub, "SELECT count(*) FROM transfer WHERE turn = 0")
    assert said["duplicate"] == one(hub, "SELECT count(*) FROM aside WHERE verdict = 'duplicate'") == 1
    assert said["held"] == one(hub, "SELECT count(*) FROM aside WHERE verdict = 'held'") == 1
    assert said["arrived"] == said["signed"] == said["posted"] + 2
    assert said["points"]["posted"] == one(hub, "SELECT sum(held) FROM member_balance")
    assert said["scans"] >= said["signed"]
    assert said["offline_seconds"] > 0
    assert (said["kills"], said["duplicates_sent"], said["seed"]) == ({"booth": 1, "hub": 1}, 2, 7)
    addresses = [line.strip() for line in story if line.startswith("    http://127.0.0.1:")]
    assert ["/desk/sign-in" in address for address in addresses] == [True, False, False, True]  # the hub's two starts
    for word in ("見本1 ", "ケーブルを切りました", "ケーブルをつなぎました", "にせのカード", "送信まち"):
        assert word in "\n".join(story)
    assert processes_about(tmp_path) == []
    assert [path for path in kept.rglob("*") if path.is_fifo() or path.suffix == ".mjpeg"] == []


def test_at_a_terminal_it_waits_for_somebody_to_watch_and_stays_open_until_it_is_told_to_end(tmp_path: Path) -> None:
    ours, terminal = os.openpty()
    arguments = ["--seconds", "15", "--seed", "8", "--keep", str(tmp_path / "kept")]
    command = [sys.executable, str(ROOT / "kumapo_cli.py"), "demo", *arguments]

    with (
        subprocess.Popen(command, cwd=tmp_path, stdin=terminal, stdout=terminal) as process,
        os.fdopen(ours, encoding="utf-8") as lines,
    ):
        os.close(terminal)
        patience = threading.Timer(PATIENCE_SECONDS, process.terminate)
        patience.start()
        try:
            before = until("画面を開くか", lines)
            screens = [line.strip() for line in before if line.startswith("    http") and "/desk/" not in line]
            with urlopen(screens[0] + "events", timeout=PATIENCE_SECONDS) as events:  # noqa: S310  # as an open page
                first = events.readline()
                story = until("もう一度開きました", lines)
            until("Ctrl-C", lines)
            running = processes_about(tmp_path)
            pages = [urlopen(screen, timeout=PATIENCE_SECONDS).read().decode() for screen in screens]  # noqa: S310  # ours
            process.send_signal(signal.SIGINT)
            after = until("すべて届き、合いました", lines)
        finally:
            patience.cancel()
            process.terminate()
            status = process.wait()

    assert first == b"event: run\n"
    assert "受付を始めます" in story[0]
    assert any("すべて届き、合いました" in line for line in story)
    assert all("見本まつり" in page for page in pages)
    assert sum("を閉じました" in line for line in after) == 2
    assert status == 0
    assert len(running) == 6  # the demo, its hub, two kiosks, two cameras
    assert processes_about(tmp_path) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("--keep", "full"),
        ("--keep", "file"),
        ("--keep", "file/inside"),
        ("--keep", "/sys/kumapo"),
        ("--camera", "nowhere"),
        ("--seconds", "3"),
        ("--seed", "-1"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/something").touch()
    (tmp_path / "file").touch()

    ended = CliRunner().invoke(kumapo, ["demo", "--headless", *arguments])

    assert ended.exit_code == 2
    assert ended.stdout == ""
    assert arguments[0] in ended.stderr
