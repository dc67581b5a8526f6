"""The data that flows through the toolkit: frames, detections, regions, tracks.

All coordinates are pixels of the *upright* picture (rotation applied, sample aspect ratio not), with the origin at the
top left corner and half-open boxes ``x0 <= x < x1``. A box may reach past the picture's border. Time is
``pts * time_base``, exact.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from anonymize.kinds import Grounds, Kind, Shape, Silencing, Why

__all__ = [
    "SQUARE",
    "Box",
    "Detections",
    "Frame",
    "Grounds",
    "Kind",
    "Plane",
    "Reading",
    "Region",
    "Shape",
    "Silence",
    "Silencing",
    "Timestamps",
    "Track",
    "Why",
    "readings",
    "resounded",
    "seconds",
]

SQUARE = Fraction(1)
"""The aspect of square pixels."""

Box = tuple[float, float, float, float]
"""``x0, y0, x1, y1`` in upright pixels, half-open."""


@dataclass(frozen=True, slots=True)
class Plane:
    """One plane of a picture, as an upright view (a rotated stream gives a rotated view, never a copy).

    Sample ``i`` of an axis covers the upright pixels ``[i * step - offset, (i + 1) * step - offset)``: `step` is 2 for
    subsampled chroma; `offset` is 1 only where an odd-sized picture is mirrored, so that its half sample comes first.
    """

    pixels: NDArray[Any]
    """(rows, columns) uint8 or uint16. Read-only unless it came from `Frame.writable`."""
    black: int
    """The sample value of black in this plane (16, 128, 0 ... scaled to the bit depth)."""
    step: tuple[int, int] = (1, 1)
    """Upright pixels per sample, (x, y)."""
    offset: tuple[int, int] = (0, 0)
    """How many upright pixels before pixel 0 sample 0 begins, (x, y)."""


class Frame(Protocol):
    """One picture and its place in time. Implementations live in `anonymize.media`."""

    @property
    def index(self) -> int:
        """Position in presentation order, from 0."""

    @property
    def pts(self) -> int:
        """Presentation timestamp in units of `time_base`."""

    @property
    def time_base(self) -> Fraction:
        """Seconds per pts unit, exact."""

    @property
    def width(self) -> int:
        """Upright width in pixels."""

    @property
    def height(self) -> int:
        """Upright height in pixels."""

    @property
    def depth(self) -> int:
        """Bits per sample."""

    @property
    def aspects(self) -> tuple[Fraction, ...]:
        """Width over height of an upright pixel as players show it; several where players disagree. See
        `anonymize.aspect`."""

    @property
    def planes(self) -> tuple[Plane, ...]:
        """The planes that redaction draws on: Y, U, V (or Y; G, B, R; a picture's own channels).

        Pictures include the alpha plane, whose black is opaque; video does not.
        """

    def bgr(self, width: int, height: int) -> NDArray[np.uint8]:
        """The upright picture scaled to (`height`, `width`, 3), BGR, 8 bit: the input of detectors."""

    def luma(self, width: int, height: int) -> NDArray[np.uint8]:
        """The upright picture scaled to (`height`, `width`), 8 bit grey: the input of motion estimation."""

    def writable(self) -> Frame:
        """A deep copy whose planes may be written; the decoder's own picture is never changed."""


class Timed(Protocol):
    """Anything with a presentation timestamp."""

    @property
    def pts(self) -> int:
        """Presentation timestamp in units of `time_base`."""

    @property
    def time_base(self) -> Fraction:
        """Seconds per pts unit, exact."""


def seconds(frame: Timed) -> Fraction:
    """When `frame` is shown, in seconds, exact."""
    return frame.pts * frame.time_base


class Timestamps(Sequence[Fraction]):
    """When each frame is shown, in seconds, exact: a sequence of Fractions that takes 8 bytes a frame."""

    def __init__(self, time_base: Fraction = Fraction(1)) -> None:
        self.time_base = time_base
        self.pts = array("q")

    def append(self, frame: Timed) -> None:
        """Append the time of `frame`. Its time base applies to all frames: a source has only one."""
        self.time_base = frame.time_base
        self.pts.append(frame.pts)

    def __len__(self) -> int:
        return len(self.pts)

    def floats(self) -> list[float]:
        """All of them, each as near as a float comes to it."""
        numerator, denominator = self.time_base.as_integer_ratio()
        found: list[float] = (np.array(self.pts, np.float64) * numerator / denominator).tolist()
        return found

    @overload
    def __getitem__(self, index: int) -> Fraction: ...
    @overload
    def __getitem__(self, index: slice) -> Timestamps: ...
    def __getitem__(self, index: int | slice) -> Fraction | Timestamps:
        if isinstance(index, int):
            return self.pts[index] * self.time_base
        part = Timestamps(self.time_base)
        part.pts = self.pts[index]
        return part


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """What a detector found in one picture: N boxes with score and kind.

    Args:
        xyxy: (N, 4) float32, half-open pixel boxes with ``x0 < x1`` and ``y0 < y1``, finite.
        score: (N,) float32 in [0, 1].
        kind: (N,) int64, values of `Kind`.

    Raises:
        ValueError: a shape, a range or a box is invalid; the message gives what was expected and what was passed.
    """

    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    kind: NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.xyxy)
        for name, shape, dtype in (("xyxy", (n, 4), np.float32), ("score", (n,), np.float32), ("kind", (n,), np.int64)):
            array = np.asarray(getattr(self, name))
            if array.shape != shape:
                raise ValueError(f"{name}: expected shape {shape}, got {array.shape}")
            object.__setattr__(self, name, array.astype(dtype, copy=False))
        if not np.isfinite(self.xyxy).all():
            raise ValueError("xyxy: expected finite coordinates, got NaN or infinity")
        if not (self.xyxy[:, :2] < self.xyxy[:, 2:]).all():
            raise ValueError("xyxy: expected x0 < x1 and y0 < y1 in every box")
        if not ((self.score >= 0) & (self.score <= 1)).all():
            raise ValueError("score: expected values in [0, 1]")
        try:
            self.kinds()
        except ValueError:
            raise ValueError(f"kind: expected values of Kind, got {sorted(set(self.kind.tolist()))}") from None

    def __len__(self) -> int:
        return len(self.xyxy)

    def kinds(self) -> list[Kind]:
        """The kinds among them, in the order of their numbers."""
        return [Kind(number) for number in sorted(set(self.kind.tolist()))]

    @classmethod
    def empty(cls) -> Detections:
        """No detections."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    @classmethod
    def concatenate(cls, parts: Iterable[Detections]) -> Detections:
        """All detections of `parts`, in order."""
        parts = list(parts)
        if not parts:
            return cls.empty()
        return cls(
            np.concatenate([p.xyxy for p in parts]),
            np.concatenate([p.score for p in parts]),
            np.concatenate([p.kind for p in parts]),
        )

    def select(self, index: NDArray[Any]) -> Detections:
        """The detections at `index` (a boolean mask or integer positions)."""
        return Detections(self.xyxy[index], self.score[index], self.kind[index])

    def moved(self, scale: tuple[float, float], offset: tuple[float, float]) -> Detections:
        """Boxes mapped by ``x * scale + offset`` per axis (x, y), as from a tile or a scaled picture to the frame."""
        factor = np.array([*scale, *scale], np.float32)
        shift = np.array([*offset, *offset], np.float32)
        return Detections(self.xyxy * factor + shift, self.score, self.kind)


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Another way in which a viewer may show a frame.

    Args:
        frame: the picture as that viewer shows it.
        back: maps detections in it to pixels of the frame itself.
    """

    frame: Frame
    back: Callable[[Detections], Detections]


def readings(frame: Frame) -> tuple[Reading, ...]:
    """The other ways in which a viewer may show `frame`, from `StillFrame.readings`; none for video."""
    given: Callable[[], tuple[Reading, ...]] | None = getattr(frame, "readings", None)
    return given() if given else ()


@dataclass(frozen=True, slots=True)
class Region:
    """What is redacted on one frame. `xyxy` includes the padding: it is drawn as it is."""

    xyxy: Box
    kind: Kind
    why: Why
    track: int = -1
    """Identity over time, so that a mosaic can keep its colours; -1 for none."""
    shape: Shape = Shape.BOX
    polygon: tuple[tuple[float, float], ...] = ()
    """Corners in upright pixels, where `shape` is a polygon; `xyxy` is then its bounding box."""
    score: float = 1.0
    """The detector's score, or the score of the nearest detection for an inferred region."""


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One face or plate over time: a box for every frame from `first` on, without gaps.

    A weak track comes in pieces that share its id: each covers a find and the frames up to the neighbouring detections.

    Args:
        id: unique within a video, from 0.
        kind: face or plate.
        first: frame index of row 0.
        xyxy: (N, 4) float32, *unpadded* boxes; may reach past the border.
        score: (N,) float32, the detection's score, or that of the nearest detection where inferred.
        why: (N,) `Why.DETECTED`, `INTERPOLATED` or `HELD`.
        weak: its finds are too few or too faint, for the detections that ran, to be sure that there is anything.
    """

    id: int
    kind: Kind
    first: int
    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    why: tuple[Why, ...]
    weak: bool = False

    def __post_init__(self) -> None:
        n = len(self.why)
        if self.xyxy.shape != (n, 4) or self.score.shape != (n,) or n == 0:
            raise ValueError(
                f"track {self.id}: expected xyxy ({n}, 4) and score ({n},) with at least one row, "
                f"got {self.xyxy.shape} and {self.score.shape}"
            )

    @property
    def end(self) -> int:
        """One past the last frame index."""
        return self.first + len(self.why)


@dataclass(frozen=True, slots=True)
class Silence:
    """A while in which the sound is not heard.

    Args:
        first, end: seconds of the presentation, half-open.
        how: what is heard instead.
    """

    first: float
    end: float
    how: Silencing


def resounded(silences: Sequence[Silence], first: float, end: float, how: Silencing | None) -> tuple[Silence, ...]:
    """`silences` with another one, or none, from `first` to `end`: in order, none overlapping another.

    Args:
        silences: those before.
        first, end: seconds, half-open.
        how: what is heard there; None for the sound itself.
    """
    parts = [replace(one, end=min(one.end, first)) for one in silences if one.first < first]
    parts += [replace(one, first=max(one.first, end)) for one in silences if one.end > end]
    if how is not None:
        parts.append(Silence(first, end, how))
    made: list[Silence] = []
    for one in sorted(parts, key=lambda part: part.first):
        if made and made[-1].end >= one.first and made[-1].how is one.how:
            made[-1] = replace(made[-1], end=max(made[-1].end, one.end))
        else:
            made.append(one)
    return tuple(made)
