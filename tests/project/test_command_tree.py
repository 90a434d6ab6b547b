"""The words after ./kumapo lead where they say, and asking for help costs no import of what is not asked for."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from kumapo_cli import COMMANDS, kumapo
from kumapo_suite import ON_ALL_CORES

ROOT = Path(__file__).parents[2]
SUBCOMMANDS = {
    "kiosk": {"enrol", "run", "export", "status"},
    "hub": {"init", "serve", "import", "cards", "audit"},
}


def test_the_help_lists_every_command() -> None:
    shown = CliRunner().invoke(kumapo, ["--help"])

    assert shown.exit_code == 0
    listed = [line.split()[0] for line in shown.output.split("Commands:\n")[1].splitlines()]
    assert listed == ["demo", "test", "doctor", "bench", "simulate", "kiosk", "hub"]


def test_the_help_imports_no_command() -> None:
    script = "import sys, kumapo_cli\ntry: kumapo_cli.kumapo(['--help'])\nfinally: print(sorted(sys.modules))"

    shown = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    imported = shown.stdout.splitlines()[-1]
    assert "'click'" in imported
    assert [name for name in ("flask", "cv2", "sqlalchemy", "kiosk", "hub", "demo") if f"'{name}'" in imported] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(name: str) -> None:
    shown = CliRunner().invoke(kumapo, [name, "--help"])

    assert shown.exit_code == 0, shown.exception
    assert shown.output.startswith(f"Usage: kumapo {name} ")


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_the_groups_hold_what_the_help_promises(name: str) -> None:
    group = kumapo.get_command(click.Context(kumapo), name)

    assert isinstance(group, click.Group)
    assert SUBCOMMANDS[name] <= group.commands.keys()


def test_an_unknown_word_is_a_usage_error() -> None:
    shown = CliRunner().invoke(kumapo, ["dmeo"])

    assert shown.exit_code == 2
    assert "dmeo" in shown.output


@pytest.mark.parametrize(
    ("arguments", "statuses", "ran", "expected"),
    [
        ([], {}, ["ruff", "ruff", "mypy", "pytest"], 0),
        ([], {"pytest": 5}, ["ruff", "ruff", "mypy", "pytest"], 5),
        ([], {"ruff": 1}, ["ruff", "ruff", "mypy", "pytest"], 1),
        ([], {"mypy": 2, "pytest": 1}, ["ruff", "ruff", "mypy", "pytest"], 1),
        (["-k", "wire", "--lf"], {}, ["pytest"], 0),
    ],
)
def test_the_suite_judges_first_and_ends_with_pytest(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], statuses: dict[str, int], ran: list[str], expected: int
) -> None:
    calls: list[list[str]] = []

    def call(command: list[str], cwd: Path) -> int:
        calls.append(command[2:])
        return statuses.get(command[2], 0)

    monkeypatch.setattr("subprocess.call", call)

    shown = CliRunner().invoke(kumapo, ["test", *arguments])

    assert [call[0] for call in calls] == ran
    assert calls[-1] == ["pytest", *(arguments or ON_ALL_CORES)]
    assert shown.exit_code == expected
