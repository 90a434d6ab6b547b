"""The frames that reading is judged on are what their conditions say, and what is read of them is counted rightly."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest
import zxingcpp
from click.testing import CliRunner
from numpy.typing import NDArray

from benchmarks import decode, hard_frames, readings
from benchmarks.code_free import BOARDS, code_free, scene, texture
from benchmarks.command import bench
from benchmarks.decode import Readings
from benchmarks.hand import Moment, moments
from benchmarks.hard_frames import Hard, burst, frame
from benchmarks.held import modules, token
from benchmarks.readings import Burst, Free, Idle, Missed, Seed, Still, bursts, frees, read_by_zxing, stills
from benchmarks.report import Line, figures_of
from benchmarks.severity import CONDITIONS, Severity
from sync.token import LENGTH_LIMIT, PREFIX

Gray = NDArray[np.uint8]
QR = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCodeModel2])


def found(gray: Gray, *, inverts: bool = True) -> list[zxingcpp.Barcode]:
    return zxingcpp.read_barcodes(gray, formats=QR, try_invert=inverts)


def corners(hard: Hard) -> NDArray[np.float64]:
    """The code's corners as the decoder finds them: top left, top right, bottom right, bottom left."""
    (code,) = (one for one in found(hard.gray) if one.text == hard.text)
    at = code.position
    four = (at.top_left, at.top_right, at.bottom_right, at.bottom_left)
    return np.array([(one.x, one.y) for one in four], np.float64)


def sides(hard: Hard) -> NDArray[np.float64]:
    at = corners(hard)
    return np.asarray(np.linalg.norm(np.roll(at, -1, axis=0) - at, axis=1), np.float64)


def drawn(condition: str, count: int = 40) -> list[Severity]:
    random = np.random.default_rng(7)
    return [CONDITIONS[condition](random) for _ in range(count)]


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_seed_gives_the_same_burst_again_and_another_seed_another(condition: str) -> None:
    first, again, other = (burst(condition, np.random.default_rng(seed), count=2) for seed in (3, 3, 4))

    assert [one.gray.tobytes() for one in again] == [one.gray.tobytes() for one in first]
    assert other[0].text != first[0].text
    assert {(one.gray.shape, one.gray.dtype) for one in first} == {((720, 1280), np.dtype(np.uint8))}


def test_a_single_frame_is_the_first_of_a_burst() -> None:
    single = frame("glare", np.random.default_rng(5))
    first, _ = burst("glare", np.random.default_rng(5), count=2)

    assert single.text == first.text
    assert single.gray.tobytes() == first.gray.tobytes()


def test_a_code_is_a_member_token_of_41_modules() -> None:
    text = token(np.random.default_rng(1))

    code = modules(text)

    assert text.startswith(PREFIX)
    assert len(text) <= LENGTH_LIMIT
    assert code.shape == (49, 49)
    assert [one.text for one in found(code.repeat(6, axis=0).repeat(6, axis=1) * np.uint8(255))] == [text]


def test_only_a_code_in_dark_mode_is_light_on_dark() -> None:
    random = np.random.default_rng(2)
    inverted, clean = frame("inverted", random), frame("clean", random)

    assert [one.text for one in found(inverted.gray)] == [inverted.text]
    assert found(inverted.gray, inverts=False) == []
    assert [one.text for one in found(clean.gray, inverts=False)] == [clean.text]


@pytest.mark.parametrize("pixels", [3, 2.5, 2])
def test_a_small_code_has_as_many_pixels_a_module_as_it_says(pixels: float) -> None:
    random = np.random.default_rng(6)

    longest = [float(np.max(sides(frame(f"{pixels:g} px/module", random)))) / 41 for _ in range(4)]

    assert np.median(longest) == pytest.approx(pixels, rel=0.08)


def test_a_tilted_code_is_shortened_as_a_plane_is() -> None:
    random = np.random.default_rng(12)
    shortened = []
    for _ in range(6):
        hard = frame("perspective", random)
        if read_by_zxing(hard.gray):
            area = cv2.contourArea(corners(hard).astype(np.float32))
            shortened.append(area / (41 * 5) ** 2)

    assert len(shortened) >= 3
    assert 0.4 < min(shortened) <= max(shortened) < 0.85  # cosine of 40° to 60°, and a little for nearness


def test_codes_are_turned_all_the_way_round() -> None:
    random = np.random.default_rng(8)

    turns = [corners(frame("rotation", random)) for _ in range(20)]
    quarters = {int(np.degrees(np.arctan2(*(at[1] - at[0])[::-1])) % 360 // 90) for at in turns}

    assert quarters == {0, 1, 2, 3}


@pytest.mark.parametrize("condition", ["motion blur", "defocus"])
def test_blur_takes_detail_away(condition: str) -> None:
    random = np.random.default_rng(9)

    blurred, clean = (np.median([_code_detail(frame(one, random)) for _ in range(6)]) for one in (condition, "clean"))

    assert blurred < clean / 2


def _code_detail(hard: Hard) -> float:
    """The most detail in a square as large as a code."""
    squared = cv2.Laplacian(cv2.GaussianBlur(hard.gray, (0, 0), 1), cv2.CV_32F) ** 2
    return float(np.max(cv2.blur(squared, (160, 160))))


def test_low_light_is_darker_than_any_usual_light_and_noisy() -> None:
    random = np.random.default_rng(10)

    dim, clean = (np.median([_noise(frame(one, random).gray) for _ in range(6)]) for one in ("low light", "clean"))

    assert max(one.light for one in drawn("low light")) < min(one.light for one in drawn("clean"))
    assert dim > 3 * clean


def _noise(gray: Gray) -> float:
    """Spread of the noise, from differences of neighbours where there is least else."""
    differences = np.diff(gray.astype(np.float32), axis=1)
    tiles = differences[:, :1200].reshape(24, 30, 24, 50).std(axis=(1, 3))
    return float(np.quantile(tiles, 0.1) / 2**0.5)


@pytest.mark.parametrize(
    ("condition", "part"), [("glare", "_mirror_lamp"), ("phone moire", "_beating"), ("covered", "_lay_finger")]
)
def test_what_disturbs_a_frame_lies_on_the_thing_and_nowhere_else(
    condition: str, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hard_frames, "with_noise", lambda gray, *_: gray)
    spoilt = frame(condition, np.random.default_rng(11)).gray
    monkeypatch.setattr(hard_frames, part, lambda gray, *_: gray)

    whole = frame(condition, np.random.default_rng(11)).gray
    touched = cv2.absdiff(spoilt, whole) > 12

    assert 0.0005 < touched.mean() < 0.2


def test_severities_stay_within_what_the_conditions_say() -> None:
    assert all(1 <= one.motion_modules <= 2.4 for one in drawn("motion blur"))
    assert all(1.7 <= one.defocus <= 3.4 for one in drawn("defocus"))
    assert all(40 <= one.tilt <= 60 for one in drawn("perspective"))
    assert all(one.kind == "phone" and one.moire > 0 for one in drawn("phone moire"))
    assert all(one.kind == "phone" and one.is_inverted for one in drawn("inverted"))
    assert {one.kind for one in drawn("clean")} == {"card", "sheet", "phone"}
    assert len(CONDITIONS) == 14


def test_a_card_in_a_hand_moves_a_little_from_frame_to_frame() -> None:
    random = np.random.default_rng(13)

    ways = [np.diff([corners(hard).mean(axis=0) for hard in burst("clean", random)], axis=0) for _ in range(5)]
    steps = np.hypot(*np.concatenate(ways).T)

    assert 0.5 < np.median(steps) < 6
    assert steps.max() < 15
    assert steps.std() > 0.2


def test_a_card_carried_past_moves_as_far_as_its_smear_says() -> None:
    random = np.random.default_rng(14)
    ways, smears = [], []
    for severity in drawn("motion blur"):
        hand = moments(severity, (640, 360), random)
        now, then = next(hand), next(hand)
        ways.append(np.hypot(*np.subtract(then.shift, now.shift)))
        smears.append(now.smear)

    assert np.allclose(smears, np.multiply(ways, 0.5))  # the shutter is open for half of a frame's time
    assert 5 < np.median(smears) < 12


def test_noise_is_new_in_every_frame_and_the_place_is_not() -> None:
    first, second, third = (
        one.gray.astype(np.float32) for one in burst("low light", np.random.default_rng(15), count=3)
    )
    nearer, farther = (second - first).ravel(), (third - second).ravel()

    likeness = np.corrcoef(nearer, farther)[0, 1]

    assert np.corrcoef(cv2.blur(first, (15, 15)).ravel(), cv2.blur(second, (15, 15)).ravel())[0, 1] > 0.95
    assert likeness == pytest.approx(-0.5, abs=0.1)  # the noise they share is the second frame's, once with each sign


def test_glare_moves_as_the_card_tilts_and_only_then(monkeypatch: pytest.MonkeyPatch) -> None:
    at_rest = Moment((0, 0), 0, 1, (0, 0), 0, 0, 1, (0, 0))
    tilts: list[tuple[float, float]] = [(0, 0), (0, 0), (0.3, 0), (0, -0.3)]
    monkeypatch.setattr(hard_frames, "moments", lambda *_: iter([replace(at_rest, tilt=tilt) for tilt in tilts]))

    white = [one.gray > 248 for one in burst("glare", np.random.default_rng(16), count=4)]
    middles = np.array([np.argwhere(one).mean(axis=0)[::-1] for one in white])

    assert np.allclose(middles - middles[0], [(0, 0), (0, 0), (0, -15), (-15, 0)], atol=4)


def test_a_frame_without_a_code_holds_none_and_boards_and_scenes_take_turns() -> None:
    taken = list(code_free(np.random.default_rng(17), 24))

    assert [found(gray) for gray in taken] == [[]] * 24
    assert len({gray.tobytes() for gray in taken}) == 24
    assert {(gray.shape, gray.dtype) for gray in taken} == {((720, 1280), np.dtype(np.uint8))}


@pytest.mark.parametrize("draw", [scene, texture])
def test_a_seed_gives_the_same_frame_without_a_code_again(draw: Callable[[np.random.Generator], Gray]) -> None:
    first, again = (draw(np.random.default_rng(18)) for _ in range(2))

    assert first.tobytes() == again.tobytes()


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_is_full_of_something_and_holds_no_code(board: Callable[[np.random.Generator], Gray]) -> None:
    drawn_once = board(np.random.default_rng(19))

    assert drawn_once.shape == (1000, 1600)
    assert drawn_once.std() > 10
    assert found(drawn_once) == []


# --- what is counted


class Liar:
    """Reads a text in everything."""

    def read(self, gray: Gray) -> list[str]:  # noqa: ARG002  (it looks at nothing)
        return ["KP1:LIE"]

    read_still = read


class Blind:
    """Reads nothing."""

    def read(self, gray: Gray) -> list[str]:  # noqa: ARG002  (it looks at nothing)
        return []

    read_still = read


def test_a_reader_that_lies_is_found_out() -> None:
    free = frees(Seed(1), 3, Liar)
    (still,) = stills("clean", Seed(1), 1, Liar)
    (eight,) = bursts("clean", Seed(1), 1, Liar)

    assert free == Free(frames=3, stills=3, streams=3)
    assert (still.ours, still.wrong) == (False, 1)
    assert (any(eight.ours), eight.wrong) == (False, 8)


def test_a_blind_reader_wins_nothing_on_the_frames_that_zxing_reads() -> None:
    (still,) = stills("clean", Seed(1), 1, Blind)
    (eight,) = bursts("clean", Seed(1), 1, Blind)

    assert (still.zxing, still.ours, still.wrong) == (True, False, 0)
    assert eight.zxing == (True,) * 8
    assert eight.ours == (False,) * 8


READ, MISSED = Missed(ours=0.010, zxing=0.002, zbar=0.020), Missed(ours=0.002, zxing=0.002, zbar=0.020)


def still_of(condition: str, *, zxing: bool, ours: bool, wrong: int = 0) -> Still:
    return Still(condition, zxing, False, ours, wrong, first_seconds=0.002, zbar_seconds=0.020)


def lines_of(taken: Readings, monkeypatch: pytest.MonkeyPatch) -> dict[str, Line]:
    monkeypatch.setattr(decode, "take", lambda *_: taken)
    return {line.figure: line for line in decode.measure(decode.FULL, 1)}


@pytest.fixture
def taken() -> Readings:
    """Half of the frames are read by zxing-cpp and three quarters by ours; one burst of two is won."""
    return Readings(
        stills=[still_of(one, zxing=read < 2, ours=read < 3) for one in CONDITIONS for read in range(4)],
        bursts=[
            burst_made
            for one in CONDITIONS
            for burst_made in (
                Burst(one, (False,) * 8, (False,) * 7 + (True,), 0, (READ, MISSED)),
                Burst(one, (True,) + (False,) * 7, (True,) * 8, 0, ()),
            )
        ],
        frees=[Free(100, 0, 0), Free(100, 0, 0)],
        idles=[Idle("clean", 0.001, 0.020), Idle("low light", 0.004, 0.020)],
    )


def test_what_is_won_is_counted_on_the_same_frames(taken: Readings, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = lines_of(taken, monkeypatch)

    assert lines["read_still less zxing-cpp on the same frames, points"].value == 25
    assert lines["bursts of 8: read on any frame less zxing-cpp on any, points"].value == 50
    assert lines["bursts of 8: read on any frame less zxing-cpp on one, points"].value == 93.75
    assert lines["defocus: points won on single frames"].value == 25
    assert "MISSED" in lines["zxing-cpp alone, % of all hard frames"].limit


def test_the_goal_stands_beside_the_strict_figure_of_bursts(taken: Readings, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = lines_of(taken, monkeypatch)

    goals = {name: line.goal for name, line in lines.items() if name.startswith("bursts")}

    assert [str(goal) for goal in goals.values()] == [">= 8", "None"]


def test_one_false_read_is_one_too_many(taken: Readings, monkeypatch: pytest.MonkeyPatch) -> None:
    taken.stills[0] = still_of("clean", zxing=True, ours=True, wrong=1)
    taken.frees[1] = Free(100, 1, 2)

    figures = {one["figure"]: one for one in figures_of(lines_of(taken, monkeypatch).values())}

    said = [figures[name] for name in figures if name.startswith(("false", "wrong"))]
    assert [one["value"] for one in said] == [1, 2, 1]
    assert not any(one["reached"] for one in said)


def test_cost_is_held_against_pyzbar(taken: Readings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "has_zbar", lambda: True)

    lines = lines_of(taken, monkeypatch)

    cost = {name.partition(": ")[2]: round(line.value, 4) for name, line in lines.items() if name.startswith("CPU")}
    assert cost == {
        "read where the first pass reads": 0.1,
        "read, nothing moves, gate closed": 0.05,
        "the same in low light": 0.2,
        "read where the first pass misses, mean": 0.3,
        "read where the first pass misses, 95 %": 0.5,
        "beyond the first pass, mean": 0.2,
        "beyond the first pass, 95 %": 0.4,
    }


def test_without_zbar_its_figures_are_left_out_and_that_is_said(
    taken: Readings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(readings, "has_zbar", lambda: False)

    lines = lines_of(taken, monkeypatch)

    assert not any(name.startswith(("CPU", "pyzbar")) for name in lines)
    assert "pyzbar" not in "".join(line.limit for line in lines.values())
    assert "NOT measured" in capsys.readouterr().err


def test_bench_decode_says_each_figure_on_the_last_line() -> None:
    arguments = ["decode", "--quick", "--json", "--seed", "1"]

    result = CliRunner().invoke(bench, arguments, catch_exceptions=False)

    said = json.loads(result.stdout.splitlines()[-1])
    assert result.exit_code == 0
    assert said["name"] == "decode"
    assert "--seed 1" in result.stdout
    wanted = [">= 4", ">= 100", ">= 100", ">= 8", "<= 0", "<= 0", "<= 0"]
    wanted += ["<= 0.1", "<= 0.1", "<= 0.4", "<= 0.8"] if readings.has_zbar() else []
    assert [figure["to_reach"] for figure in said["figures"]] == wanted
    assert all(figure["figure"] in result.stdout.partition("{")[0] for figure in said["figures"])


def test_the_processes_that_share_a_run_change_none_of_its_frames() -> None:
    sizes = decode.Sizes(stills=0, bursts=0, frees=2, idles=0, workers=0, conditions=())
    alone, shared = (decode.take(sizes._replace(workers=workers), 5, Liar) for workers in (0, 1))

    assert alone == shared
    assert alone.frees == [Free(2, 2, 2)]


def test_a_fresh_seed_is_said_so_that_a_run_can_be_repeated(taken: Readings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "take", lambda *_: taken)

    said = [CliRunner().invoke(bench, ["decode", "--quick"], catch_exceptions=False).stdout for _ in range(2)]

    seeds = {line for one in said for line in one.splitlines() if "--seed" in line}
    assert len(seeds) == 2
