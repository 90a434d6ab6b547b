"""`./kumapo simulate`: plays a city from a seed and says what must never be and was, shortened to the steps
that matter.

The same seed, hours and kiosks give the same story to the bit.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from simulator.play import Ended, play
from simulator.shelf import Shelves
from simulator.shorten import shorten
from simulator.story import Chapter, draw_story
from simulator.town import Violation

TRIES = 250
"""Stories played at most to shorten one that fails."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="乱数の種 / the seed")
@click.option(
    "--hours", type=click.IntRange(1, 10_000), default=6, show_default=True, help="時間 / hours of each kiosk"
)
@click.option("--kiosks", type=click.IntRange(1, 50), default=3, show_default=True, help="端末の数 / how many kiosks")
@click.option(
    "--json", "wants_object", is_flag=True, help="最後の行を1つのJSONにする / the last line is one JSON object"
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="記録簿とデータベースを残す / leave journals and the hub's database there",
)
@click.option("--database", default="", metavar="URL", help="PostgreSQL のサーバー / a PostgreSQL server to play on")
@click.option(
    "--shorten/--no-shorten", "shortens", default=True, help="失敗した話を短くする / shorten a story that fails"
)
def simulate(
    seed: int,
    hours: int,
    kiosks: int,
    wants_object: bool,  # noqa: FBT001  # click hands options over by name
    keep: Path | None,
    database: str,
    shortens: bool,  # noqa: FBT001  # as above
) -> None:
    """端末・運ぶ人・窓口・センターの話を、種から作って確かめる。

    Play booths, carriers, clerks and a hub in one process from a seed, with everything that goes wrong, and look after
    each step whether the ledger still holds. Exit status 0 only if nothing was violated.
    """
    totals: Counter[str] = Counter()
    said = hashlib.sha256()
    violations: list[Violation] = []
    with _folder(keep) as folder:
        shelves = Shelves(folder, _driver(database))
        try:
            for chapter in draw_story(seed, hours, kiosks):
                ended = play(chapter, folder / "city", shelves)
                totals.update(ended.counts)
                totals["entries"] += ended.entries
                said.update(ended.digest.encode())
                _say_chapter(chapter, ended)
                if ended.violation is not None:
                    violations.append(ended.violation)
                    if shortens:
                        _say_shortened(chapter, ended.violation, folder, shelves)
                    break
        finally:
            shelves.clear()
    _say_end(totals, violations)
    if wants_object:
        click.echo(msgspec.json.encode(as_object(seed, hours * kiosks, totals, violations, said.hexdigest())))
    sys.exit(1 if violations else 0)


def as_object(
    seed: int, kiosk_hours: int, totals: Counter[str], violations: list[Violation], digest: str
) -> dict[str, object]:
    """Return what the last line holds. `hours` are those of all kiosks together."""
    return {
        "seed": seed,
        "hours": kiosk_hours,
        "events": totals["scans"],
        "faults": totals["faults"],
        "acts": totals["acts"],
        "entries": totals["entries"],
        "violations": [f"step {one.step}: {one.rule}: {one.seen}" for one in violations],
        "digest": digest,
    }


def _say_chapter(chapter: Chapter, ended: Ended) -> None:
    counts = ended.counts
    click.echo(
        f"{chapter.seed}: {chapter.hours} h x {chapter.kiosks}: {counts['scans']:,} scans, {ended.entries:,} entries, "
        f"{counts['faults']} faults, {counts['acts']} acts, {counts['refused']} refused, "
        f"{counts['previews']} previews {ended.digest[:16]}",
        err=True,
    )


def _say_shortened(chapter: Chapter, violation: Violation, folder: Path, shelves: Shelves) -> None:
    def find(shorter: Chapter) -> Violation | None:
        return play(shorter, folder / "shorter", shelves).violation

    click.echo(f"違反 / violated: {violation.rule}\n{violation.seen}\n短くしています / shortening …", err=True)
    shorter, tries = shorten(chapter, violation, find, TRIES)
    click.echo(f"{len(shorter.steps)} 手順 / steps, after {tries} tries:", err=True)
    for step in shorter.steps:
        click.echo(f"  {step.number} +{step.at_ms} {step.kind} {step.what} {step.who} {step.picks}", err=True)


def _say_end(totals: Counter[str], violations: list[Violation]) -> None:
    for one in violations:
        click.echo(f"NG: step {one.step}: {one.rule}: {one.seen}")
    if not violations:
        click.echo(f"守られています / it holds: {totals['scans']:,} scans, {totals['acts']:,} acts")


def _driver(database: str) -> str:
    """Return a server's URL with the driver the hub uses."""
    scheme, separator, rest = database.partition("://")
    return f"postgresql+psycopg{separator}{rest}" if scheme.startswith("postgres") else database


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Yield a folder for journals and database: one that stays, or one in memory where the machine has that."""
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    memory = Path("/dev/shm")  # noqa: S108  # a virtual disk: what a power cut would take is played, not real
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None, prefix="kumapo-") as folder:
        yield Path(folder)
