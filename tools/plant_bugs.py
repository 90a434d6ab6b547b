"""Plants bugs one by one in a copy of the checkout, and names the test that finds each: a check on the tests.

    .venv/bin/python -m tools.plant_bugs               # all, within an hour; exit status 1 if one goes unnoticed
    .venv/bin/python -m tools.plant_bugs --only 4 --json

The list stands in `tools/planted_bugs.py`; `tests/project/test_planted_bugs.py` sees that it still fits the code.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tools.planted_bugs import BUGS, Bug

ROOT: Final = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS: Final = 240
DID_NOT_END: Final = "(its tests did not end)"


class Caught(NamedTuple):
    """A planted bug and the first test that went red; "" where none did."""

    number: int
    bug: Bug
    test: str


def main() -> int:
    """Plant the chosen bugs and say what found them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=int, metavar="N", help="the number of one bug")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    options = parser.parse_args()
    chosen = [(number, bug) for number, bug in enumerate(BUGS, 1) if options.only in {None, number}]
    found = []
    for one in planted(chosen):
        print(f"{one.number:2} {one.bug.name}: {one.test or 'NOT FOUND'}", flush=True)  # noqa: T201  # its purpose
        found.append(one)
    missed = sum(not one.test for one in found)
    if options.json:
        told = [{"number": one.number, "bug": one.bug.name, "file": one.bug.file, "test": one.test} for one in found]
        print(json.dumps({"planted": len(found), "missed": missed, "bugs": told}))  # noqa: T201  # its purpose
    return int(missed > 0)


def planted(chosen: list[tuple[int, Bug]]) -> Iterator[Caught]:
    """Yield each bug with the test that found it. The checkout itself is never touched."""
    with tempfile.TemporaryDirectory(prefix="kumapo-planted-") as folder:
        copy = Path(folder) / "kumapo"
        copy_checkout(copy)
        for number, bug in chosen:
            place = copy / bug.file
            right = place.read_text(encoding="utf-8")
            place.write_text(right.replace(bug.right, bug.wrong), encoding="utf-8")
            yield Caught(number, bug, first_red_test(copy, bug))
            place.write_text(right, encoding="utf-8")


def copy_checkout(copy: Path) -> None:
    """Copy what git knows of the checkout, and lead to its .venv."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    (copy / ".venv").symlink_to(ROOT / ".venv")


def first_red_test(copy: Path, bug: Bug) -> str:
    """Run the tests that should find a bug; return the first that fails, "" where all pass.

    A bug that makes them run for ever is found too.
    """
    command = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "-p", "no:cacheprovider", *bug.tests]
    try:
        ended = subprocess.run(command, cwd=copy, capture_output=True, check=False, text=True, timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        return DID_NOT_END
    red = re.search(r"^(?:FAILED|ERROR) (\S+)", ended.stdout, re.MULTILINE)
    return red.group(1) if red and ended.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
