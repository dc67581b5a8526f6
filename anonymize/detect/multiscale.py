"""Detection on one frame: the scales, the detectors, and which finds count."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor, Future
from functools import partial

import numpy as np
from numpy.typing import NDArray

from anonymize import settings
from anonymize.aspect import shown, stored
from anonymize.data import Detections, Frame, Kind
from anonymize.detect.concurrency import IN_THIS_THREAD, combined, room_for
from anonymize.detect.detector import Detector, Picture
from anonymize.detect.merge import fuse, without_holders
from anonymize.detect.tiles import detect_tiled

Part = tuple[int, int, int, int]
"""A part of a frame: x0, y0, x1, y1 in its pixels, half-open."""

GROUPS = frozenset(range(4))
"""All groups of scales: each has every fourth scale."""
ORDINARY = frozenset({1, 3})
"""Every other scale, from the second on: they find most faces."""
TURNS = (frozenset({0}), ORDINARY, frozenset({2}), ORDINARY)
"""The groups of successive detections. A face that is missed at one scale is often found at the next, so a few
detections at different scales find more than as many at the same ones. The largest scale costs as much as all others
together."""

HALF_STEP = 2**-0.25
"""Factor half of the way from each scale down to the next: a face missed at both may be found in between."""

LARGEST = 3.0
"""Scaling up further than this shows a detector nothing new."""
WHOLE = 800
"""Longer side in pixels of a picture small enough for a detector to find the largest face in it."""
TOUCH = 2.0
"""A box within this many pixels of the picture's border counts as cut off by it."""
CUT_OFF = 1.5
"""Factor for the score of finds that the border cuts off: they are found less often (79% of faces, against 91% of whole
ones; 80% of plates), but a faint find there is correct more often than elsewhere (with it 90% of plates are found, for
0.02 false ones a picture)."""
RATIOS = {
    Kind.FACE: (0.2, 8.0),
    Kind.HEAD: (0.2, 8.0),
    Kind.PERSON: (0.1, 8.0),
    Kind.PLATE: (0.4, 8.0),
    Kind.TEXT: (1 / 400, 400.0),
}
"""Least and greatest width over height that something of a kind can have. Of 5,715 plates eight are narrower; a line of
small text may be as long as the picture."""
ANY_RATIO = (1 / 40, 40.0)
"""The same of a user's own kinds: they may be text."""
QUIET = 0.06
"""The least score of a find that is listened to at all; below it are thousands."""
LARGEST_SHARE = 1.5
"""The longest side of a find, as a share of the picture's: a face that fills the picture may reach past it."""


def detect(
    frame: Frame,
    detectors: Sequence[Detector],
    wanted: settings.Detect,
    targets: Collection[Kind],
    *,
    groups: Collection[int] = GROUPS,
    factor: float = 1.0,
    part: Part | None = None,
    executor: Executor = IN_THIS_THREAD,
) -> Future[Detections]:
    """Run `detectors` on `frame` at all of their scales.

    Args:
        frame: of any size.
        detectors: their finds are merged.
        wanted: has the smallest face and plate wanted, and `low`, the least score.
        targets: the kinds wanted.
        groups: of scales to use.
        factor: multiplies every scale.
        part: of the frame; all of it if not given.
        executor: runs each detector at each scale.

    Returns:
        Finds with a score of `low` or more, in upright pixels of the frame, one box for each thing, best first. Boxes
        may reach past the picture's border.
    """

    in_shape = partial(
        detect_in_shape,
        detectors=detectors,
        wanted=wanted,
        targets=targets,
        groups=groups,
        factor=factor,
        executor=executor,
    )
    return as_shown(frame, part, in_shape)


def detect_in_shape(
    frame: Frame,
    part: Part | None,
    *,
    detectors: Sequence[Detector],
    wanted: settings.Detect,
    targets: Collection[Kind],
    groups: Collection[int],
    factor: float,
    executor: Executor,
    quietly: Callable[[Frame, Detections], None] | None = None,
) -> Future[Detections]:
    """`detect` on a frame in display shape; `quietly` is called with it and the finds that are too faint to be given,
    from `QUIET` on, before there is a result."""
    size = (frame.width, frame.height)
    at = [
        (detector, step, steps[-1])
        for detector in detectors
        for steps in [tuple(scale * factor for scale in scales(detector, wanted, targets, size))]
        for step in of_groups(steps, groups)
    ]

    def merged(parts: list[Detections]) -> Detections:
        kept = [
            here if step == last else here.select(~too_big(here, detector, step))  # left to smaller scales
            for here, (detector, step, last) in zip(parts, at, strict=True)
        ]
        found = _cut_off(Detections.concatenate(kept), frame)
        found = found.select(plausible(found, frame, targets) & (found.score >= min(wanted.low, QUIET)))
        if quietly:
            quietly(frame, found.select(found.score < wanted.low))
        return without_holders(fuse(found.select(found.score >= wanted.low)))

    return combined([executor.submit(at_scale, frame, detector, step, part) for detector, step, _ in at], merged)


def as_shown(
    frame: Frame, part: Part | None, in_shape: Callable[[Frame, Part | None], Future[Detections]]
) -> Future[Detections]:
    """What `in_shape` finds in `frame` (or `part` of it) in each of its display shapes; in pixels of `frame`."""
    pictures = shown(frame)
    begun = [in_shape(picture, _part_of(picture, frame, part)) for picture in pictures]
    if len(pictures) == 1 and pictures[0] is frame:
        return begun[0]
    return combined(begun, lambda found: in_stored_pixels(frame, list(zip(pictures, found, strict=True))))


def in_stored_pixels(frame: Frame, found: Sequence[tuple[Frame, Detections]]) -> Detections:
    """The finds in each display shape of `frame`, mapped to its own pixels and merged."""
    finds = [stored(here, picture, frame) for picture, here in found]
    return finds[0] if len(finds) == 1 else without_holders(fuse(Detections.concatenate(finds)))


def _part_of(picture: Frame, frame: Frame, part: Part | None) -> Part | None:
    """`part` of `frame` in pixels of `picture`, the same frame in another shape."""
    if part is None or picture is frame:
        return part
    x, y = picture.width / frame.width, picture.height / frame.height
    return (
        math.floor(part[0] * x),
        math.floor(part[1] * y),
        min(math.ceil(part[2] * x), picture.width),
        min(math.ceil(part[3] * y), picture.height),
    )


def scales(
    detector: Detector, wanted: settings.Detect, targets: Collection[Kind], size: tuple[int, int]
) -> tuple[float, ...]:
    """The scales at which `detector` runs on a picture, largest first.

    The first makes the smallest wanted face or plate as large as `detector` needs it; the others go down in half
    octaves until the picture is small enough for the largest face.

    Args:
        detector: with its smallest reliable sizes.
        wanted: has the smallest face and plate wanted.
        targets: the kinds wanted.
        size: width and height of the picture in pixels.
    """
    enlarged = [seen / wanted.least(kind) for kind, seen in detector.min_size.items() if kind in targets]
    if not enlarged:
        return ()
    needed = min(max(enlarged), LARGEST)
    octaves = max(2, math.ceil(math.log2(max(needed * max(size) / WHOLE, 1.0))))
    return tuple(needed / math.sqrt(2) ** step for step in range(2 * octaves))


def of_groups(steps: Sequence[float], groups: Collection[int]) -> tuple[float, ...]:
    """The scales among `steps` that belong to `groups`."""
    return tuple(scale for i, scale in enumerate(steps) if i % len(GROUPS) in groups)


def sees_parts(groups: Collection[int]) -> bool:
    """Whether what is found at `groups` of scales alone may be a part of something larger: a plate's letters, say."""
    return not {*groups} >= ORDINARY


def too_big(found: Detections, detector: Detector, scale: float) -> NDArray[np.bool_]:
    """(N,) which finds are, at `scale`, too big for `detector` to give good boxes."""
    side = (found.xyxy[:, 2:] - found.xyxy[:, :2]) * scale
    big = np.zeros(len(found), bool)
    for kind, most in detector.max_reliable_size.items():
        big |= (found.kind == kind) & (side[:, 0 if kind.wide else 1] > most)
    return big


def at_scale(
    frame: Frame,
    detector: Detector,
    scale: float,
    part: Part | None,
    run: Callable[[Detector, Picture], Detections] = detect_tiled,
) -> Detections:
    """The finds of one detector at one scale, in pixels of the frame.

    Args:
        frame: the frame.
        detector: runs on it.
        scale: factor by which the frame is scaled.
        part: of the frame; all of it if None.
        run: applies the detector to the scaled picture.
    """
    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    back = (frame.width / width, frame.height / height)
    x0, y0, x1, y1 = 0, 0, width, height
    if part is not None:
        x0, y0 = int(part[0] / back[0]), int(part[1] / back[1])
        x1, y1 = math.ceil(part[2] / back[0]), math.ceil(part[3] / back[1])
    with room_for(width * height):
        found = run(detector, frame.bgr(width, height)[y0:y1, x0:x1])
    return found.moved(back, (x0 * back[0], y0 * back[1]))


def _cut_off(found: Detections, frame: Frame) -> Detections:
    """`found`, with a higher score (`CUT_OFF`) for finds that touch the picture's border; not for text, where what is
    none reaches the border most."""
    edge = np.array([frame.width, frame.height], np.float32) - TOUCH
    touches = (found.xyxy[:, :2] <= TOUCH).any(axis=1) | (found.xyxy[:, 2:] >= edge).any(axis=1)
    touches &= found.kind != Kind.TEXT
    score = np.where(touches, np.minimum(found.score * np.float32(CUT_OFF), 1), found.score)
    return Detections(found.xyxy, score, found.kind)


def plausible(found: Detections, frame: Frame, targets: Collection[Kind]) -> NDArray[np.bool_]:
    """(N,) which finds are of a wanted kind, have a possible shape and size, and lie partly inside the picture."""
    size = np.array([frame.width, frame.height], np.float32)
    low, high = found.xyxy[:, :2], found.xyxy[:, 2:]
    side = high - low
    ratio = side[:, 0] / side[:, 1]
    possible = np.zeros(len(found), bool)
    for kind in found.kinds():
        narrowest, widest = RATIOS.get(kind, ANY_RATIO)
        possible |= (found.kind == kind) & (ratio >= narrowest) & (ratio <= widest)
    possible &= (side <= LARGEST_SHARE * size).all(axis=1)
    visible = (low < size).all(axis=1) & (high > 0).all(axis=1)
    wanted: NDArray[np.bool_] = np.isin(found.kind, [int(kind) for kind in targets])
    return wanted & possible & visible
