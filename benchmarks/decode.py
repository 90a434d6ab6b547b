"""How much a booth reads when reading is hard, and at what cost: our reader beside zxing-cpp alone and pyzbar alone, on
the same frames in the same run. The frames are made anew in each run; nothing of them is fixed but how they are drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain
from multiprocessing import get_context
from typing import Final, NamedTuple, TypeVar

import click
import numpy as np

from benchmarks import readings
from benchmarks.readings import Burst, Free, Idle, Missed, Seed, Still
from benchmarks.report import Line, at_least, at_most
from benchmarks.severity import CONDITIONS
from kiosk.decode import CodeReader

CHUNK: Final = 100  # frames without a code in one stream
USUAL_LIGHT, LOW_LIGHT = "clean", "low light"
RESAMPLES: Final = 2000
CALIBRATED: Final = (80, 86)
ZBAR_CALIBRATED: Final = 55
WITHOUT_ZBAR: Final = "libzbar0 is missing: pyzbar's rate and every CPU figure beside it are NOT measured"

T = TypeVar("T")


class Sizes(NamedTuple):
    """Frames and bursts of 8 per condition, frames without a code, still scenes by day and night, other processes."""

    stills: int
    bursts: int
    frees: int
    idles: int
    workers: int
    conditions: tuple[str, ...] = tuple(CONDITIONS)


A_FEW: Final = ("clean", "defocus", "2 px/module", "inverted")
QUICK: Final = Sizes(stills=1, bursts=1, frees=4, idles=1, workers=0, conditions=A_FEW)
FULL: Final = Sizes(stills=60, bursts=16, frees=2000, idles=6, workers=2)


@dataclass(frozen=True)
class Readings:
    """All that was read in one run."""

    stills: list[Still]
    bursts: list[Burst]
    frees: list[Free]
    idles: list[Idle]


def measure(sizes: Sizes, seed: int) -> list[Line]:
    """Return the lines of all figures; the same seed gives the same frames again, however many processes share them."""
    taken = take(sizes, seed)
    lines = [*_still_lines(taken.stills), *_burst_lines(taken.bursts), *_false_lines(taken)]
    if readings.has_zbar():
        lines += _cpu_lines(taken)
    else:
        click.echo(WITHOUT_ZBAR, err=True)
    return lines + [_condition_line(condition, taken) for condition in sizes.conditions]


def take(sizes: Sizes, seed: int, new_reader: Callable[[], readings.Reader] = CodeReader) -> Readings:
    """Show all frames to all readers."""
    chunks = [min(CHUNK, sizes.frees - begun) for begun in range(0, sizes.frees, CHUNK)]
    lights = [USUAL_LIGHT, LOW_LIGHT] * sizes.idles
    seeds = iter(Seed(seed).spawn(len(lights) + 2 * len(sizes.conditions) + len(chunks)))
    with _processes(sizes.workers) as pool:
        idles = [pool.submit(readings.idles, light, next(seeds), new_reader) for light in lights]
        stills = [pool.submit(readings.stills, one, next(seeds), sizes.stills, new_reader) for one in sizes.conditions]
        bursts = [pool.submit(readings.bursts, one, next(seeds), sizes.bursts, new_reader) for one in sizes.conditions]
        frees = [pool.submit(readings.frees, next(seeds), count, new_reader) for count in chunks]
        return Readings(_all(stills), _all(bursts), [one.result() for one in frees], _all(idles))


class _OneByOne(Executor):
    """Does the work at once, in this process."""

    def submit(self, fn: Callable[..., T], /, *args: object, **kwargs: object) -> Future[T]:
        """Return what is already done."""
        done: Future[T] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


def _processes(workers: int) -> Executor:
    # A process that is spawned, not forked, inherits no lock that some thread of ours holds at that moment.
    return ProcessPoolExecutor(workers, get_context("spawn")) if workers else _OneByOne()


def _all(futures: Iterable[Future[list[T]]]) -> list[T]:
    return list(chain.from_iterable(future.result() for future in futures))


# --- lines


def _still_lines(stills: Sequence[Still]) -> Iterator[Line]:
    zxing, ours = _percent(one.zxing for one in stills), _percent(one.ours for one in stills)
    lowest, highest = CALIBRATED
    in_range = lowest <= zxing <= highest
    wanted = f"calibration asks for {lowest} to {highest}: {'kept' if in_range else 'MISSED'}"
    yield Line("zxing-cpp alone, % of all hard frames", "", wanted, zxing)
    if readings.has_zbar():
        zbar = _percent(bool(one.zbar) for one in stills)
        wanted = f"calibration asks for {ZBAR_CALIBRATED} at most: {'kept' if zbar <= ZBAR_CALIBRATED else 'MISSED'}"
        yield Line("pyzbar alone, % of all hard frames", "", wanted, zbar)
    gains = np.array([100 * (one.ours - one.zxing) for one in stills], np.float64)
    low, high = _interval(gains)
    name = "read_still less zxing-cpp on the same frames, points"
    yield Line(name, f"{ours:.1f} % (95 %: {low:+.1f} … {high:+.1f})", f"{zxing:.1f} %", ours - zxing, at_least(4))
    for condition in ("inverted", "2 px/module"):
        here = [one for one in stills if one.condition == condition]
        limit = f"zxing-cpp {_percent(one.zxing for one in here):.1f} %"
        rate = _percent(one.ours for one in here)
        yield Line(f"read_still, {condition}, %", f"{len(here)} frames", limit, rate, at_least(100))


def _burst_lines(bursts: Sequence[Burst]) -> Iterator[Line]:
    ours, zxing = (_percent(any(one.ours) for one in bursts), _percent(any(one.zxing) for one in bursts))
    gains = np.array([100 * (any(one.ours) - any(one.zxing)) for one in bursts], np.float64)
    low, high = _interval(gains)
    said = f"{ours:.1f} % (95 %: {low:+.1f} … {high:+.1f})"
    single = _percent(chain.from_iterable(one.zxing for one in bursts))
    strict = "bursts of 8: read on any frame less zxing-cpp on any, points"
    yield Line(strict, said, f"{zxing:.1f} %", ours - zxing, at_least(8))
    yield Line("bursts of 8: read on any frame less zxing-cpp on one, points", said, f"{single:.1f} %", ours - single)


def _false_lines(taken: Readings) -> Iterator[Line]:
    frames = sum(one.frames for one in taken.frees)
    hard = sum(one.wrong for one in taken.stills) + sum(one.wrong for one in taken.bursts)
    stills, streams = sum(one.stills for one in taken.frees), sum(one.streams for one in taken.frees)
    yield Line("false reads by read_still", f"{frames:,} frames without a code", "", stills, at_most(0))
    yield Line("false reads by read", f"the same {frames:,} frames as streams", "", streams, at_most(0))
    shown = len(taken.stills) + sum(len(one.ours) for one in taken.bursts)
    yield Line("wrong texts on hard frames, both", f"{shown:,} frames with a code", "", hard, at_most(0))


def _cpu_lines(taken: Readings) -> Iterator[Line]:
    first = [(one.first_seconds, one.zbar_seconds) for one in taken.stills if one.zxing]
    yield _cpu_line("CPU of pyzbar: read where the first pass reads", *_means(first), most=0.1)
    usual, low = ([one[1:] for one in taken.idles if one.condition == light] for light in (USUAL_LIGHT, LOW_LIGHT))
    yield _cpu_line("CPU of pyzbar: read, nothing moves, gate closed", *_means(usual), most=0.1)
    yield _cpu_line("CPU of pyzbar: the same in low light", *_means(low))
    missed = [step for one in taken.bursts for step in one.missed]
    if not missed:
        return
    zbar = float(np.mean([step.zbar for step in missed]))
    whole = [step.ours for step in missed]
    mean, p95 = float(np.mean(whole)), float(np.quantile(whole, 0.95))
    yield _cpu_line("CPU of pyzbar: read where the first pass misses, mean", mean, zbar, most=0.4)
    yield _cpu_line("CPU of pyzbar: read where the first pass misses, 95 %", p95, zbar, most=0.8)
    beyond = _beyond(missed)
    yield _cpu_line("CPU of pyzbar: beyond the first pass, mean", float(np.mean(beyond)), zbar)
    yield _cpu_line("CPU of pyzbar: beyond the first pass, 95 %", float(np.quantile(beyond, 0.95)), zbar)


def _beyond(missed: Iterable[Missed]) -> list[float]:
    return [step.ours - step.zxing for step in missed]


def _cpu_line(name: str, ours: float, zbar: float, most: float | None = None) -> Line:
    goal = None if most is None else at_most(most)
    return Line(name, f"{ours * 1e3:.2f} ms", f"{zbar * 1e3:.2f} ms", ours / zbar, goal)


def _means(pairs: Iterable[tuple[float, float]]) -> tuple[float, float]:
    ours, zbar = np.mean(list(pairs), axis=0)
    return float(ours), float(zbar)


def _condition_line(condition: str, taken: Readings) -> Line:
    stills = [one for one in taken.stills if one.condition == condition]
    bursts = [one for one in taken.bursts if one.condition == condition]
    zxing, ours = _percent(one.zxing for one in stills), _percent(one.ours for one in stills)
    any_zxing, any_ours = _percent(any(one.zxing) for one in bursts), _percent(any(one.ours) for one in bursts)
    zbar = f"pyzbar {_percent(bool(one.zbar) for one in stills):.0f} " if readings.has_zbar() else ""
    limit = f"{zbar}zxing-cpp {zxing:.0f}, any of 8 {any_zxing:.0f} %"
    return Line(
        f"{condition}: points won on single frames", f"{ours:.0f}, bursts {any_ours:.0f} %", limit, ours - zxing
    )


# --- statistics


def _percent(read: Iterable[bool]) -> float:
    return 100 * float(np.mean(list(read)))


def _interval(gains: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, float]:
    """The paired bootstrap's 95 % interval of the mean gain: other frames might have been drawn."""
    picks = np.random.default_rng(0).integers(len(gains), size=(RESAMPLES, len(gains)))
    low, high = np.quantile(gains[picks].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)
