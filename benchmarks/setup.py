"""Set-up, measured: ./kumapo on a fresh copy of the checkout, against the same steps typed by hand.

Both make a .venv and install the same run lock with the same installer, without any cache. It needs the network, takes
some minutes and is run by hand: python -m benchmarks.setup [--rounds N] [--json].
"""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

import click

import launcher
from benchmarks.report import Figure

ROOT: Final = Path(__file__).resolve().parent.parent
COPIED: Final = ("kumapo", "launcher.py", "kumapo_cli.py", launcher.RUN_LOCK)
STARTS: Final = 20  # later starts are short, so the shortest of many is the one that nothing disturbed
SET_UP_TO_REACH: Final = 1.3
ADDED_SECONDS_TO_REACH: Final = 1.0


@click.command()
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="How often both are set up; the shorter time counts.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the last line.")
def main(rounds: int, *, as_json: bool) -> None:
    """Measure cold set-up against the plain steps, and what a later start adds."""
    figures = measure(rounds)
    for figure in figures:
        click.echo(f"{figure['figure']}: {figure['value']} (to reach: {figure['to_reach']})")
    if as_json:
        click.echo(json.dumps({"name": "setup", "figures": figures}))


def measure(rounds: int) -> list[Figure]:
    """Set up and start in a temporary folder; the installer's own output appears where it fails."""
    ours, plain, added = [], [], []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="kumapo-setup-") as folder:
            checkout = copy_checkout(Path(folder))
            ours.append(seconds([str(checkout / "kumapo"), "--help"]))
            added.append(added_seconds(checkout))
            python = (checkout / ".venv" / "bin" / "python").resolve()
            plain.append(sum(seconds(command) for command in plain_steps(python, Path(folder) / "plain")))
    ratio = round(min(ours) / min(plain), 3)
    click.echo(f"./kumapo {min(ours):.1f} s, plain {min(plain):.1f} s, shortest of {rounds}")
    return [
        {
            "figure": "cold set-up, no cache, against venv + install of the same lock",
            "value": ratio,
            "to_reach": f"<= {SET_UP_TO_REACH}",
            "reached": ratio <= SET_UP_TO_REACH,
        },
        {
            "figure": "seconds that ./kumapo adds to a later start",
            "value": min(added),
            "to_reach": f"< {ADDED_SECONDS_TO_REACH}",
            "reached": min(added) < ADDED_SECONDS_TO_REACH,
        },
    ]


def copy_checkout(folder: Path) -> Path:
    """A checkout as fresh as a clone, of what a start needs."""
    checkout = folder / "checkout"
    checkout.mkdir()
    for name in COPIED:
        shutil.copy(ROOT / name, checkout)
    return checkout


def plain_steps(python: Path, venv: Path) -> list[list[str]]:
    """What a person would type who knows the way, with the installer that the launcher takes."""
    lock = str(ROOT / launcher.RUN_LOCK)
    uv = launcher.find_uv()
    if uv:
        install = [uv, "pip", "install", "--quiet", "--python", str(venv / "bin" / "python")]
        return [
            [uv, "venv", "--quiet", "--python", str(python), str(venv)],
            [*install, "--require-hashes", "--no-build", "-r", lock],
        ]
    pip = [str(venv / "bin" / "pip"), "install", "--quiet", "--require-hashes", "--only-binary", ":all:"]
    return [[str(python), "-m", "venv", str(venv)], [*pip, "-r", lock]]


def added_seconds(checkout: Path) -> float:
    """What ./kumapo costs before its command begins, once .venv is there."""
    direct = [str(checkout / ".venv" / "bin" / "python"), str(checkout / "kumapo_cli.py"), "--help"]
    through = [str(checkout / "kumapo"), "--help"]
    pairs = [(seconds(through), seconds(direct)) for _ in range(STARTS)]
    return round(min(first for first, _ in pairs) - min(second for _, second in pairs), 3)


def seconds(command: list[str]) -> float:
    """Run it without any cache of packages, and time it."""
    environ = os.environ | {"PIP_NO_CACHE_DIR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "UV_NO_CACHE": "1"}
    began = time.perf_counter()
    done = subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    took = time.perf_counter() - began
    if done.returncode != 0:
        raise click.ClickException(done.stderr.decode("utf-8", "replace"))
    return took


if __name__ == "__main__":
    main()
