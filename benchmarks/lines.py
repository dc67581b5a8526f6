"""How much drawn text is covered by one look, by its height, and how long a look takes.

    python -m benchmarks.lines --pictures FOLDER

Lines of Latin text in Pillow's own typeface are drawn on photos, dark or bright, half of them on a plate of their own,
one picture in four turned; then saved as JPEG. A line counts as covered from 90% of its box on. Time is that of the
processor, one thread.
"""

from __future__ import annotations

import math
import random
import time
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from anonymize.data import Kind
from anonymize.detect import IN_THIS_THREAD, build
from anonymize.detect.multiscale import GROUPS, detect_in_shape
from anonymize.detect.text.matching import Matcher
from anonymize.settings import Settings, TextRules

SIZE = (1280, 720)
HEIGHTS = (8, 10, 12, 14, 16, 20, 28, 40, 64)
WORDS = (
    *("Anna Schmidt", "Invoice 4711", "Dr. M. Weber", "anna.k@example.org", "+49 151 2345678", "Confidential", "EXIT"),
    *(
        "Room 214",
        "Rue Lafayette 12",
        "Password: x7Q!k",
        "Patient 00912",
        "24.11.2026 09:41",
        "IBAN DE89 3704",
        "NO ENTRY",
    ),
)
COVERED = 0.9
"""Share of a line's box."""
Picture = NDArray[np.uint8]
Drawn = tuple[int, int, int, int, int, bool]
"""Box, height, and whether on a plate of its own."""


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95% interval of a share (Wilson's)."""
    z, share = 1.96, hits / of
    middle, half = share + z * z / (2 * of), z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - half) / (1 + z * z / of), (middle + half) / (1 + z * z / of)


class Still:
    """A picture as a frame."""

    index, pts, time_base, aspects = 0, 0, Fraction(1), (Fraction(1),)

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.height, self.width = picture.shape[:2]

    def bgr(self, width: int, height: int) -> Picture:
        """See `Frame.bgr`."""
        how = cv2.INTER_AREA if width < self.width else cv2.INTER_LINEAR
        return cv2.resize(self.picture, (width, height), interpolation=how).astype(np.uint8)


def drawn(ground: Picture, seed: int, turned: tuple[int, ...] = ()) -> tuple[Picture, list[Drawn]]:
    """`ground` (BGR) with some twenty lines drawn on it, as a JPEG shows them, and where they are."""
    chance = random.Random(seed)
    image, taken, lines = Image.fromarray(ground[..., ::-1]), np.zeros(ground.shape[:2], bool), list[Drawn]()
    for _ in range(90):
        height, words = chance.choice(HEIGHTS), chance.choice(WORDS)
        font: Any = ImageFont.load_default(40)
        font = ImageFont.load_default(40 * height / (font.getbbox("Ag")[3] - font.getbbox("Ag")[1]))
        box = [int(side) for side in font.getbbox(words)]
        room = 3 + height // 4
        ink = Image.new("L", (box[2] - box[0] + 2 * room, box[3] - box[1] + 2 * room))
        ImageDraw.Draw(ink).text((room - box[0], room - box[1]), words, font=font, fill=255)
        plate = Image.new("L", ink.size, 255)
        if turned:
            angle = chance.choice(turned)
            ink, plate = (one.rotate(angle, expand=True, resample=Image.Resampling.BICUBIC) for one in (ink, plate))
        x, y = (chance.randrange(max(1, side - own)) for side, own in zip(image.size, ink.size, strict=True))
        place = np.s_[max(0, y - 14) : y + ink.height + 14, max(0, x - 14) : x + ink.width + 14]
        if taken[place].any() or ink.width >= image.width or ink.height >= image.height:
            continue
        taken[place] = True
        dark = chance.random() < 0.5
        plated = chance.random() < 0.5
        if plated:
            image.paste(tuple(chance.randrange(*((150, 256) if dark else (0, 90))) for _ in range(3)), (x, y), plate)
        image.paste(tuple(chance.randrange(*((0, 60) if dark else (200, 256))) for _ in range(3)), (x, y), ink)
        rows, columns = np.nonzero(np.asarray(ink) > 60)
        ends = (x + columns.min(), y + rows.min(), x + columns.max() + 1, y + rows.max() + 1)
        lines.append((*map(int, ends), height, plated))  # type: ignore[arg-type]
    coded = cv2.imencode(".jpg", np.ascontiguousarray(np.asarray(image)[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
    return cv2.imdecode(coded, cv2.IMREAD_COLOR).astype(np.uint8), lines


def covered(line: Drawn, boxes: NDArray[np.float32]) -> bool:
    """Whether `boxes` cover the line."""
    x0, y0, x1, y1 = line[:4]
    mask = np.zeros((y1 - y0, x1 - x0), bool)
    for left, top, right, bottom in boxes.tolist():
        rows = slice(max(0, int(top) - y0), max(0, int(bottom) + 1 - y0))
        mask[rows, max(0, int(left) - x0) : max(0, int(right) + 1 - x0)] = True
    return bool(mask.mean() >= COVERED)


def grounds(folder: Path, count: int) -> list[Picture]:
    """Photos of the folder, drawn by a seed, filled into `SIZE`."""
    found, paths = list[Picture](), sorted(folder.iterdir())
    for path in random.Random(1).sample(paths, len(paths)):
        photo = cv2.imread(str(path))
        if photo is None or min(photo.shape[:2]) < 300:
            continue
        scale = max(SIZE[0] / photo.shape[1], SIZE[1] / photo.shape[0])
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        photo = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=how)
        found.append(np.ascontiguousarray(photo[: SIZE[1], : SIZE[0]]).astype(np.uint8))
        if len(found) == count:
            break
    return found


def main(pictures: Annotated[Path, typer.Option()], count: int = 40, match: str = "") -> None:
    """Print covered shares by height, and times."""
    settings = Settings(targets=frozenset({Kind.TEXT}), text=TextRules(match))
    (detector,) = build(["ppocr"], settings.targets, 1)
    matcher = Matcher.of(settings, [detector])
    by_height, times, reading = defaultdict[tuple[str, int], list[bool]](list), list[float](), list[float]()
    for number, ground in enumerate(grounds(pictures, count)):
        turned = number % 4 == 3
        picture, lines = drawn(ground, number, (15, -30, 90, 180) if turned else ())
        frame: Any = Still(picture)
        start = time.thread_time()
        found = detect_in_shape(
            frame,
            None,
            detectors=[detector],
            wanted=settings.detect,
            targets=settings.targets,
            groups=GROUPS,
            factor=1.0,
            executor=IN_THIS_THREAD,
        ).result()
        times.append(time.thread_time() - start)
        found = found.select(found.score >= settings.detect.high)
        if matcher:
            start, before = time.thread_time(), max(1, len(found))
            found = matcher.hidden(frame, found)
            reading.append((time.thread_time() - start) / before)
        for line in lines:
            kind = "turned" if turned else "on a plate" if line[5] else "on the photo"
            by_height[kind, line[4]].append(covered(line, found.xyxy))
    for (kind, height), ones in sorted(by_height.items()):
        low, high = wilson(sum(ones), len(ones))
        print(f"{kind} {height:3d} px: {sum(ones)} of {len(ones)} ({low:.2f}-{high:.2f})")
    print(f"a look: median {np.median(times) * 1000:.0f} ms of one processor, {len(times)} looks of {SIZE}")
    if reading:
        print(f"reading a line: median {np.median(reading) * 1000:.0f} ms")


if __name__ == "__main__":
    typer.run(main)
