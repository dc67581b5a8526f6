"""The pictures of a source for a page: any frame by its index, decoded on demand, kept in memory only.

A video whose key frames can be sought is decoded from the key frame before the one that is wanted, any other from
its beginning. The frame with an index is always the same as in a pass over the whole file.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np

from anonymize import media
from anonymize.data import Box, Frame, Region, Timestamps
from anonymize.errors import UnreadableInput
from anonymize.media import CannotCut, Cut, PassTraits, Source, VideoSource
from anonymize.parallel.segments import redacted
from anonymize.redact import Memory
from anonymize.settings import Redact

ROOM = 128 << 20
"""The most bytes of decoded pictures that are kept."""
AGAIN = 8
"""About how many frames are decoded in the time in which a file is opened again."""
_QUALITY = 85
_ROOM = 1.1
"""A box with a margin: so many times its longer side. Padding is a part of the box already."""


class Pictures:
    """Frames of `source` by index.

    Args:
        source: open; read in this object's methods alone from now on.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, Frame] = OrderedDict()
        self._reading: Iterator[Frame] | None = None
        self._next = 0
        self._cut: Cut | None = None
        if isinstance(source, VideoSource):
            # A plan is made of what was read without a loss, unless it allows for losses.
            whole = not source.allow_damaged
            self._cut = media.cut_up(source.input, source.name, source.presentation, least=Fraction(0), whole=whole)
        self._entries = [segment.first for segment in self._cut.segments] if self._cut else [0]

    @property
    def times(self) -> Timestamps | None:
        """When each frame is shown, if that is known without decoding."""
        return self._cut.times if self._cut else media.announced(self._source)

    def frame(self, index: int) -> Frame:
        """Frame `index`, from 0.

        Raises:
            UnreadableInput: there is no such frame.
            InputError: the source cannot be read.
        """
        with self._lock:
            if index in self._kept:
                self._kept.move_to_end(index)
                return self._kept[index]
            if self._reading is None or index < self._next or self._entry(index) > self._next + AGAIN:
                self._start(index)
            try:
                found = self._read_to(index)
            except CannotCut:  # it decodes differently from its middle: from its beginning, then
                self._cut, self._entries = None, [0]
                self._start(index)
                found = self._read_to(index)
            if found is None:
                raise UnreadableInput(f"it has no frame {index}", self._source.info.name)
            return found

    def close(self) -> None:
        """Forget all pictures."""
        with self._lock:
            self._kept.clear()
            self._reading = None

    def _start(self, index: int) -> None:
        """Begin to read where frame `index` can be reached."""
        self._reading, self._next = self._source.frames(), 0
        if self._cut is None:
            return
        entry = self._cut.segments[self._place(index)]
        assert isinstance(self._source, VideoSource)
        # To the end, as one segment: at the border of two the file is opened again, and frames are decoded twice.
        onward = replace(entry, end=len(self._cut.times), pts=self._cut.times.pts[entry.first :])
        traits = PassTraits(compared=False)
        self._reading = self._source.part(onward, traits, inspect=self._source.allow_damaged)
        self._next = entry.first

    def _entry(self, index: int) -> int:
        """The key frame from which frame `index` is reached."""
        return self._entries[self._place(index)]

    def _place(self, index: int) -> int:
        """The place of that key frame among all."""
        return max(bisect_right(self._entries, index) - 1, 0)

    def _read_to(self, index: int) -> Frame | None:
        """Read up to frame `index`; None if the source ends before it."""
        assert self._reading is not None
        for frame in self._reading:
            self._next = frame.index + 1
            self._keep(frame)
            if frame.index == index:
                return frame
        self._reading = None
        return None

    def _keep(self, frame: Frame) -> None:
        self._kept[frame.index] = frame
        each = frame.width * frame.height * (2 if frame.depth > 8 else 1) * 3 // 2
        while len(self._kept) > max(ROOM // max(each, 1), 2):
            self._kept.popitem(last=False)


def jpeg(frame: Frame, width: int) -> bytes:
    """`frame` as a JPEG at most `width` pixels wide, with square pixels."""
    aspect = float(frame.aspects[0])
    shown = (frame.width * max(aspect, 1.0), frame.height * max(1 / aspect, 1.0))
    scale = min(1.0, width / shown[0])
    picture = frame.bgr(max(round(shown[0] * scale), 1), max(round(shown[1] * scale), 1))
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    assert done
    return data.tobytes()


def cut_out(frame: Frame, box: Box, side: int) -> bytes:
    """What is in `box` as a JPEG of `side` x `side` with square pixels, black where it reaches beyond the picture."""
    across, down = max(float(frame.aspects[0]), 1.0), max(float(1 / frame.aspects[0]), 1.0)
    picture = frame.bgr(max(round(frame.width * across), 1), max(round(frame.height * down), 1))
    x0, y0, x1, y1 = box[0] * across, box[1] * down, box[2] * across, box[3] * down
    half = _ROOM * max(x1 - x0, y1 - y0, 8.0) / 2
    left, top = round((x0 + x1) / 2 - half), round((y0 + y1) / 2 - half)
    size = max(round(2 * half), 1)
    inside = picture[max(top, 0) : max(top + size, 0), max(left, 0) : max(left + size, 0)]
    made = np.zeros((size, size, 3), np.uint8)
    at_y, at_x = max(-top, 0), max(-left, 0)
    made[at_y : at_y + inside.shape[0], at_x : at_x + inside.shape[1]] = inside
    smaller = size > side
    done, data = cv2.imencode(
        ".jpg",
        cv2.resize(made, (side, side), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC),
        [cv2.IMWRITE_JPEG_QUALITY, _QUALITY],
    )
    assert done
    return data.tobytes()


def published(frame: Frame, regions: Sequence[Region], styles: Redact) -> Frame:
    """`frame` as it would be published with these regions. A mosaic's colours may differ from those of a whole pass."""
    return redacted(frame, regions, styles, Memory())
