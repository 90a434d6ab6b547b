"""What `./kumapo doctor` says of machines that we have, and of machines that we do not have."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

import kumapo_doctor
import kumapo_suite
from kumapo_doctor import Finding, Level


def test_every_finding_is_told_in_both_languages_and_none_is_lacking_where_the_tests_run() -> None:
    told = CliRunner().invoke(kumapo_doctor.doctor)

    lines = told.output.splitlines()
    assert told.exit_code == 0, told.output
    assert lines[-1] == "不足はありません / nothing is lacking"
    subjects = [line.split(":")[0].split()[-1] for line in lines[:-1]]
    assert subjects == [
        *("Python", "requirements.lock", "SQLite", "zxing-cpp", "opencv-python-headless", "pyzbar", "psycopg"),
        *("Chromium", "camera", "disk", "folder", "clock"),
    ]


def test_one_lack_makes_the_exit_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    lack = Finding(Level.LACK, "disk", "空きがありません", "full")
    monkeypatch.setattr(kumapo_doctor, "disk", lambda _: lack)

    told = CliRunner().invoke(kumapo_doctor.doctor)

    assert told.exit_code == 1
    assert "× 不足 LACK  disk: 空きがありません / full" in told.output
    assert told.output.splitlines()[-1] == "不足 1 件 / 1 lacking"


def test_a_package_that_does_not_load_is_a_lack() -> None:
    found = kumapo_doctor.package("zxing-cpp", "no_such_module")

    assert found.level is Level.LACK
    assert "no_such_module" in found.english


@pytest.mark.parametrize(
    ("version", "level"), [((3, 40, 1), Level.WARNING), ((3, 51, 2), Level.WARNING), ((3, 51, 3), Level.GOOD)]
)
def test_the_wal_reset_bug_is_named_where_sqlite_may_have_it(version: tuple[int, ...], level: Level) -> None:
    found = kumapo_doctor.sqlite(version)

    assert found.level is level
    assert ("WAL" in found.english) is (level is Level.WARNING)


@pytest.mark.parametrize(
    ("free_bytes", "level"),
    [
        (99_999_999, Level.LACK),
        (100_000_000, Level.WARNING),
        (999_999_999, Level.WARNING),
        (1_000_000_000, Level.GOOD),
    ],
)
def test_a_disk_is_judged_before_it_is_full(free_bytes: int, level: Level) -> None:
    assert kumapo_doctor.disk(free_bytes).level is level


def test_a_folder_in_memory_or_nowhere_is_warned_of() -> None:
    levels = {kind: kumapo_doctor.filesystem(kind).level for kind in ("overlay", "tmpfs", "ext4", "")}

    assert levels == {"overlay": Level.WARNING, "tmpfs": Level.WARNING, "ext4": Level.GOOD, "": Level.WARNING}


@pytest.mark.parametrize(
    ("year", "level"), [(1970, Level.WARNING), (2027, Level.GOOD), (2099, Level.WARNING), (2045, Level.GOOD)]
)
def test_a_clock_that_cannot_be_right_is_named(year: int, level: Level) -> None:
    assert kumapo_doctor.clock(datetime(year, 1, 1, tzinfo=UTC)).level is level


def test_a_machine_without_chromium_is_told_what_it_is_for_and_how_to_add_it() -> None:
    found = kumapo_doctor.chromium(None)

    assert found.level is Level.WARNING
    assert "端末の画面" in found.japanese
    assert "apt install chromium" in found.japanese
    assert "tests of pages" in found.english


def test_a_machine_without_a_camera_is_told_that_the_demo_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    found = kumapo_doctor.cameras([])

    assert found.level is Level.WARNING
    assert "demo" in found.english


def test_a_camera_that_may_not_be_opened_names_the_group(tmp_path: Path) -> None:
    found = kumapo_doctor.cameras([tmp_path / "video0"])

    assert found.level is Level.WARNING
    assert "group video" in found.english
    assert str(tmp_path / "video0") in found.japanese


def test_what_some_tests_would_miss_is_named_by_its_debian_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(kumapo_suite, "LIBRARIES", {"libzbar0": "libc.so.6", "libatomic1": "libnone.so.0"})

    assert kumapo_suite.lacking_packages() == ["libatomic1", "chromium"]
