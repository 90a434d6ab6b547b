"""`./kumapo test`: the whole suite as CI runs it, in the .venv that launcher.py filled from the test lock."""

import ctypes
import subprocess
import sys
from pathlib import Path
from typing import Final

import click

import kumapo_doctor
import launcher

ROOT: Final = Path(__file__).resolve().parent
LIBRARIES: Final = {"libzbar0": "libzbar.so.0", "libatomic1": "libatomic.so.1"}
"""Debian's package -> what it brings: pyzbar loads the one, the Node.js that drives Chromium the other."""


ON_ALL_CORES: Final = ("--numprocesses=auto", "--dist=loadgroup", "--no-loadscope-reorder")
"""File by file (tests/conftest.py makes the groups), in the order they were collected: what a file's tests share is
made once, and browsers come last.
"""


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]})
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED)
def test(pytest_arguments: tuple[str, ...]) -> None:
    """Run ruff, mypy and every test; with arguments, only pytest with those arguments.

    pytest runs last, so that its closing lines are the last ones; the exit status is pytest's, or 1 where only ruff or
    mypy complained.
    """
    judged = True
    if lacking := lacking_packages():
        line = launcher.apt_install(" ".join(lacking))
        click.echo(
            f"一部の試験をとばします。すべて行うには: {line} / Some tests are skipped; for all: {line}", err=True
        )
    if not pytest_arguments:
        pytest_arguments = ON_ALL_CORES
        # All are always run: a person wants to see all complaints at once.
        judged = all([passes("ruff", "check", "."), passes("ruff", "format", "--check", "."), passes("mypy")])
    status = subprocess.call([sys.executable, "-m", "pytest", *pytest_arguments], cwd=ROOT)
    if status == 0 and not judged:
        click.echo("ruff or mypy complained: see above the tests", err=True)
        status = 1
    sys.exit(status)


def passes(tool: str, *arguments: str) -> bool:
    """Run one of the judging tools on the whole checkout."""
    click.echo(f"== {tool}", err=True)
    return subprocess.call([sys.executable, "-m", tool, *arguments], cwd=ROOT) == 0


def lacking_packages() -> list[str]:
    """Debian's packages without which some tests cannot run here."""
    lacking = [package for package, library in LIBRARIES.items() if not loads(library)]
    return lacking if kumapo_doctor.find_chromium() else [*lacking, "chromium"]


def loads(library: str) -> bool:
    """Whether the system has a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
