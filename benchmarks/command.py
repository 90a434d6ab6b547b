"""./kumapo bench: runs the benchmarks in a folder of their own, and says what each figure came to beside what it has to
reach.
"""

from __future__ import annotations

import os
import platform
import secrets
import sqlite3
import tempfile
from pathlib import Path
from typing import Final

import click

from benchmarks import acts, audit, booth, decode, drain, growth, hubs, ingest, scan, season, setup
from benchmarks.report import Figure, as_json, as_table, figures_of
from kiosk.medium import is_volatile

_IN_A_FOLDER: Final = (scan, ingest, drain, growth, season, acts, hubs, audit, booth)
USUAL: Final = {module.__name__.rpartition(".")[2]: module for module in _IN_A_FOLDER}
"""Those that need a folder. With decode, which needs none, they run when no name is given; setup needs the network, and
is run by name only.
"""
SEEDS: Final = 2**32
ALL: Final = "all"


@click.command()
@click.argument("name", required=False, type=click.Choice([*USUAL, "decode", "setup"]))
@click.option("--json", "with_json", is_flag=True, help="Print one JSON object as the last line.")
@click.option("--quick", is_flag=True, help="Tiny sizes: shows that everything runs. Its figures mean nothing.")
@click.option(
    "--dir",
    "parent",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(tempfile.gettempdir()),
    show_default=True,
    help="Where the databases are made for the time of the run; growth takes some 4 GB.",
)
@click.option("--seed", type=click.IntRange(0), help="Of decode: makes the same frames again.  [default: a fresh one]")
@click.option("--entries", type=click.IntRange(1_000), help="Of audit: how many are read.  [default: 200,000]")
def bench(  # its options
    name: str | None, parent: Path, seed: int | None, entries: int | None, *, with_json: bool, quick: bool
) -> None:
    """処理の速さを測ります。名前がなければ setup のほかすべて(1 時間ほど)。

    Measure each step beside the least that any program would have to do, in one run. Without a NAME: all but setup,
    about an hour. Rates are by CPU time, in brackets by the wall clock; trust the ratios.
    """
    click.echo(_machine())
    if quick:
        click.echo("--quick: tiny sizes show that everything runs; the figures below mean nothing")
    if is_volatile(parent):
        click.echo(f"{parent} lies in memory or an overlay: a sync costs less there than on a disk (--dir)", err=True)
    names = [name] if name else [*USUAL, "decode"]
    seed = secrets.randbelow(SEEDS) if seed is None else seed
    figures = [figure for one in names for figure in _measured(one, parent, seed, entries, is_quick=quick)]
    if with_json:
        click.echo(as_json(name or ALL, figures))


def _measured(name: str, parent: Path, seed: int, entries: int | None, *, is_quick: bool) -> list[Figure]:
    if name == "setup":
        return setup.measure(rounds=1 if is_quick else 2)
    if name == "decode":
        click.echo(f"\nframes of --seed {seed}")
        lines = decode.measure(decode.QUICK if is_quick else decode.FULL, seed)
    else:
        benchmark = USUAL[name]
        sizes = benchmark.QUICK if is_quick else benchmark.FULL
        if name == "audit" and entries is not None:
            sizes = audit.FULL._replace(entries=entries)
        with tempfile.TemporaryDirectory(prefix=f"kumapo-{name}-", dir=parent) as folder:
            lines = benchmark.measure(Path(folder), sizes)
    click.echo(f"\n{as_table(name, lines)}")
    return figures_of(lines)


def _machine() -> str:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    versions = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return f"{versions}, {platform.machine()}, {os.cpu_count()} cores, load {load}"
