"""Which lines of text are hidden where a pattern says so: those that fit it, and those that cannot be read surely.

Lines are read again from the whole picture, as no tile and no part of it that changed need hold them whole. What was
read lives as long as `fits` runs; what is kept from one look to the next is a digest of pixels and a box.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np

from anonymize.data import Detections, Frame, Kind
from anonymize.detect.detector import Detector, Picture
from anonymize.detect.text.ppocr import PPOCR, Line
from anonymize.detect.text.reader import NAME, Reader, Reading
from anonymize.errors import UsageError
from anonymize.settings import Settings
from anonymize.text.patterns import compiled, fits

SURE = 0.7
"""A line is read surely if each letter is at least this probable. On drawn lines 12 to 20 px high, 4 of 128 were read
wrongly so, and 13 correctly but not so."""
FAIRLY, TIGHTER = 0.5, 0.12
"""Or if each is this probable, and the same is read once more of what is left without this share of its height on each
side."""
LETTERS = 0.5
"""And if it has this many letters for each time that it is longer than high: of letters of a script that it does not
know, a reader sees few or none."""
READABLE = 40.0
"""Pixels of height to which a small line is enlarged before it is read."""
LARGEST = 3.0
"""At most by this factor."""
LONGEST = 960
"""Pixels; a larger part of a picture is made smaller, but not so that lines get lower than `READABLE`."""
AROUND = 2.0
"""What is read around a find, in multiples of its shorter side."""
SAME = 0.5
"""A line is meant by a find that shares this much of the smaller one."""

Box = tuple[float, float, float, float]


class Matcher:
    """Keeps the lines that the pattern of the settings means.

    Args:
        settings: with a pattern.

    Raises:
        UsageError: the pattern has letters that cannot be read.
        ModelError: a model is not installed or altered.
    """

    def __init__(self, settings: Settings) -> None:
        self._pattern = compiled(settings.text.match)
        self._finder = PPOCR(1, settings.detect.device)
        self._reader = Reader(1, settings.detect.device)
        self._known: dict[bytes, Box | None] = {}
        unknown = {letter for letter in settings.text.match if letter.isalpha()} - self._reader.letters
        if unknown:
            raise UsageError(
                f"text.match: {min(unknown)!r} is of a script that the reader of text does not know (it knows Latin, "
                "Greek, Chinese and Japanese): leave text.match out to hide all text"
            )

    @classmethod
    def of(cls, settings: Settings, detectors: Sequence[Detector]) -> Matcher | None:
        """The matcher that `settings` ask for; None if all text is hidden, or none is looked for."""
        looked = any(Kind.TEXT in detector.kinds for detector in detectors) and Kind.TEXT in settings.targets
        return cls(settings) if looked and settings.text.match else None

    def hidden(self, frame: Frame, found: Detections) -> Detections:
        """`found` on `frame` without lines of text that were read surely and do not fit; of several, the others."""
        return self._of(frame, found, unread=True)

    def fitting(self, frame: Frame, found: Detections) -> Detections:
        """`found` on `frame` without lines of text that do not fit as they were read, surely or not."""
        return self._of(frame, found, unread=False)

    def _of(self, frame: Frame, found: Detections, *, unread: bool) -> Detections:
        rows = np.flatnonzero(found.kind == Kind.TEXT)
        if not len(rows):
            self._known = {}
            return found
        picture = frame.bgr(frame.width, frame.height)
        before = self._known  # frames are matched by several threads, and another may put its own in this place
        keep, boxes, known = np.ones(len(found), bool), found.xyxy.copy(), dict[bytes, Box | None]()
        for row in rows.tolist():
            near = _near(picture, found.xyxy[row].tolist())
            key = hashlib.blake2b(near.picture.tobytes() + np.array([*near.box, unread]).tobytes()).digest()
            known[key] = before[key] if key in before else self._meant(near, unread)
            keep[row] = known[key] is not None
            boxes[row] = near.back(known[key] or near.box)
        self._known = known
        return replace(found, xyxy=boxes).select(keep)

    def _meant(self, near: Near, unread: bool) -> Box | None:
        """Which part of a find the pattern means, in pixels of `near`: all of it, the lines that fit, or None.

        Args:
            near: the find.
            unread: whether that is meant which cannot be read surely.
        """
        lines = [line for line in self._finder.lines(near.picture) if _same(line, near.box)]
        meant = [line for line in lines if self._means(near, line, unread)]
        if len(meant) == len(lines):
            return near.box if lines or unread else None
        sides = np.array([line.box for line in meant]).reshape(-1, 4)
        return (*sides[:, :2].min(axis=0).tolist(), *sides[:, 2:].max(axis=0).tolist()) if meant else None

    def _means(self, near: Near, line: Line, unread: bool) -> bool:
        reading = self._reader.read(near.picture, line)
        if fits(self._pattern, reading.text):
            return True
        if not unread or _sure(reading, line):
            return False
        again = self._reader.read(near.picture, line.tighter(TIGHTER))
        return fits(self._pattern, again.text) or not _agree(reading, again, line)


class Near(NamedTuple):
    """What is read of a picture.

    Args:
        picture: a part of it, enlarged or made smaller.
        box: the find, in pixels of this part.
        scale: of this part.
        corner: of it in the whole picture.
    """

    picture: Picture
    box: Box
    scale: float
    corner: tuple[int, int]

    def back(self, box: Box) -> Box:
        """`box` in pixels of the whole picture."""
        x0, y0, x1, y1 = (side / self.scale + self.corner[i % 2] for i, side in enumerate(box))
        return x0, y0, x1, y1


def reading_weights(settings: Settings) -> tuple[str, ...]:
    """The names of the models that read, if `settings` ask for that."""
    return (NAME,) if settings.text.match and Kind.TEXT in settings.targets else ()


def _sure(reading: Reading, line: Line) -> bool:
    """Whether a line was read surely."""
    return reading.sure >= SURE and _enough(reading, line)


def _agree(one: Reading, other: Reading, line: Line) -> bool:
    """Whether a line was read alike twice, each time fairly surely."""
    alike = "".join(one.text.split()) == "".join(other.text.split())
    return alike and min(one.sure, other.sure) >= FAIRLY and _enough(one, line)


def _enough(reading: Reading, line: Line) -> bool:
    """Whether there are as many letters as a line of this shape has at least."""
    _, sides, _ = cv2.minAreaRect(line.corners)
    letters = len("".join(reading.text.split()))
    return letters >= max(1.0, LETTERS * max(sides) / max(min(sides), 1.0))


def _near(picture: Picture, xyxy: Sequence[float]) -> Near:
    """The part of `picture` in which a find is read."""
    height, width = picture.shape[:2]
    sides = max(xyxy[2] - xyxy[0], 1.0), max(xyxy[3] - xyxy[1], 1.0)
    more = AROUND * min(sides)
    x0, y0 = max(0, int(xyxy[0] - more)), max(0, int(xyxy[1] - more))
    x1, y1 = min(width, int(np.ceil(xyxy[2] + more))), min(height, int(np.ceil(xyxy[3] + more)))
    part = picture[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    scale = min(LARGEST, max(READABLE / min(sides), min(1.0, LONGEST / max(part.shape[:2]))))
    size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
    near = cv2.resize(part, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC).astype(np.uint8)
    box = tuple((side - (x0, y0)[i % 2]) * scale for i, side in enumerate(xyxy))
    return Near(near, (box[0], box[1], box[2], box[3]), scale, (x0, y0))


def _same(line: Line, box: Box) -> bool:
    """Whether `line` is what a find with this `box` shows."""
    one = line.box
    shared = [min(one[i + 2], box[i + 2]) - max(one[i], box[i]) for i in (0, 1)]
    smaller = min((each[2] - each[0]) * (each[3] - each[1]) for each in (one, box))
    return min(shared) > 0 and shared[0] * shared[1] >= SAME * smaller
