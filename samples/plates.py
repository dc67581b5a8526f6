"""Drawn licence plates: shapes, colours and letter patterns of several countries, on one line and on two.

They are drawn from scratch with Pillow's own typeface and OpenCV's stroke fonts; every number is random, no plate is
copied from a photograph.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from anonymize.samples.encode import Picture

Colour = tuple[int, int, int]
"""RGB."""

WHITE: Colour = (238, 240, 240)
BLACK: Colour = (24, 24, 26)
YELLOW: Colour = (246, 200, 40)
BLUE: Colour = (20, 60, 150)
RED: Colour = (170, 30, 40)
GREEN: Colour = (20, 110, 70)
SUPERSAMPLE = 2


@dataclass(frozen=True, slots=True)
class Design:
    """What one kind of plate looks like.

    Args:
        name: unique, ``country`` or ``country variant``.
        size: (width, height) in millimetres.
        lines: patterns, one a line of text: ``A`` a letter, ``0`` a digit, anything else stands for itself.
        ground: colour of the plate.
        ink: colour of the letters and the border.
        strip: letters in a blue strip at the left; None for no strip.
        header: words in a coloured band along the top; None for no band.
        band: colour of the header's band; the ground's own colour when None.
        letters: the letters in use.
        strokes: drawn with OpenCV's stroke font, as in countries with thin-lined plates, not with Pillow's typeface.
    """

    name: str
    size: tuple[int, int]
    lines: tuple[str, ...]
    ground: Colour = WHITE
    ink: Colour = BLACK
    strip: str | None = None
    header: str | None = None
    band: Colour | None = None
    letters: str = "ABCDEFGHJKLMNPRSTUVWXYZ"
    strokes: bool = False


DESIGNS = (
    Design("germany", (520, 110), ("A·AA 0000",), strip="D"),
    Design("germany two lines", (340, 200), ("AA", "AA 000"), strip="D"),
    Design("france", (520, 110), ("AA-000-AA",), strip="F"),
    Design("spain", (520, 110), ("0000 AAA",), strip="E", letters="BCDFGHJKLMNPRSTVWXYZ"),
    Design("spain motorcycle", (220, 160), ("0000", "AAA"), strip="E", letters="BCDFGHJKLMNPRSTVWXYZ"),
    Design("netherlands", (520, 110), ("AA-000-A",), YELLOW, strip="NL", letters="BDFGHJKLNPRSTVXZ"),
    Design("romania", (520, 110), ("B 000 AAA",), strip="RO"),
    Design("norway", (520, 110), ("AA 00000",), strip="N"),
    Design("britain front", (520, 111), ("AA00 AAA",), letters="ABCDEFGHJKLMNOPRSTUVWXY"),
    Design("britain rear", (520, 111), ("AA00 AAA",), YELLOW, letters="ABCDEFGHJKLMNOPRSTUVWXY"),
    Design("britain two lines", (285, 203), ("AA00", "AAA"), YELLOW, letters="ABCDEFGHJKLMNOPRSTUVWXY"),
    Design("switzerland rear", (300, 160), ("ZH", "000 000")),
    Design("california", (305, 152), ("0AAA000",), ink=BLUE, header="California"),
    Design("texas", (305, 152), ("AAA-0000",), header="TEXAS", strokes=True),
    Design("new york", (305, 152), ("AAA-0000",), YELLOW, BLUE, header="NEW YORK", band=BLUE),
    Design("ontario", (305, 152), ("AAAA-000",), ink=BLUE, header="ONTARIO"),
    Design("india", (500, 120), ("MH 00 AA 0000",), strokes=True),
    Design("india taxi", (500, 120), ("DL 0A AA 0000",), YELLOW, strokes=True),
    Design("india motorcycle", (200, 100), ("KA 00 A", "0000"), strokes=True),
    Design("brazil", (400, 130), ("AAA0A00",), header="BRASIL", band=BLUE),
    Design("brazil motorcycle", (200, 170), ("AAA", "0A00"), header="BRASIL", band=BLUE),
    Design("malaysia", (520, 110), ("AAA 0000",), BLACK, WHITE),
    Design("australia", (372, 134), ("AAA-00A",), ink=GREEN, header="NEW SOUTH WALES"),
    Design("denmark", (504, 120), ("AA 00 000",), ink=BLACK),
    Design("belgium", (520, 110), ("0-AAA-000",), ink=RED, strip="B"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Plate:
    """A drawn plate: its picture (height, width, 3) BGR, the name of its `Design`, and its text, one entry a line."""

    picture: Picture
    design: str
    text: tuple[str, ...]


def render_plate(
    rng: np.random.Generator, *, design: Design | None = None, height: int = 110, wear: float = 0.3
) -> Plate:
    """Draw a plate with a random number, seen straight on.

    Args:
        rng: decides the number, the wear and, if it is not given, the design.
        design: one of `DESIGNS`, any of them when None.
        height: of the picture, in pixels; the width follows from the design.
        wear: 0 (new) to 1: dirt, faded ink and uneven light.
    """
    design = design or DESIGNS[int(rng.integers(len(DESIGNS)))]
    text = tuple(_fill(line, design.letters, rng) for line in design.lines)
    big = height * SUPERSAMPLE
    image = Image.new("RGB", (round(big * design.size[0] / design.size[1]), big), design.ground)
    box = _decorate(image, design)
    for index, line in enumerate(text):
        _write(image, line, _line_box(box, index, len(text)), design, rng)
    picture = cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2BGR)
    picture = cv2.resize(picture, (image.width // SUPERSAMPLE, height), interpolation=cv2.INTER_AREA)
    return Plate(_worn(np.asarray(picture, np.uint8), wear, rng), design.name, text)


def _fill(pattern: str, letters: str, rng: np.random.Generator) -> str:
    """Replace each ``A`` by one of `letters` and each ``0`` by a digit."""
    return "".join(
        letters[int(rng.integers(len(letters)))] if c == "A" else str(rng.integers(10)) if c == "0" else c
        for c in pattern
    )


def _decorate(image: Image.Image, design: Design) -> tuple[int, int, int, int]:
    """Draw border, strip and header; return what is left for the number, as pixel box."""
    draw = ImageDraw.Draw(image)
    w, h = image.size
    x0, y0 = round(0.05 * h), round(0.07 * h)
    if design.strip is not None:
        x0 = round(0.10 * w if len(design.lines) == 1 else 0.15 * w)
        draw.rectangle((0, 0, x0, h), fill=BLUE)
        draw.ellipse((0.25 * x0, 0.12 * h, 0.75 * x0, 0.12 * h + 0.5 * x0), outline=YELLOW, width=max(1, h // 50))
        _centred(draw, design.strip, (0, round(0.55 * h), x0, round(0.92 * h)), WHITE)
        x0 += round(0.03 * h)
    if design.header is not None:
        y0 = round(0.24 * h)
        if design.band is not None:
            draw.rectangle((0, 0, w, y0), fill=design.band)
        _centred(draw, design.header, (0, round(0.04 * h), w, y0), WHITE if design.band else design.ink)
    draw.rounded_rectangle((1, 1, w - 2, h - 2), radius=h // 14, outline=design.ink, width=max(2, h // 45))
    return x0, y0, w - round(0.05 * h), h - round(0.06 * h)


def _line_box(box: tuple[int, int, int, int], index: int, count: int) -> tuple[int, int, int, int]:
    x0, y0, x1, y1 = box
    step = (y1 - y0) / count
    return x0, round(y0 + index * step), x1, round(y0 + (index + 1) * step)


def _write(
    image: Image.Image, text: str, box: tuple[int, int, int, int], design: Design, rng: np.random.Generator
) -> None:
    """Write one line to fill its box, letters squeezed as far as plates do."""
    mask = _stroked(text, rng) if design.strokes else _typeset(text)
    width, height = box[2] - box[0], box[3] - box[1]
    tall = round(0.86 * height)
    wide = min(round(0.94 * width), round(mask.shape[1] * tall / mask.shape[0]))
    glyphs = cv2.resize(mask, (max(1, wide), max(1, tall)), interpolation=cv2.INTER_AREA)
    place = (box[0] + (width - wide) // 2, box[1] + (height - tall) // 2)
    image.paste(design.ink, place, Image.fromarray(np.asarray(glyphs, np.uint8)))


def _typeset(text: str) -> NDArray[np.uint8]:
    """Set `text` in Pillow's typeface, bold and narrow as on plates; a mask (rows, columns), cropped to the letters."""
    font = ImageFont.load_default(200)
    left, top, right, bottom = font.getbbox(text, stroke_width=7)
    mask = Image.new("L", (round(right - left), round(bottom - top)))
    ImageDraw.Draw(mask).text((-left, -top), text, fill=255, font=font, stroke_width=7)
    return np.asarray(mask.resize((round(mask.width * 0.8), mask.height)), np.uint8)


def _stroked(text: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw `text` in one of OpenCV's stroke fonts; a mask, cropped to the letters."""
    font = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX)[int(rng.integers(3))]
    (width, height), base = cv2.getTextSize(text, font, 5.0, 18)
    mask = np.zeros((height + base + 40, width + 40), np.uint8)
    cv2.putText(mask, text, (20, height + 20), font, 5.0, (255,), 18, cv2.LINE_AA)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _centred(draw: ImageDraw.ImageDraw, text: str, box: tuple[int, int, int, int], colour: Colour) -> None:
    """Write small words, as large as fits, in the middle of `box`."""
    width, height = box[2] - box[0], box[3] - box[1]
    reference = ImageFont.load_default(100)
    left, top, right, bottom = reference.getbbox(text)
    font = ImageFont.load_default(max(6.0, 85 * min(width / (right - left), height / (bottom - top))))
    draw.text((box[0] + width / 2, box[1] + height / 2), text, fill=colour, font=font, anchor="mm")


def _worn(picture: Picture, wear: float, rng: np.random.Generator) -> Picture:
    """Fade, soil and light a new plate unevenly."""
    height, width = picture.shape[:2]
    values = picture.astype(np.float32)
    values += (128 - values) * (0.35 * wear * rng.random())
    left, right = rng.uniform(1 - 0.4 * wear, 1, 2)
    top, bottom = rng.uniform(1 - 0.3 * wear, 1, 2)
    light = np.outer(np.linspace(top, bottom, height), np.linspace(left, right, width))
    dirt = cv2.resize(rng.random((6, 16), dtype=np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    values *= (light * (1 - 0.35 * wear * dirt))[..., None].astype(np.float32)
    return np.asarray(np.clip(values, 0, 255), np.uint8)
