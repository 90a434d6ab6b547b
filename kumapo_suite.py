"""`./kumapo test`: the whole suite as CI runs it, in the .venv that launcher.py filled from the test lock."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import click

import kumapo_doctor

ROOT: Final = Path(__file__).resolve().parent


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["-h", "--help"]})
@click.argument("pytest_arguments", nargs=-1, type=click.UNPROCESSED)
def test(pytest_arguments: tuple[str, ...]) -> None:
    """Run ruff, mypy and every test; with arguments, only pytest with those arguments.

    pytest runs last, so that its closing lines are the last ones; the exit status is pytest's, or 1 where only ruff or
    mypy complained.
    """
    judged = True
    for finding in (kumapo_doctor.zbar(), kumapo_doctor.chromium(kumapo_doctor.find_chromium())):
        if finding.level is not kumapo_doctor.Level.GOOD:
            click.echo(f"{finding.subject}: {finding.text}", err=True)
    if not pytest_arguments:
        # Both are always run: a person wants to see all complaints at once.
        judged = all([passes("ruff", "check", "."), passes("mypy")])
    status = subprocess.call([sys.executable, "-m", "pytest", *pytest_arguments], cwd=ROOT)
    if status == 0 and not judged:
        click.echo("ruff or mypy complained: see above the tests", err=True)
        status = 1
    sys.exit(status)


def passes(tool: str, *arguments: str) -> bool:
    """Run one of the judging tools on the whole checkout."""
    click.echo(f"== {tool}", err=True)
    return subprocess.call([sys.executable, "-m", tool, *arguments], cwd=ROOT) == 0
