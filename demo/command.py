"""`./kumapo demo`: a hub and two booths as real processes on this machine, with a simulated camera and network.

It turns options into one run, and whatever the run comes to into a table, one JSON object and an exit status.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import cv2
import msgspec

from config.clock import SystemClock
from demo.conductor import Conductor
from demo.narrator import Narrator
from demo.processes import DidNotCome
from demo.report import Result, as_object, table

DEFAULT_SECONDS = 90
LEAST_SECONDS = 15
INTERRUPTED = 130
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Options(NamedTuple):
    """What was asked for. `source` is a camera of the first stand's own, or ""; `terminal` is where somebody may press
    Enter, or None.
    """

    seconds: int
    seed: int
    source: str
    is_headless: bool
    terminal: int | None


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--seconds",
    type=click.IntRange(LEAST_SECONDS),
    default=DEFAULT_SECONDS,
    show_default=True,
    help="おおよその長さ(秒) / about how long the story takes",
)
@click.option("--headless", is_flag=True, help="終わったら自分で止まる / end when the story ends")
@click.option(
    "--json", "wants_object", is_flag=True, help="最後の行を1つのJSONにする / the last line is one JSON object"
)
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), help="同じ数なら同じ人が同じ順に来る / the same people again"
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="記録簿とデータベースを残す / leave journals and the hub's database there",
)
@click.option(
    "--camera",
    metavar="SOURCE",
    help="受付1に本物の映像を使う: 0, /dev/video0, FILE.mjpeg, フォルダー / real pictures for the first booth",
)
def demo(
    seconds: int,
    headless: bool,  # noqa: FBT001  # click hands options over by name
    wants_object: bool,  # noqa: FBT001  # as above
    seed: int | None,
    keep: Path | None,
    camera: str | None,
) -> None:
    """センターと受付2つをこのパソコンで動かし、ネットワークを切ってつなぎ、すべて届いたことを確かめる。

    Run a hub and two booths as real processes, cut and join the network, kill a booth and the hub, and prove that
    every grant has arrived and what became of it. Exit status 0 only if nothing is missing and everything balances.

    At a terminal the story begins when a booth's screen is opened in a browser, at Enter, or after 20 seconds.
    """
    chosen_seed = secrets.randbelow(2**32) if seed is None else seed
    options = Options(seconds, chosen_seed, _source(camera), headless, None if wants_object else _terminal())
    cv2.setNumThreads(1)
    status, ended = asyncio.run(_run(options, keep))
    if headless or wants_object:
        click.echo(msgspec.json.encode(ended))
    sys.exit(status)


async def _run(options: Options, keep: Path | None) -> tuple[int, dict[str, object]]:
    """Play one run in its folder; return the exit status, and what to print as one object."""
    stop = _Stop()
    narrator = Narrator(SystemClock())
    with _folder(keep) as folder:
        narrator.say(
            f"デモを始めます(乱数の種 {options.seed})", f"the same people come again with --seed {options.seed}"
        )
        conductor = Conductor(folder, narrator, SystemClock(), options.seed, options.seconds, options.source)
        try:
            return _told(await _perform(conductor, narrator, options, stop), narrator)
        except asyncio.CancelledError:
            narrator.say("途中で止められました", "stopped before the end: nothing was counted")
            return INTERRUPTED, {"error": "stopped", "balanced": False, "seed": options.seed}
        except (DidNotCome, ExceptionGroup) as error:
            troubles = _troubles(error)
            click.echo("\n".join(["デモを続けられません / the demo cannot go on:", *troubles]), err=True)
            return 1, {"error": "; ".join(troubles), "balanced": False, "seed": options.seed}
        finally:
            stop.ignore()
            await conductor.strike()


async def _perform(conductor: Conductor, narrator: Narrator, options: Options, stop: _Stop) -> Result:
    """Play the story, stay open until told to stop unless headless, and count when every process has ended."""
    await conductor.set_up()
    if not options.is_headless:
        await conductor.welcome(options.terminal)
    await conductor.play()
    is_live = bool(options.source) and not options.is_headless
    if not is_live:
        await conductor.close_stands()
        await conductor.send_again()
    if not options.is_headless:
        stop.is_awaited = True
        if not is_live:
            _told(conductor.result(), narrator)
            await conductor.open_stands_again()
        narrator.say("開いたままです。Ctrl-C で終わります", "hub and booths stay open; Ctrl-C ends them")
        await conductor.stay_open(stop.told)
        await conductor.close_stands()
    if is_live:
        await conductor.send_again()
    await conductor.close_hub()
    return conductor.result()


def _told(result: Result, narrator: Narrator) -> tuple[int, dict[str, object]]:
    """Print the table and what did not hold; return the exit status and the object."""
    narrator.plain(table(result.sums))
    for check in result.failed:
        narrator.plain(f"NG: {check}")
    if result.is_good:
        narrator.say(f"すべて届き、合いました({len(result.checks)}項目)", "everything has arrived and balances")
    else:
        narrator.say(f"未着 {result.missing}件、合わない項目 {len(result.failed)}", "missing, or not balanced")
    return (0 if result.is_good else 1), as_object(result)


class _Stop:
    """What Ctrl-C, SIGTERM and a closed terminal do: end the story at once, or the time after it."""

    def __init__(self) -> None:
        self.told = asyncio.Event()
        self.is_awaited = False
        self._task = asyncio.current_task()
        for number in STOP_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._tell)

    def ignore(self) -> None:
        """Let nothing disturb the clearing up, which is short."""
        for number in STOP_SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, _nothing)

    def _tell(self) -> None:
        if self.is_awaited or self._task is None:
            self.told.set()
        else:
            self._task.cancel()


def _nothing() -> None:
    """Do nothing; unlike SIG_IGN it is not handed on to children."""


def _troubles(error: BaseException) -> list[str]:
    """Return what did not come, out of groups of errors; any other error is a bug and is raised."""
    if isinstance(error, ExceptionGroup):
        return [trouble for one in error.exceptions for trouble in _troubles(one)]
    if not isinstance(error, DidNotCome):
        raise error
    return [str(error)]


def _terminal() -> int | None:
    """Return the descriptor at which somebody may press Enter, if there is one."""
    return sys.stdin.fileno() if sys.stdin.isatty() and sys.stdout.isatty() else None


def _source(camera: str | None) -> str:
    """Return the camera as the kiosk will find it, whatever folder we were started in."""
    if camera is None:
        return ""
    if camera.isdigit() or camera == "rpicam":
        return camera
    if not Path(camera).exists():
        raise click.BadParameter(
            f"「{camera}」がありません / there is no such camera, file or folder", param_hint="--camera"
        )
    return str(Path(camera).resolve())


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Return an empty folder for the run: the one to be kept, or one that is removed afterwards."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="kumapo-demo-") as folder:
            yield Path(folder)
        return
    yield _kept(keep)


def _kept(keep: Path) -> Path:
    """Return the folder to be kept, made and found empty and writable. Raises click.BadParameter."""
    try:
        keep.mkdir(parents=True, exist_ok=True)
        is_empty = not any(keep.iterdir())
    except OSError as error:
        raise _not_writable(keep, error.strerror) from error
    if not is_empty:
        raise click.BadParameter(f"「{keep}」は空ではありません / is not an empty folder", param_hint="--keep")
    if not os.access(keep, os.W_OK | os.X_OK):
        raise _not_writable(keep, "not writable")
    return keep.resolve()


def _not_writable(keep: Path, reason: str | None) -> click.BadParameter:
    return click.BadParameter(
        f"「{keep}」に書きこめません。書きこめるフォルダーを指定してください"
        f" / {keep} cannot be written ({reason}): name a folder that can",
        param_hint="--keep",
    )
