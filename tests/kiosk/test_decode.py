"""Codes are read by the real decoders, and only what a code says as text comes out."""

import functools
import string
from collections.abc import Callable

import cv2
import numpy as np
import pytest
import segno
from numpy.typing import NDArray

from benchmarks.hard_frames import burst
from kiosk import decode
from kiosk.decode import CodeReader
from kiosk.reading.background import STANDING_FRAMES
from kiosk.reading.motion import OPEN_FRAMES
from kiosk.reading.rescue import Prepared
from kiosk.sight import NOTHING

Gray = NDArray[np.uint8]
BINARY = bytes(range(0, 255, 3))
TOKEN = "KP1:" + (string.digits + string.ascii_uppercase + " $%*+-./:") * 3 + "ABCDEF"


def code(content: str | bytes, module_pixels: int = 4, encoding: str | None = None) -> Gray:
    made = segno.make_qr(content, error="m", boost_error=False, encoding=encoding)
    return pixels(made, module_pixels)


def pixels(made: segno.QRCode, module_pixels: int) -> Gray:
    rows = made.matrix_iter(scale=module_pixels, border=4)
    return np.array([[0 if dark else 255 for dark in row] for row in rows], np.uint8)


def scene(*placed: tuple[Gray, int, int]) -> Gray:
    """A gray wall of 720 × 1280 with codes at (top, left)."""
    wall = np.full((720, 1280), 128, np.uint8)
    for picture, top, left in placed:
        wall[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return wall


def dim() -> Gray:
    noise = np.random.default_rng(0).normal(0, 15, (720, 1280))
    return np.clip(scene((code(TOKEN), 200, 400)) * 0.3 + noise, 0, 255).astype(np.uint8)


def out_of_focus() -> Gray:
    return np.asarray(cv2.GaussianBlur(scene((code(TOKEN), 200, 400)), (0, 0), 2.1), np.uint8)


def tiny() -> Gray:
    """1.3 pixels a module."""
    small = cv2.resize(code(TOKEN, 8), (62, 62), interpolation=cv2.INTER_AREA)
    return scene((np.asarray(small, np.uint8), 200, 400))


def smeared() -> Gray:
    """Moved by 2.2 modules while the shutter was open."""
    kernel = np.zeros((9, 9), np.float32)
    kernel[4] = 1 / 9
    return np.asarray(cv2.filter2D(scene((code(TOKEN), 200, 400)), -1, kernel), np.uint8)


def tilted() -> Gray:
    """Its far edge is less than half as long as its near one."""
    flat = code(TOKEN, 6)
    side = flat.shape[0]
    corners = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
    seen = np.array([[600, 200], [710, 200], [800, 400], [480, 400]], np.float32)
    view = cv2.getPerspectiveTransform(corners, seen)
    wall = scene()
    cv2.warpPerspective(flat, view, (1280, 720), wall, borderMode=cv2.BORDER_TRANSPARENT)
    return np.asarray(cv2.GaussianBlur(wall, (0, 0), 0.6), np.uint8)


def held_by_a_corner(corner: int) -> Gray:
    """A thumb on one of the three finder patterns: top left, top right, bottom left."""
    picture = code(TOKEN, 5)
    at = [(37, 37), (picture.shape[1] - 37, 37), (37, picture.shape[0] - 37)][corner]
    cv2.circle(picture, at, 34, 150, -1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(scene((picture, 200, 400)), (0, 0), 0.7), np.uint8)


HARD = [dim, out_of_focus, tiny, smeared, tilted, *(functools.partial(held_by_a_corner, corner) for corner in range(3))]


def tremble(picture: Gray, random: np.random.Generator) -> Gray:
    """The same picture as the next frame sees it: shifted by a pixel or so, and with other noise."""
    shift = np.array([[1, 0, random.normal(0, 1.2)], [0, 1, random.normal(0, 1.2)]])
    moved = cv2.warpAffine(picture, shift, (1280, 720), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.clip(moved + random.normal(0, 4, (720, 1280)), 0, 255).astype(np.uint8)


def under_a_lamp() -> list[Gray]:
    """Frames of one card in whose laminate a lamp is mirrored: the spot wanders, and hides too much in each of them."""
    random = np.random.default_rng(5)
    down, across = np.mgrid[0:720, 0:1280]
    frames = []
    for turn in np.arange(8) * np.pi / 4:
        middle = 298 + 50 * np.sin(turn), 498 + 50 * np.cos(turn)
        spot = 400 * np.exp(-((down - middle[0]) ** 2 + (across - middle[1]) ** 2) / (2 * 35**2))
        lit = np.clip(scene((code(TOKEN), 200, 400)) * 0.7 + spot, 0, 255).astype(np.uint8)
        frames.append(tremble(lit, random))
    return frames


def test_a_member_code_is_read_letter_by_letter() -> None:
    assert CodeReader().read(scene((code(TOKEN), 100, 300))) == [TOKEN]


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_a_turned_code_is_read(quarter_turns: int) -> None:
    turned = np.rot90(scene((code(TOKEN), 100, 300)), quarter_turns)

    assert CodeReader().read(turned) == [TOKEN]


def test_a_code_in_dark_mode_is_read() -> None:
    assert CodeReader().read(scene((255 - code(TOKEN), 100, 300))) == [TOKEN]


@pytest.mark.parametrize("small_first", [True, False])
def test_the_largest_code_comes_first(small_first: bool) -> None:  # noqa: FBT001
    small, large = code("SMALL", 3), code("LARGE", 8)
    placed = [(small, 20, 20), (large, 300, 800)] if small_first else [(large, 20, 20), (small, 500, 800)]

    assert CodeReader().read(scene(*placed)) == ["LARGE", "SMALL"]


def test_a_text_shown_twice_comes_once() -> None:
    assert CodeReader().read(scene((code("SAME"), 20, 20), (code("SAME"), 300, 800))) == ["SAME"]


@pytest.mark.parametrize("content", [BINARY, b"\x00" * 30, "KP1:\x00\x1b[2J", "7" * 4097], ids=range(4))
def test_a_code_whose_content_is_no_text_or_far_too_long_is_seen_and_gives_no_text(content: str | bytes) -> None:
    made = segno.make_qr(content, error="l", boost_error=False)
    picture = scene((pixels(made, 3), 50, 300))

    sight = CodeReader().sight(picture)

    assert [shown.text for shown in sight.codes] == [""]
    assert sight.codes[0].area ** 0.5 == pytest.approx(3 * made.symbol_size(border=0)[0], rel=0.1)
    assert CodeReader().read(picture) == []
    assert CodeReader().read_still(picture) == []


def test_a_code_without_text_takes_no_place_from_a_member_code_beside_it() -> None:
    picture = scene((code(BINARY, 8), 20, 20), (code(TOKEN), 300, 800))

    assert [shown.text for shown in CodeReader().sight(picture).codes] == ["", TOKEN]
    assert CodeReader().read(picture) == CodeReader().read_still(picture) == [TOKEN]


def test_a_blurred_code_without_text_is_rescued_as_one() -> None:
    picture = np.asarray(cv2.GaussianBlur(scene((code(BINARY), 200, 400)), (0, 0), 2.1), np.uint8)
    reader = CodeReader()

    sights = [reader.sight(picture) for _ in decode.TURNS]

    assert decode._first_pass(picture) == ()
    assert [shown.text for shown in next(sight.codes for sight in sights if sight.codes)] == [""]


def test_of_prepared_pictures_one_without_text_does_not_end_the_search_for_one_with_text() -> None:
    prepared = [Prepared(scene((code(content), 100, 300)), 1.0) for content in (BINARY, TOKEN)]

    assert [shown.text for shown in decode._read_prepared(prepared, 1.0)] == [TOKEN]


def test_a_text_in_japanese_comes_as_it_is() -> None:
    assert CodeReader().read(scene((code("見本1"), 100, 300))) == ["見本1"]


def test_a_damaged_code_gives_nothing() -> None:
    damaged = code(TOKEN)
    damaged[70:130, 40:150] = 255

    assert CodeReader().read_still(scene((damaged, 100, 300))) == []


@pytest.mark.parametrize(("length", "is_read"), [(4096, True), (4097, False)])
def test_a_text_beyond_any_of_ours_is_dropped(length: int, is_read: bool) -> None:  # noqa: FBT001
    picture = pixels(segno.make_qr("7" * length, error="l", boost_error=False), 3)

    assert CodeReader().read(picture) == (["7" * length] if is_read else [])


def test_a_bar_code_and_an_empty_wall_give_nothing() -> None:
    bars = np.repeat(np.random.default_rng(1).integers(0, 2, 95).astype(np.uint8) * 255, 4)

    picture = scene((np.tile(bars, (100, 1)), 100, 300))

    assert CodeReader().read_still(picture) == []
    assert CodeReader().read_still(scene()) == []


def test_a_part_of_a_larger_picture_is_read_in_place() -> None:
    wide = np.dstack([scene((code(TOKEN), 100, 300))] * 3)[:, :, 1]

    assert CodeReader().read(wide) == [TOKEN]


def test_no_picture_gives_nothing() -> None:
    assert CodeReader().read_still(np.zeros((0, 0), np.uint8)) == []


@pytest.mark.parametrize("draw", HARD)
def test_a_still_that_the_first_pass_misses_is_rescued(draw: Callable[[], Gray]) -> None:
    picture = draw()

    assert decode._first_pass(picture) == ()
    assert CodeReader().read_still(picture) == [TOKEN]


@pytest.mark.parametrize("draw", HARD)
def test_in_a_stream_a_hard_code_is_read_within_one_round_of_steps(draw: Callable[[], Gray]) -> None:
    random = np.random.default_rng(3)
    reader = CodeReader()

    reads = [reader.read(tremble(draw(), random)) for _ in decode.TURNS]

    assert [TOKEN] in reads
    assert all(texts in ([], [TOKEN]) for texts in reads)


def test_what_no_single_frame_holds_is_read_from_several_together() -> None:
    frames = under_a_lamp()
    reader = CodeReader()

    reads = [reader.read(frame) for frame in frames]

    assert [CodeReader().read_still(frame) for frame in frames] == [[]] * 8
    assert [TOKEN] in reads


def test_a_card_that_was_read_is_forgotten_before_the_next_one_comes() -> None:
    reader = CodeReader()
    for frame in under_a_lamp():
        if reader.read(frame):
            break

    assert len(reader._stack) == 0


POSTER = "https://poster.example/"


def before_a_poster(picture: Gray) -> Gray:
    """What the camera sees where a code hangs at its right edge, larger than any card."""
    poster, seen = code(POSTER, 10), picture.copy()
    seen[20 : 20 + poster.shape[0], 940 : 940 + poster.shape[1]] = poster
    return seen


def that_saw_the_poster(background: Gray) -> CodeReader:
    reader = CodeReader()
    for _ in range(STANDING_FRAMES):
        reader.read(background)
    return reader


@pytest.mark.parametrize("draw", [draw for draw in HARD if draw is not tiny])  # of which luck reads 1 frame in 16
def test_a_hard_code_is_read_before_a_poster_that_is_read_in_every_frame(draw: Callable[[], Gray]) -> None:
    random = np.random.default_rng(3)
    reader = that_saw_the_poster(before_a_poster(scene()))
    frames = (before_a_poster(tremble(draw(), random)) for _ in range(2 * len(decode.TURNS)))
    missed = (frame for frame in frames if decode._texts(decode._first_pass(frame)) == [POSTER])

    reads = (reader.read(frame) for frame in missed)

    assert next(texts for texts in reads if texts != [POSTER]) == [POSTER, TOKEN]


def test_a_smeared_code_that_rests_is_read_although_the_poster_has_more_contrast() -> None:
    reader = that_saw_the_poster(before_a_poster(scene()))
    frame = before_a_poster(smeared())

    reads = [reader.read(frame) for _ in decode.TURNS]

    assert reads[0] == [POSTER]
    assert [POSTER, TOKEN] in reads


@pytest.mark.parametrize("seed", [5, 8])
def test_a_card_out_of_focus_as_a_camera_sees_it_is_read_before_a_poster(seed: int) -> None:
    taken = burst("defocus", np.random.default_rng(seed))
    turned = [np.ascontiguousarray(hard.gray[:, ::-1][::-1]) for hard in taken]  # the card at the left, not mirrored
    missed = [frame for frame in map(before_a_poster, turned) if decode._texts(decode._first_pass(frame)) == [POSTER]]
    reader = that_saw_the_poster(before_a_poster(scene()))

    reads = [reader.read(frame) for frame in missed]

    assert any(set(texts) == {POSTER, taken[0].text} for texts in reads)


def test_a_small_poster_comes_after_the_rescued_card() -> None:
    random = np.random.default_rng(3)
    small = code(POSTER, 3)
    reader = that_saw_the_poster(scene((small, 20, 1100)))

    reads = []
    for _ in decode.TURNS:
        frame = tremble(out_of_focus(), random)
        frame[20 : 20 + small.shape[0], 1100 : 1100 + small.shape[1]] = small
        reads.append(reader.read(frame))

    assert [TOKEN, POSTER] in reads


def test_a_code_seen_and_not_read_is_told_beside_a_poster() -> None:
    damaged = code(TOKEN)
    damaged[70:130, 40:150] = 255
    reader = that_saw_the_poster(before_a_poster(scene()))

    sight = reader.sight(before_a_poster(scene((damaged, 100, 300))))

    assert [shown.text for shown in sight.codes] == [POSTER]
    assert sight.unread is not None
    assert sight.unread.side == pytest.approx(41 * 4, rel=0.1)


def test_a_poster_alone_is_read_in_every_frame_and_rests_the_rescue() -> None:
    wall = before_a_poster(scene())
    reader = that_saw_the_poster(wall)

    sights = [reader.sight(wall) for _ in range(OPEN_FRAMES)]

    assert all([shown.text for shown in sight.codes] == [POSTER] for sight in sights)
    assert all(sight.unread is None for sight in sights)
    assert reader._turn == 0


def test_nothing_more_is_tried_while_somebody_holds_up_a_code_that_is_read() -> None:
    reader = that_saw_the_poster(before_a_poster(scene()))

    for frame in range(OPEN_FRAMES):
        reader.read(before_a_poster(scene((code(TOKEN), 100 + 4 * frame, 300))))

        assert reader._turn == 0


def test_a_card_that_was_rescued_before_a_poster_is_forgotten_before_the_next_one_comes() -> None:
    random = np.random.default_rng(3)
    reader = that_saw_the_poster(before_a_poster(scene()))

    while TOKEN not in reader.read(before_a_poster(tremble(out_of_focus(), random))):
        assert reader._turn < len(decode.TURNS)

    assert (len(reader._stack), reader._turn) == (0, 0)


def test_a_rescued_code_is_as_large_as_it_is_in_the_frame() -> None:
    random = np.random.default_rng(3)

    for draw in (out_of_focus, tiny, tilted):
        reader, picture = CodeReader(), draw()
        codes = next(sight.codes for _ in decode.TURNS if (sight := reader.sight(tremble(picture, random))).codes)
        side = {out_of_focus: 41 * 4, tiny: 52, tilted: 174}[draw]

        assert codes[0].area ** 0.5 == pytest.approx(side, rel=0.15)


def test_a_far_window_of_a_large_frame_is_read_and_measured_in_pixels_of_the_frame() -> None:
    large = cv2.resize(out_of_focus(), (2560, 1440), interpolation=cv2.INTER_CUBIC)
    reader = CodeReader()

    sights = [reader.sight(np.asarray(large, np.uint8)) for _ in decode.TURNS]

    codes = next(sight.codes for sight in sights if sight.codes)
    assert codes[0].text == TOKEN
    assert codes[0].area ** 0.5 == pytest.approx(2 * 41 * 4, rel=0.1)


def test_a_code_seen_and_not_read_is_told_with_its_side_and_brightness() -> None:
    damaged = code(TOKEN)
    damaged[70:130, 40:150] = 255
    reader = CodeReader()

    sight = reader.sight(scene((damaged, 100, 300)))

    assert sight.codes == ()
    assert sight.unread is not None
    assert sight.unread.side == pytest.approx(41 * 4, rel=0.1)
    assert 100 < sight.unread.brightness < 200


def test_an_empty_wall_shows_nothing_unread() -> None:
    assert CodeReader().sight(scene()) == NOTHING


def test_two_codes_come_with_their_areas() -> None:
    sight = CodeReader().sight(scene((code("SMALL", 3), 20, 20), (code("LARGE", 8), 300, 800)))

    assert [shown.text for shown in sight.codes] == ["LARGE", "SMALL"]
    assert [shown.area for shown in sight.codes] == pytest.approx([(21 * 8) ** 2, (21 * 3) ** 2], rel=0.1)


def test_of_two_hundred_long_codes_most_of_what_can_be_told_apart_is_read() -> None:
    texts = [f"{TOKEN[:-3]}{number}" for number in range(100, 300)]
    poster = np.full((1080, 1980), 255, np.uint8)
    for number, text in enumerate(texts):
        row, column = divmod(number, 20)
        small = code(text, 2)[8:-8, 8:-8]
        poster[8 + row * 106 :, 8 + column * 98 :][: small.shape[0], : small.shape[1]] = small

    read = CodeReader().read(poster)

    assert len(read) == len(set(read)) > 40
    assert set(read) <= set(texts)


@pytest.mark.parametrize("rows", [720, 90])
def test_nothing_is_rescued_where_nothing_moves_for_long(rows: int) -> None:
    reader = CodeReader()
    wall = scene()[:rows]
    for _ in range(OPEN_FRAMES):
        reader.read(wall)
    turns = reader._turn

    reader.read(wall)

    assert (turns > 0, reader._turn) == (True, 0)


def test_a_micro_code_without_error_correction_is_no_code() -> None:
    micro = pixels(segno.make_micro("36789", version="M1"), 6)

    assert CodeReader().read_still(scene((micro, 100, 300))) == []


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((0, 0), np.uint8),
        np.zeros((0, 5), np.uint8),
        np.zeros((1, 1), np.uint8),
        np.full((2, 3), 255, np.uint8),
        np.zeros((1, 40_000), np.uint8),
        np.zeros((40_000, 1), np.uint8),
        np.zeros((25, 31), np.uint8),
        np.zeros((97, 330), np.uint8),
        np.zeros((4, 4, 3), np.uint8),
        np.zeros(16, np.uint8),
        np.random.default_rng(2).integers(0, 256, (720, 1280), np.uint8),
        np.random.default_rng(2).integers(0, 256, (1440, 2560), np.uint8)[::-2, ::-2],
    ],
    ids=lambda picture: "x".join(map(str, picture.shape)),
)
def test_no_array_of_bytes_is_an_error(picture: Gray) -> None:
    reader = CodeReader()

    assert [reader.read(picture) for _ in decode.TURNS] == [[]] * len(decode.TURNS)
    assert reader.read_still(picture) == []


def test_frames_of_changing_size_are_no_error() -> None:
    reader = CodeReader()
    frames = [scene(), scene()[:480, :640], dim()[:400], scene()[:9, :9], out_of_focus()]

    reads = [reader.read(frame) for frame in frames * 3]

    assert all(texts in ([], [TOKEN]) for texts in reads)


@pytest.mark.parametrize("draw", HARD)
def test_without_zbar_the_other_steps_rescue_too(draw: Callable[[], Gray], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "_zbar", lambda: None)

    assert CodeReader().read_still(draw()) == [TOKEN]
    assert CodeReader().read_still(scene()) == []


@pytest.mark.skipif(decode._zbar() is None, reason="libzbar0 is not installed")
def test_zbar_is_not_believed_beyond_ascii() -> None:
    accented = scene((code("Zürich", encoding="utf-8"), 100, 300))

    assert decode._read_by_zbar(accented) == []
    assert decode._read_by_zbar(scene((code(TOKEN), 100, 300))) == [TOKEN]


def test_a_huge_still_is_prepared_reduced() -> None:
    huge = np.asarray(cv2.resize(held_by_a_corner(0), (5120, 2880), interpolation=cv2.INTER_CUBIC), np.uint8)

    assert CodeReader().read_still(huge) == [TOKEN]
    assert decode._bounded(huge).size <= decode.MOST_PIXELS_TO_PREPARE
