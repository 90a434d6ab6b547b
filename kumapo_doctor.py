"""`./kumapo doctor`: what this machine has and what it lacks, one finding a line, in Japanese and English.

It looks and never changes anything. A finding is good, a warning (it works, with a limit that is named), or a lack
(something that a command needs is not there). One lack makes the exit status 1.
"""

import importlib
import importlib.metadata
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Final

import click

import launcher
from config.clock import SystemClock
from kiosk.medium import MOUNTS, VOLATILE, file_system_of

ROOT: Final = Path(__file__).resolve().parent
# SQLite before this version can damage a WAL file that two connections write or checkpoint at once (the WAL-reset bug).
# A journal has one writer, which also owns the checkpoints. A distribution may have mended an older version.
SQLITE_WITHOUT_WAL_RESET_BUG: Final = (3, 51, 3)
FREE_BYTES_LACK: Final = 100 * 1000**2
FREE_BYTES_WARNING: Final = 1000 * 1000**2
# No booth ran before this was written, and none will still run it so much later.
CLOCK_NOT_BEFORE: Final = datetime(2026, 11, 1, tzinfo=UTC)
CLOCK_NOT_AFTER: Final = datetime(2046, 11, 1, tzinfo=UTC)


class Level(Enum):
    """How a finding is marked: by a sign and a word, never by colour alone."""

    GOOD = "○ よし OK  "
    WARNING = "△ 注意 note"
    LACK = "× 不足 LACK"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, and what is to be said of it."""

    level: Level
    subject: str
    japanese: str
    english: str

    @property
    def text(self) -> str:
        """Both languages, or what reads the same in both."""
        return self.japanese if self.japanese == self.english else f"{self.japanese} / {self.english}"


@click.command()
def doctor() -> None:
    """Say in Japanese and English what this machine has and what it lacks; exit 1 where something is lacking."""
    findings = list(look())
    for finding in findings:
        click.echo(f"{finding.level.value}  {finding.subject}: {finding.text}")
    lacks = sum(finding.level is Level.LACK for finding in findings)
    click.echo(f"不足 {lacks} 件 / {lacks} lacking" if lacks else "不足はありません / nothing is lacking")
    sys.exit(1 if lacks else 0)


def look() -> Iterator[Finding]:
    """Everything that is looked at, in the order in which a person would mend it."""
    yield python()
    yield lock()
    yield sqlite(sqlite3.sqlite_version_info)
    yield package("zxing-cpp", "zxingcpp")
    yield package("opencv-python-headless", "cv2")
    yield zbar()
    yield package("psycopg", "psycopg")
    yield chromium(find_chromium())
    yield cameras(sorted(Path("/dev").glob("video*")))
    yield disk(shutil.disk_usage(ROOT).free)
    yield filesystem(file_system_of(ROOT, MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")))
    yield clock(datetime.fromtimestamp(SystemClock().wall_ms() / 1000, tz=UTC))


def python() -> Finding:
    """The Python that runs this, and whether it is the one of .venv."""
    version = ".".join(map(str, sys.version_info[:3]))
    if Path(sys.prefix).resolve() == ROOT / ".venv":
        return Finding(Level.GOOD, "Python", f"{version}(.venv)", f"{version} in .venv")
    return Finding(Level.WARNING, "Python", f"{version}(.venv の外)", f"{version}, not the one of .venv")


def lock() -> Finding:
    """Whether .venv holds what the lock says now."""
    if launcher.is_fresh(launcher.RUN_LOCK):
        return Finding(Level.GOOD, "requirements.lock", "入っています", "installed")
    japanese, english = "次の ./kumapo で入れなおします", "changed; the next ./kumapo installs it"
    return Finding(Level.WARNING, "requirements.lock", japanese, english)


def sqlite(version: tuple[int, ...]) -> Finding:
    """The version of SQLite, and the one bug that an old one is known for."""
    text = ".".join(map(str, version))
    if version >= SQLITE_WITHOUT_WAL_RESET_BUG:
        return Finding(Level.GOOD, "SQLite", text, text)
    return Finding(
        Level.WARNING,
        "SQLite",
        f"{text} には 3.51.3 で直った不具合(WAL リセット)があります。端末は書き手が一つなので当たりません",
        f"{text} has the WAL-reset bug, fixed in 3.51.3. A booth has one writer and does not meet it",
    )


def package(name: str, module: str) -> Finding:
    """Whether a package that is more than Python loads on this machine."""
    try:
        importlib.import_module(module)
    except ImportError as error:
        return Finding(Level.LACK, name, f"読み込めません({error})", f"does not load ({error})")
    version = importlib.metadata.version(name)
    return Finding(Level.GOOD, name, version, version)


def zbar() -> Finding:
    """The second reader needs a library of the operating system; the first one does not."""
    try:
        importlib.import_module("pyzbar.pyzbar")
    except ImportError:
        line = launcher.apt_install("libzbar0")
        return Finding(
            Level.WARNING,
            "pyzbar",
            f"libzbar がありません。zxing-cpp だけで読みます(入れるには: {line})",
            f"no libzbar; zxing-cpp reads alone (to add it: {line})",
        )
    return Finding(Level.GOOD, "pyzbar", "libzbar もあります", "with libzbar")


def chromium(path: str | None) -> Finding:
    """The browser that shows a booth's screen; reading and granting go on without one."""
    if path:
        return Finding(Level.GOOD, "Chromium", path, path)
    line = launcher.apt_install("chromium")
    return Finding(
        Level.WARNING,
        "Chromium",
        f"ありません。端末の画面を映すときと、画面の試験に要ります(入れるには: {line})",
        f"none; it shows a booth's screen, and tests of pages need it (to add it: {line})",
    )


def find_chromium() -> str | None:
    """Where Chromium lies, under Debian's name or under the one of an older Raspberry Pi OS; None without one."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def cameras(devices: list[Path]) -> Finding:
    """The cameras that this user may open, and the program that reads a ribbon camera."""
    ribbon = ["rpicam-vid"] if shutil.which("rpicam-vid") else []
    barred = [str(device) for device in devices if not os.access(device, os.R_OK | os.W_OK)]
    if barred:
        names = ", ".join(barred)
        return Finding(
            Level.WARNING,
            "camera",
            f"{names} を開けません。利用者を video グループに入れてください",
            f"{names} may not be opened; add this user to the group video",
        )
    found = ", ".join([*map(str, devices), *ribbon])
    if found:
        return Finding(Level.GOOD, "camera", found, found)
    return Finding(Level.WARNING, "camera", "ありません(デモは動きます)", "none (the demo brings its own)")


def disk(free_bytes: int) -> Finding:
    """What is left for journals and the ledger: a year of a busy booth is some 60 MB."""
    text = f"{free_bytes // 1000**2:,} MB"
    if free_bytes < FREE_BYTES_LACK:
        return Finding(Level.LACK, "disk", f"空きが {text} しかありません", f"only {text} free")
    level = Level.WARNING if free_bytes < FREE_BYTES_WARNING else Level.GOOD
    return Finding(level, "disk", f"空き {text}", f"{text} free")


def filesystem(kind: str) -> Finding:
    """Whether what is written here is still there after the power was pulled."""
    if kind in VOLATILE:
        return Finding(
            Level.WARNING,
            "folder",
            f"{kind} の上にあります。電源を切ると記録が消えるので、会場では使えません",
            f"lies on {kind}: what is written here is lost with the power, so no booth may keep its journal here",
        )
    if not kind:  # inside a chroot no mount may be listed above the folder
        return Finding(Level.WARNING, "folder", "どこに置かれているか分かりません", "cannot tell what it lies on")
    return Finding(Level.GOOD, "folder", kind, kind)


def clock(now: datetime) -> Finding:
    """Whether the clock can be right. A booth works without: the order of its records does not hang on it."""
    text = f"{now:%Y-%m-%d %H:%M} UTC"
    if CLOCK_NOT_BEFORE <= now < CLOCK_NOT_AFTER:
        return Finding(Level.GOOD, "clock", text, text)
    japanese = f"{text} はおかしな時刻です。会場では始めるときに日時を確かめてください"
    return Finding(Level.WARNING, "clock", japanese, f"{text} cannot be; confirm date and time when a booth starts")
