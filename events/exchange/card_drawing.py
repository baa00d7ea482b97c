"""The picture of a page that is passed on: 1200 × 630, a wall, a door with its paint, its light and words.

Drawn by Pillow from the site's own faces (WOFF 2, which FreeType reads); where the front-end packages are not
installed, with the face inside Pillow. What no face has is written with its base letters or left out: no
name, however odd, stops it.
"""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final

from django.contrib.staticfiles import finders
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT = 1200, 630
EDITION: Final = 1
"""Raised when the drawing changes, so that every picture gets a new address."""

WALL, CREAM, LIGHT, NIGHT, SOFT = "#16213a", "#fdfaf1", "#ffd75e", "#16213a", "#b4bccd"
PAINTS: Final = {
    "pastel": "#5f8db3",
    "brique": "#c05a38",
    "wagon": "#2f6b57",
    "ocre": "#a9741a",
    "prune": "#7d4a70",
    "ardoise": "#5d687d",
}
LEFT, TEXT_WIDTH, MOST_LETTERS = 72, 690, 240
TITLE_TOP, TITLE_BOTTOM, FOOT_BASELINE = 132, 520, 606
SIZES = range(116, 43, -6)
LINE, MOST_LINES = 1.04, 5
FLOOR = 520
DOOR_LEFT, DOOR_SCALE = 812, 7.2
SHARP = 2
"""Shapes are drawn that many times larger and brought down: Pillow's own edges are jagged."""

DISPLAY = "fonts/bricolage-grotesque/files/bricolage-grotesque-{}-opsz-normal.woff2"
TEXT = "fonts/instrument-sans/files/instrument-sans-{}-wght-normal.woff2"
SUBSETS = ("latin", "latin-ext")
ABSENT = "\uffff"


@dataclass(frozen=True, slots=True)
class Words:
    """What is written, and on which door. ``door``: ``open``, ``frame`` (drop-in), ``shut`` or ``past``."""

    title: str
    above: str = ""
    below: str = ""
    paint: str = "brique"
    door: str = "open"


def draw_card(words: Words) -> bytes:
    """The picture as PNG."""
    sheet = _empty(words.paint if words.paint in PAINTS else "brique", words.door).copy()
    pen = ImageDraw.Draw(sheet)
    title = drawable(words.title) or drawable(words.below).partition(" · ")[0]
    lines, size = _fit(title)
    face = Face(DISPLAY, size, 800)
    above = _shortened(drawable(words.above), Face(TEXT, 30, 600), TEXT_WIDTH)
    height = len(lines) * size * LINE
    top = TITLE_TOP + max(0.0, (TITLE_BOTTOM - TITLE_TOP - height) / 2)
    if above:
        Face(TEXT, 30, 600).write(pen, LEFT, top - 26, above, LIGHT)
    for n, line in enumerate(lines):
        face.write(pen, LEFT, top + n * size * LINE + size * 0.86, line, CREAM)
    foot = Face(TEXT, 28, 700)
    foot.write(pen, LEFT, FOOT_BASELINE, _shortened(drawable(words.below), foot, 1056), NIGHT)
    out = io.BytesIO()
    sheet.quantize(128, dither=Image.Dither.NONE).save(out, "PNG", compress_level=6)
    return out.getvalue()


def empty_card() -> bytes:
    """The wall and the door alone: what is given while too many pictures are asked for at once."""
    out = io.BytesIO()
    _empty("brique", "open").save(out, "PNG", compress_level=1)
    return out.getvalue()


# Words -----------------------------------------------------------------------------------------------------


class Face:
    """A face at a size, in its two halves: common Latin letters, and the rarer ones."""

    def __init__(self, path: str, size: int, weight: int) -> None:
        self.halves = [half for subset in SUBSETS if (half := _font(path.format(subset), size, weight))]
        if not self.halves:
            self.halves = [_default(size)]

    def runs(self, text: str) -> Iterator[tuple[Any, str]]:
        """The text in pieces, each with the half that has its letters."""
        piece, of = "", self.halves[0]
        for sign in text:
            half = next((one for one in self.halves if _has(one, sign)), of)
            if half is not of and piece:
                yield of, piece
                piece = ""
            piece, of = piece + sign, half
        if piece:
            yield of, piece

    def width(self, text: str) -> float:
        return float(sum(font.getlength(piece) for font, piece in self.runs(text)))

    def write(self, pen: ImageDraw.ImageDraw, x: float, baseline: float, text: str, colour: str) -> None:
        for font, piece in self.runs(text):
            pen.text((x, baseline), piece, font=font, fill=colour, anchor="ls")
            x += font.getlength(piece)


@lru_cache(maxsize=64)
def _font(path: str, size: int, weight: int) -> Any:
    """None where the face is not installed or cannot be read."""
    found = finders.find(path)
    if not found:
        return None
    try:
        font = ImageFont.truetype(str(found), size)
        axes: list[float] = [min(size, 96), weight] if "opsz" in path else [weight]
        font.set_variation_by_axes(axes)
    except (OSError, ValueError):
        return None
    return font


@lru_cache(maxsize=32)
def _default(size: int) -> Any:
    return ImageFont.load_default(size)


@lru_cache(maxsize=4096)
def _has(font: Any, sign: str) -> bool:
    """Whether the face draws this sign, and not the box that stands for what it lacks."""
    if sign.isspace():
        return True
    drawn, absent = font.getmask(sign), font.getmask(ABSENT)
    return (drawn.size, bytes(drawn)) != (absent.size, bytes(absent)) and drawn.size[0] > 0


def drawable(text: str) -> str:
    """The text with what the faces can write: rare letters bare of their marks, the rest left out."""
    halves = Face(DISPLAY, 44, 800).halves
    signs = []
    for sign in unicodedata.normalize("NFC", text[: MOST_LETTERS * 4]):
        signs += list(_spelled(sign, halves))
        if len(signs) >= MOST_LETTERS:
            break
    return " ".join(word for word in "".join(signs).split(" ") if word).strip()


def _spelled(sign: str, halves: Sequence[Any]) -> Iterable[str]:
    if sign in "\n\r\t\u2028\u2029":
        return " "
    if not sign.isprintable() and sign != "\u00a0":
        return ""
    if any(_has(half, sign) for half in halves):
        return sign
    bare = unicodedata.normalize("NFKD", sign)
    return "".join(
        one for one in bare if not unicodedata.combining(one) and any(_has(h, one) for h in halves)
    )


def _fit(title: str) -> tuple[list[str], int]:
    """The title in the largest size in which its lines have room; beyond the smallest, cut short."""
    for size in SIZES:
        lines = list(_wrapped(title, Face(DISPLAY, size, 800)))
        whole_words = not any(len(word) > 3 and _is_cut(word, lines) for word in title.split(" "))
        if len(lines) * size * LINE <= TITLE_BOTTOM - TITLE_TOP and len(lines) <= MOST_LINES and whole_words:
            return lines, size
    size = SIZES[-1]
    face = Face(DISPLAY, size, 800)
    lines = list(_wrapped(title, face))
    most = min(MOST_LINES + 2, int((TITLE_BOTTOM - TITLE_TOP) // (size * LINE)))
    if len(lines) > most:
        lines = [*lines[: most - 1], _shortened(" ".join(lines[most - 1 :]), face, TEXT_WIDTH)]
    return lines, size


def _is_cut(word: str, lines: Sequence[str]) -> bool:
    return not any(word in line for line in lines)


def _wrapped(text: str, face: Face) -> Iterator[str]:
    """Lines no wider than the room; a word wider than that is cut."""
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}".strip()
        if face.width(longer) <= TEXT_WIDTH:
            line = longer
            continue
        if line:
            yield line
        while face.width(word) > TEXT_WIDTH:
            most = max(1, _most(word, lambda part: face.width(part) <= TEXT_WIDTH))
            yield word[:most]
            word = word[most:]
        line = word
    if line:
        yield line


def _shortened(text: str, face: Face, width: int) -> str:
    """The text, or as much of it as there is room for, and an ellipsis."""
    if face.width(text) <= width:
        return text
    kept = text[: _most(text, lambda part: face.width(f"{part}…") <= width)]
    return f"{kept.rstrip(' ,;:·.')}…"


def _most(text: str, fits: Callable[[str], bool]) -> int:
    """How many letters fit of a text that does not: halved again and again, as each measure costs."""
    there_is_room, too_many = 0, len(text)
    while too_many - there_is_room > 1:
        middle = (there_is_room + too_many) // 2
        if fits(text[:middle]):
            there_is_room = middle
        else:
            too_many = middle
    return there_is_room


# The wall and the door -------------------------------------------------------------------------------------

Points = Sequence[tuple[float, float]]


@cache
def _empty(paint: str, door: str) -> Image.Image:
    """The wall, the door and the light on the floor, before anything is written. Never change it."""
    sheet = Image.new("RGB", (WIDTH * SHARP, HEIGHT * SHARP), WALL)
    pen = ImageDraw.Draw(sheet)
    lit = door != "past"
    floor = [(0, 560), _on_door(17, 63), _on_door(43, 63), (1200, 600), (1200, 630), (0, 630)]
    _shape(pen, floor if lit else [(0, FLOOR), (1200, FLOOR), (1200, 630), (0, 630)], LIGHT if lit else SOFT)
    if door in ("open", "frame"):
        _shape(pen, [_on_door(*at) for at in ((17, 7), (43, 7), (43, 63), (17, 63))], LIGHT)
    if door == "frame":
        inner = ((24, 20), (36, 20), (36, 53), (24, 53))
        _line(pen, [*(_on_door(*at) for at in inner), _on_door(*inner[0])], "#8a6a10", 9)
        for near, far in zip(((17, 7), (43, 7), (43, 63), (17, 63)), inner, strict=True):
            _line(pen, [_on_door(*near), _on_door(*far)], "#8a6a10", 9)
    _line(pen, [_on_door(*at) for at in ((16, 63), (16, 6), (44, 6), (44, 63))], CREAM, 13)
    leaf, panels, knob = _leaf(door)
    if leaf:
        _shape(pen, [_on_door(*at) for at in leaf], PAINTS[paint])
        _line(pen, [*(_on_door(*at) for at in leaf), _on_door(*leaf[0])], CREAM, 13)
    for panel in panels:
        _line(pen, [*(_on_door(*at) for at in panel), _on_door(*panel[0])], "#e7e3da", 7)
    if knob:
        x, y = _on_door(*knob)
        box = [(x - 12) * SHARP, (y - 12) * SHARP, (x + 12) * SHARP, (y + 12) * SHARP]
        pen.ellipse(box, fill=LIGHT, outline=NIGHT, width=5 * SHARP)
    if door == "shut":
        _shape(pen, [_on_door(*at) for at in ((17, 60.5), (43, 60.5), (43, 63), (17, 63))], LIGHT)
    return sheet.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def _leaf(door: str) -> tuple[Points, Sequence[Points], tuple[float, float] | None]:
    """The leaf in the units of the site's drawings (60 × 72): outline, panels, knob."""
    if door == "open":
        outline = ((16, 6), (4, 1), (4, 71), (16, 63))
        return (
            outline,
            (((13, 13), (7, 11), (7, 31), (13, 30.5)), ((13, 37), (7, 37.5), (7, 61), (13, 57))),
            (6.5, 34),
        )
    if door == "frame":
        return (), (), None
    outline = ((16, 6), (44, 6), (44, 63), (16, 63))
    return (
        outline,
        (((21, 12), (39, 12), (39, 31), (21, 31)), ((21, 37), (39, 37), (39, 57), (21, 57))),
        (41, 34),
    )


def _on_door(x: float, y: float) -> tuple[float, float]:
    return DOOR_LEFT + x * DOOR_SCALE, FLOOR - (63 - y) * DOOR_SCALE


def _shape(pen: ImageDraw.ImageDraw, points: Points, colour: str) -> None:
    pen.polygon([(x * SHARP, y * SHARP) for x, y in points], fill=colour)


def _line(pen: ImageDraw.ImageDraw, points: Points, colour: str, width: int) -> None:
    pen.line([(x * SHARP, y * SHARP) for x, y in points], fill=colour, width=width * SHARP, joint="curve")
