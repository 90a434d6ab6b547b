"""Draws what a booth's camera sees: a printed member card or a phone held before it, or nobody.

It takes a text, draws it as a code (level M), and gives pictures with tilt, blur, uneven light, hands and sensor noise.
It never gives a clean code, and takes all its chance from the generator handed in.
"""

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import segno
from numpy.typing import NDArray

WIDTH, HEIGHT = 1280, 720
JPEG_QUALITY = 85
QUIET_MODULES = 4
CARD_CODE_PIXELS, PHONE_CODE_PIXELS = 424, 360
FOCAL_PIXELS = 1400.0
GRAIN_ROOM = 64
LIGHT_UNIT = 160  # a light of 1.0 in 8 bits
FONT = cv2.FONT_HERSHEY_DUPLEX

# Colours are blue, green, red.
SKINS = ((142, 176, 222), (120, 160, 210), (104, 138, 190), (150, 188, 232), (86, 118, 168))
INKS = ((92, 74, 34), (44, 110, 60), (40, 66, 158), (120, 60, 96))
WALLS = ((176, 188, 192), (160, 176, 186), (188, 184, 176), (140, 150, 154))
WOODS = ((98, 134, 168), (70, 104, 140), (128, 158, 186), (150, 156, 160))

Colour = tuple[int, int, int]
Kind = Literal["card", "phone"]
Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Random = np.random.Generator


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A card or phone before the camera: H × W × 4, colour (multiplied by alpha) and alpha; and where it lies."""

    layers: Bytes
    left: int
    top: int


class Booth:
    """One camera's place: background and light stay, people come and go. Pictures are 720 × 1280 × 3, 8 bits."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._light = _light(random)
        self._card_light = _enlarged_light(self._light)
        self._phone_light = _enlarged_light(self._light * 0.5 + 0.5)  # a screen brings half of its light along
        scene = _table(random) if random.random() < 0.5 else _hall(random)
        self._background = _lit(scene, self._card_light)
        self._grain = _grain(random)

    def show(self, text: str, kind: Kind) -> Shown:
        """Somebody holds `text` before the camera, printed or on a screen. About 60 ms of CPU."""
        random = self._random
        flat, module_pixels = _card(text, random) if kind == "card" else _phone(text, random)
        view = _view(flat, module_pixels, random)
        thing = _seen(flat, view)
        thing[:, :, :3] = _lit(thing[:, :, :3], self._card_light if kind == "card" else self._phone_light)
        whole = _over(thing, _shadow(thing[:, :, 3]))
        if random.random() < 0.75:
            behind, before = _hand(flat, kind, view, random)
            skin = self._light * SKINS[int(random.integers(len(SKINS)))]
            hidden, visible = _flesh(behind, before, skin)
            whole = _over(visible, _over(whole, hidden))
        return _cut_out(_blurred(whole, random))

    def frame(self, shown: Shown | None) -> Bytes:
        """What the sensor gives at one moment: somebody, whose hand never rests, or nobody. About 10 ms of CPU."""
        picture = self._background.copy()
        if shown is not None:
            _lay_over(picture, shown, self._random)
        top, left = self._random.integers(0, GRAIN_ROOM, 2)
        grain = self._grain[top : top + HEIGHT, left : left + WIDTH]
        return np.asarray(cv2.add(picture, grain, dtype=cv2.CV_8U), np.uint8)


def to_jpeg(picture: Bytes) -> bytes:
    """The picture as a camera sends it."""
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return encoded.tobytes()


# --- what is held


def _card(text: str, random: Random) -> tuple[Bytes, int]:
    """A printed card of 85.6 × 54 mm, ten pixels each, with alpha; and how many pixels a module has."""
    card = np.full((540, 856, 3), np.array([232, 240, 243]) + random.integers(-8, 6, 3), np.uint8)
    ink = INKS[int(random.integers(len(INKS)))]
    cv2.rectangle(card, (0, 0), (856, 88), ink, -1)
    cv2.putText(card, "KUMAPO", (40, 63), FONT, 1.6, (245, 245, 245), 3, cv2.LINE_AA)
    _draw_bear(card, (170, 225), 70, ink)
    for y, width in ((350, 290), (386, 230), (440, 310), (470, 170)):
        cv2.line(card, (44, y), (44 + width, y), (150, 150, 150), 7, cv2.LINE_AA)
    code, module_pixels = _code(text, CARD_CODE_PIXELS)
    _print_code(card, code, (624, 314), ink=int(random.integers(25, 60)))
    fibres = cv2.resize(random.normal(0, 3, (270, 428)).astype(np.float32), (856, 540))
    return _rounded(_clipped(card + fibres[:, :, None]), 32), module_pixels


def _phone(text: str, random: Random) -> tuple[Bytes, int]:
    """A phone of 440 × 900 pixels showing its member screen, with alpha; and how many pixels a module has."""
    phone = np.full((900, 440, 3), random.integers(18, 46), np.uint8)
    screen = np.full((868, 408, 3), (255, 253, 250), np.uint8)
    accent = INKS[int(random.integers(len(INKS)))]
    cv2.rectangle(screen, (0, 0), (408, 96), accent, -1)
    cv2.putText(screen, "10:32", (24, 26), FONT, 0.55, (240, 240, 240), 1, cv2.LINE_AA)
    cv2.putText(screen, "KUMAPO", (24, 78), FONT, 1.1, (255, 255, 255), 2, cv2.LINE_AA)
    _draw_bear(screen, (204, 180), 42, accent)
    code, module_pixels = _code(text, PHONE_CODE_PIXELS)
    _print_code(screen, code, (204, 440), ink=int(random.integers(0, 25)))
    for y, width in ((690, 240), (722, 180)):
        cv2.line(screen, (204 - width // 2, y), (204 + width // 2, y), (120, 120, 120), 9, cv2.LINE_AA)
    cv2.rectangle(screen, (54, 770), (354, 832), accent, -1)
    phone[16:884, 16:424] = _shining(screen, random)
    return _rounded(phone, 52), module_pixels


def _code(text: str, most_pixels: int) -> tuple[Bytes, int]:
    """The code with its quiet zone, dark 0 and light 255, as large as fits; and how many pixels a module has."""
    code = segno.make_qr(text, error="m", boost_error=False)
    module_pixels = max(1, most_pixels // int(code.symbol_size(border=QUIET_MODULES)[0]))
    modules = [[0 if dark else 255 for dark in row] for row in code.matrix_iter(border=QUIET_MODULES)]
    return np.array(modules, np.uint8).repeat(module_pixels, axis=0).repeat(module_pixels, axis=1), module_pixels


def _print_code(surface: Bytes, code: Bytes, centre: tuple[int, int], ink: int) -> None:
    height, width = code.shape
    left, top = centre[0] - width // 2, centre[1] - height // 2
    place = surface[top : top + height, left : left + width]
    place[:] = np.where(code[:, :, None] == 0, np.uint8(ink), place)


def _draw_bear(surface: Bytes, centre: tuple[int, int], radius: int, ink: Colour) -> None:
    x, y = centre
    for side in (-1, 1):
        cv2.circle(surface, (x + side * radius * 7 // 10, y - radius * 7 // 10), radius * 4 // 10, ink, -1, cv2.LINE_AA)
    cv2.circle(surface, centre, radius, ink, -1, cv2.LINE_AA)
    cv2.ellipse(
        surface, (x, y + radius // 3), (radius // 2, radius * 2 // 5), 0, 0, 360, (225, 235, 240), -1, cv2.LINE_AA
    )
    for side in (-1, 1):
        cv2.circle(
            surface, (x + side * radius * 3 // 10, y - radius // 5), radius // 9, (240, 240, 240), -1, cv2.LINE_AA
        )
    cv2.circle(surface, (x, y + radius // 6), radius // 7, (40, 40, 40), -1, cv2.LINE_AA)


def _shining(screen: Bytes, random: Random) -> Bytes:
    """The screen at some brightness, with the pattern its grid makes on a sensor's, and a window mirrored in it."""
    height, width = screen.shape[:2]
    y, x = np.ogrid[0:height, 0:width]
    angle, period = random.uniform(0, np.pi), random.uniform(7, 16)
    rise, run = np.float32(np.sin(angle) / period), np.float32(np.cos(angle) / period)
    bend = np.float32(0.5) * np.sin(y.astype(np.float32) / np.float32(random.uniform(60, 120)))
    waves = np.sin(np.float32(2 * np.pi) * (run * x.astype(np.float32) + rise * y.astype(np.float32) + bend))
    pattern = 1 + np.float32(random.uniform(0.03, 0.08)) * waves
    tint = np.array([1.03, 1.0, random.uniform(0.93, 1.0)], np.float32) * np.float32(random.uniform(0.65, 1.0))
    mirrored = np.zeros((height, width), np.float32)
    lean, at, wide = random.uniform(-120, 120), random.uniform(-60, width), random.uniform(60, 150)
    corners = [(at, 0), (at + wide, 0), (at + wide + lean, height), (at + lean, height)]
    cv2.fillPoly(mirrored, [np.array(corners, np.int32)], random.uniform(10, 45))
    mirrored = np.asarray(cv2.blur(mirrored, (25, 25)), np.float32)
    return _clipped(screen * (pattern[:, :, None] * tint) + mirrored[:, :, None])


# --- the hand


@dataclass(frozen=True, slots=True)
class Limb:
    """A finger or an arm in the picture: from one point to another, as thick as that, in pixels."""

    start: tuple[int, int]
    end: tuple[int, int]
    thickness: int


def _hand(flat: Bytes, kind: Kind, view: Doubles, random: Random) -> tuple[list[Limb], list[Limb]]:
    """Limbs behind and before a thing held at its left side, well clear of its code; the arm comes from below."""
    height, width = flat.shape[:2]
    size = _length(view, flat) / width

    def limb(start: tuple[float, float], end: tuple[float, float], thickness: float) -> Limb:
        return Limb(_project(view, start), _project(view, end), max(1, round(thickness * size)))

    y = height * float(random.uniform(0.6, 0.75))
    if kind == "card":
        palm = limb((-70, y + 150), (150, y + 60), 170)
        thumb = [limb((-90, y + 130), (random.uniform(45, 105), y), 92)]
        tips = []
    else:
        palm = limb((-30, y + 150), (width / 2, y + 110), 210)
        thumb = [limb((-60, y + 120), (4, y - 60), 76)]
        tips = [limb((width + 14, y - 150 + 74 * i), (width - 4, y - 154 + 74 * i), 62) for i in range(4)]
    elbow = (palm.start[0] + int(random.integers(-320, 40)), HEIGHT + 300)
    return [palm, Limb(palm.start, elbow, palm.thickness)], thumb + tips


def _flesh(behind: list[Limb], before: list[Limb], skin: Floats) -> tuple[Bytes, Bytes]:
    """Limbs behind and before the thing, of one lit colour (90 × 160 × 3): light on top, dark toward the edges."""
    masks = _mask(behind), _mask(before)
    whole = cv2.resize(cv2.max(*masks), (WIDTH // 8, HEIGHT // 8), interpolation=cv2.INTER_AREA)
    roundness = cv2.GaussianBlur(whole, (0, 0), 2.2)[:, :, None] * np.float32(0.65 / 255) + np.float32(0.38)
    colour = np.asarray(cv2.resize(_clipped(skin * roundness), (WIDTH, HEIGHT)), np.uint8)
    return _layer(colour, masks[0]), _layer(colour, masks[1])


def _mask(limbs: list[Limb]) -> Bytes:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for limb in limbs:
        cv2.line(mask, limb.start, limb.end, 255, limb.thickness, cv2.LINE_AA)
    return mask


def _shadow(alpha: Bytes) -> Bytes:
    """What the thing takes of the light behind it, below and to its right."""
    small = cv2.resize(np.roll(alpha, (12, 9), (0, 1)), (WIDTH // 8, HEIGHT // 8), interpolation=cv2.INTER_AREA)
    soft = cv2.resize(cv2.GaussianBlur(small, (0, 0), 2.2), (WIDTH, HEIGHT))
    layer = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    layer[:, :, 3] = soft // 2
    return layer


# --- the camera


def _view(flat: Bytes, module_pixels: int, random: Random) -> Doubles:
    """How a plane held before the camera falls on the sensor: tilted, off the middle, 4.7–6.1 pixels a module."""
    height, width = flat.shape[:2]
    tilt, turn = random.uniform(-24, 24, 2)
    roll = random.uniform(-20, 20)
    scale = random.uniform(4.7, 6.1) / module_pixels
    rotation = _rotation(0, tilt) @ _rotation(1, turn) @ _rotation(2, roll)
    plane = rotation @ np.array([[1.0, 0, -width / 2], [0, 1.0, -height / 2], [0, 0, 0]])
    plane[2, 2] += FOCAL_PIXELS / scale
    x, y = WIDTH / 2 + random.uniform(-150, 150), HEIGHT / 2 + random.uniform(-50, 50)
    return np.asarray(np.array([[FOCAL_PIXELS, 0, x], [0, FOCAL_PIXELS, y], [0, 0, 1]]) @ plane, np.float64)


def _seen(flat: Bytes, view: Doubles) -> Bytes:
    return np.asarray(cv2.warpPerspective(flat, view, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR), np.uint8)


def _project(view: Doubles, point: tuple[float, float]) -> tuple[int, int]:
    x, y, depth = view @ np.array([*point, 1.0])
    return round(x / depth), round(y / depth)


def _length(view: Doubles, flat: Bytes) -> float:
    """Pixels from the middle of the thing's left edge to that of its right one."""
    height, width = flat.shape[:2]
    return float(np.hypot(*np.subtract(_project(view, (width, height / 2)), _project(view, (0, height / 2)))))


def _rotation(axis: int, degrees: float) -> Doubles:
    vector = np.zeros(3)
    vector[axis] = np.radians(degrees)
    return np.asarray(cv2.Rodrigues(vector)[0], np.float64)


def _blurred(seen: Bytes, random: Random) -> Bytes:
    """Not quite in focus, and in one picture of three moved while the shutter was open."""
    seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), random.uniform(0.9, 1.4)), np.uint8)
    if random.random() < 0.35:
        length = int(random.integers(3, 6))
        kernel = np.zeros((5, 5), np.float32)
        start, end = ((0, 2), (length - 1, 2)) if random.random() < 0.5 else ((2, 0), (2, length - 1))
        cv2.line(kernel, start, end, 1.0)
        seen = np.asarray(cv2.filter2D(seen, -1, kernel / kernel.sum()), np.uint8)
    return seen


def _cut_out(seen: Bytes) -> Shown:
    left, top, width, height = cv2.boundingRect(seen[:, :, 3])
    return Shown(seen[top : top + height, left : left + width].copy(), left, top)


def _lay_over(picture: Bytes, shown: Shown, random: Random) -> None:
    """Lays the thing into the picture, shifted and turned a little as a hand trembles."""
    height, width = shown.layers.shape[:2]
    move = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), random.normal(0, 0.25), 1), np.float64)
    move[:, 2] += random.normal(0, 1.2, 2)
    moved = cv2.warpAffine(shown.layers, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
    place = picture[shown.top : shown.top + height, shown.left : shown.left + width]
    rest = cv2.cvtColor(255 - moved[:, :, 3], cv2.COLOR_GRAY2BGR)
    place[:] = cv2.add(cv2.multiply(place, rest, scale=1 / 255), moved[:, :, :3])


def _light(random: Random) -> Floats:
    """How bright the scene is at each place (90 × 160 × 3): a slope, a lamp, dark corners, a colour cast."""
    y, x = np.mgrid[-1:1:90j, -1:1:160j]
    angle = random.uniform(0, 2 * np.pi)
    slope = random.uniform(0.05, 0.2) * (np.cos(angle) * x + np.sin(angle) * y)
    lamp_x, lamp_y = random.uniform(-1, 1, 2)
    lamp = random.uniform(0, 0.18) * np.exp(-((x - lamp_x) ** 2 + (y - lamp_y) ** 2) / 0.3)
    corners = 0.12 * (x**2 + y**2)
    field = random.uniform(0.62, 1.0) + slope + lamp - corners
    cast = np.array([random.uniform(0.88, 1.02), 1.0, random.uniform(0.97, 1.05)])
    return np.asarray(field[:, :, None] * cast, np.float32)


def _enlarged_light(light: Floats) -> Bytes:
    return np.asarray(cv2.resize(_clipped(light * LIGHT_UNIT), (WIDTH, HEIGHT)), np.uint8)


def _grain(random: Random) -> NDArray[np.int16]:
    """Sensor noise as a camera's own colour filter smears it, larger than a picture so that each takes another part."""
    size = (HEIGHT + GRAIN_ROOM, WIDTH + GRAIN_ROOM, 3)
    colour = cv2.GaussianBlur(random.standard_normal(size, np.float32), (0, 0), 0.8)
    brightness = cv2.GaussianBlur(random.standard_normal(size[:2], np.float32), (0, 0), 0.5)
    return np.asarray((colour * 5 + brightness[:, :, None] * 7) * random.uniform(0.8, 1.5), np.int16)


# --- the place


def _table(random: Random) -> Bytes:
    """A table top seen from above: grain, planks, some leaflets."""
    wood = WOODS[int(random.integers(len(WOODS)))]
    streaks = cv2.resize(random.standard_normal((240, 10), np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    spots = cv2.resize(random.standard_normal((180, 320), np.float32), (WIDTH, HEIGHT))
    scene = _clipped(np.array(wood, np.float32) + (7 * streaks + 3 * spots)[:, :, None])
    for y in range(int(random.integers(0, 200)), HEIGHT, 210):
        cv2.line(scene, (0, y), (WIDTH, y + 6), tuple(value * 0.6 for value in wood), 3, cv2.LINE_AA)
    for _ in range(int(random.integers(1, 4))):
        _draw_leaflet(scene, random)
    return np.asarray(cv2.GaussianBlur(scene, (0, 0), 1.6), np.uint8)


def _draw_leaflet(scene: Bytes, random: Random) -> None:
    centre = (
        float(random.uniform(0, WIDTH)),
        float(random.choice([random.uniform(0, 120), random.uniform(600, HEIGHT)])),
    )
    corners = cv2.boxPoints((centre, (300.0, 420.0), float(random.uniform(0, 180))))
    cv2.fillPoly(scene, [corners.astype(np.int32)], _muted(random, 170, 245), cv2.LINE_AA)
    for share in np.linspace(0.15, 0.85, 9):
        start, end = corners[0] + (corners[1] - corners[0]) * share, corners[3] + (corners[2] - corners[3]) * share
        inset = (end - start) * 0.1
        ends = [tuple(int(value) for value in point) for point in (start + inset, end - inset * random.uniform(1, 4))]
        cv2.line(scene, ends[0], ends[1], (90, 90, 90), 4, cv2.LINE_AA)


def _hall(random: Random) -> Bytes:
    """A hall far behind, out of focus: wall, floor, lamps, stands and people. Drawn at a quarter, then enlarged."""
    width, height = WIDTH // 4, HEIGHT // 4
    scene = np.full((height, width, 3), WALLS[int(random.integers(len(WALLS)))], np.uint8)
    floor = int(random.integers(100, 140))
    scene[floor:] = _muted(random, 80, 140)
    for x in random.integers(0, width, 9):
        colour = _muted(random, 40, 190)
        tall, wide = int(random.integers(30, 110)), int(random.integers(8, 34))
        cv2.rectangle(scene, (int(x), floor + 20 - tall), (int(x) + wide, floor + 20), colour, -1)
        if wide < 20:  # a person
            cv2.circle(scene, (int(x) + wide // 2, floor + 14 - tall), wide // 2, (105, 140, 185), -1)
    for x in random.integers(0, width, 4):
        cv2.ellipse(scene, (int(x), int(random.integers(0, 30))), (18, 4), 0, 0, 360, (250, 252, 255), -1)
    soft = cv2.GaussianBlur(scene, (0, 0), random.uniform(2.5, 5))
    return np.asarray(cv2.resize(soft, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)


# --- pixels


def _muted(random: Random, darkest: int, lightest: int) -> Colour:
    """A colour as rooms have them, more gray than anything else."""
    gray = random.uniform(darkest, lightest)
    blue, green, red = np.clip(gray + random.normal(0, 18, 3), 0, 255)
    return int(blue), int(green), int(red)


def _lit(picture: Bytes, light: Bytes) -> Bytes:
    return np.asarray(cv2.multiply(picture, light, scale=1 / LIGHT_UNIT), np.uint8)


def _clipped(picture: NDArray[np.floating[Any]]) -> Bytes:
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def _rounded(picture: Bytes, radius: int) -> Bytes:
    """With alpha: opaque but for its round corners."""
    height, width = picture.shape[:2]
    alpha = np.zeros((height, width), np.uint8)
    cv2.rectangle(alpha, (radius, radius), (width - radius - 1, height - radius - 1), 255, 2 * radius)
    cv2.rectangle(alpha, (radius, radius), (width - radius - 1, height - radius - 1), 255, -1)
    return _layer(picture, alpha)


def _layer(colour: Bytes, alpha: Bytes) -> Bytes:
    """Colour multiplied by alpha, and alpha."""
    layer = cv2.cvtColor(alpha, cv2.COLOR_GRAY2BGRA)
    layer[:, :, 3] = alpha
    return np.asarray(cv2.multiply(layer, cv2.cvtColor(colour, cv2.COLOR_BGR2BGRA), scale=1 / 255), np.uint8)


def _over(upper: Bytes, lower: Bytes) -> Bytes:
    """One layer over another, both with their colour multiplied by alpha."""
    rest = cv2.cvtColor(255 - upper[:, :, 3], cv2.COLOR_GRAY2BGRA)
    rest[:, :, 3] = rest[:, :, 0]
    return np.asarray(cv2.add(upper, cv2.multiply(lower, rest, scale=1 / 255)), np.uint8)
