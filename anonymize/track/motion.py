"""Motion of the camera, and of boxes in the picture.

Everything here uses *working pictures*: (h, w) uint8 luma, scaled down so that the cost does not depend on the
video's size. Coordinates are working pixels. Camera motion is a similarity fitted with RANSAC to corners followed by
pyramidal Lucas-Kanade (Bouguet 2000); a box is carried by the median of the flow of a grid of points inside it, checked
forward and backward (Median Flow: Kalal et al., ICPR 2010).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from anonymize.track.scenes import Thumb, new_share

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]

_CORNERS = 160
_LK_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 12, 0.03)
_NEW = 0.2
"""Share of the picture that must be new for a scene to begin."""
_TRACKED = 0.3
"""If this share of corners agrees on one motion, no other is tried."""
_FEWEST = 6
"""The fewest points from which a motion is estimated."""
_ZOOM = 1.2
"""The largest factor by which a camera zooms from one frame to the next."""
_FLAT = 4.0
"""Standard deviation below which a thumbnail shows nothing (black, white, fog)."""
_GRID = 5
_SHARES = np.linspace(0.1, 0.9, _GRID)
_POINTS = np.stack(np.meshgrid(_SHARES, _SHARES), axis=-1).reshape(-1, 2)
"""(25, 2) points over the middle 80% of a box, as shares of its sides."""
_FLOW_WINDOW = (11, 11)
_CROP_MARGIN = 24


class WorkingPicture:
    """The working picture of one frame; everything else is computed from it on first use.

    Only the picture is pickled for another process.
    """

    def __init__(self, picture: Picture) -> None:
        self.picture = picture

    def __getstate__(self) -> dict[str, Picture]:
        return {"picture": self.picture}

    @cached_property
    def small(self) -> Picture:
        """The picture at half the size, for camera motion."""
        height, width = self.picture.shape
        size = (max(width // 2, 1), max(height // 2, 1))
        return cv2.resize(self.picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)

    @cached_property
    def thumb(self) -> Thumb:
        """A still smaller one, to detect cuts."""
        return Thumb(self.small)

    @cached_property
    def corners(self) -> NDArray[np.float32]:
        """(N, 1, 2) points of `small` that can be tracked well."""
        found = cv2.goodFeaturesToTrack(self.small, _CORNERS, 0.01, max(self.small.shape) / 28)  # None: there are none
        return np.zeros((0, 1, 2), np.float32) if found is None else np.asarray(found, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """The change from one frame to the next.

    Args:
        affine: (2, 3) similarity from the earlier working picture's pixels to the later one's.
        gain: factor and offset from the earlier picture's brightness to the later one's.
        cut: whether a new scene begins with the later frame.
    """

    affine: Floats
    gain: tuple[float, float]
    cut: bool

    @property
    def inverse(self) -> Step:
        """The same step, backward in time."""
        factor, offset = self.gain
        return Step(cv2.invertAffineTransform(self.affine).astype(np.float64), (1 / factor, -offset / factor), self.cut)


STILL = Step(np.array([[1.0, 0, 0], [0, 1, 0]]), (1.0, 0.0), False)


def step_between(before: WorkingPicture, after: WorkingPicture) -> Step:
    """Camera motion, change of brightness, and whether a scene begins, from one frame to the next.

    A scene begins if a fifth of the picture is new under every candidate motion: that of most corners, of most corners
    that do not stand still (unlike those of a caption), of the thumbnails, or none.
    """
    gain = _gain(before.thumb.level, after.thumb.level)
    best, least = STILL.affine, 1.0
    for affine, share in _motions(before, after, gain):
        new = new_share(before.thumb, after.thumb, _on_thumbs(affine, after))
        if new <= _NEW and share >= _TRACKED:
            return Step(affine, gain, False)
        if new < least:
            best, least = affine, new
    return Step(best, gain, False) if least <= _NEW else Step(STILL.affine, gain, True)


def _on_thumbs(affine: Floats, working: WorkingPicture) -> Floats | None:
    """A motion in working pixels converted to thumbnail pixels; None if nothing moved."""
    if affine is STILL.affine:
        return None
    scaled = affine.copy()
    scaled[:, 2] *= working.thumb.pixels.shape[1] / working.picture.shape[1]
    return scaled


def _gain(before: tuple[float, float], after: tuple[float, float]) -> tuple[float, float]:
    """Factor and offset that map one mean and standard deviation to another; (1, 0) if there is no contrast."""
    if min(before[1], after[1]) < _FLAT:
        return 1.0, 0.0
    factor = after[1] / before[1]
    return factor, after[0] - factor * before[0]


def _levelled(picture: Picture, gain: tuple[float, float]) -> Picture:
    """`picture` with its brightness changed by `gain`; itself if the change is too small to matter."""
    factor, offset = gain
    if abs(factor - 1) < 0.06 and abs(offset) < 6:
        return picture
    return cv2.addWeighted(picture, factor, picture, 0, offset).astype(np.uint8, copy=False)


def _motions(
    before: WorkingPicture, after: WorkingPicture, gain: tuple[float, float]
) -> Iterator[tuple[Floats, float]]:
    """Candidates for the camera's motion in working pixels, and the share of corners that agree; likeliest first."""
    points = before.corners
    if len(points) >= _FEWEST:
        found, status, _ = cv2.calcOpticalFlowPyrLK(
            _levelled(before.small, gain), after.small, points, np.empty_like(points), winSize=(15, 15), maxLevel=3,
            criteria=_LK_STOP,
        )  # fmt: skip
        kept = status.ravel() == 1
        yield from _agreed(before, points[kept], found[kept], len(points))
        moved = kept & (np.abs(found - points).max(axis=(1, 2)) > 1.0)
        if np.count_nonzero(moved) < np.count_nonzero(kept):
            yield from _agreed(before, points[moved], found[moved], len(points))
    yield STILL.affine, 1.0
    yield _shift(before, after), 1.0


def _agreed(
    before: WorkingPicture, points: NDArray[np.float32], found: NDArray[np.float32], corners: int
) -> Iterator[tuple[Floats, float]]:
    """The similarity that most points agree on, and their share of `corners`; nothing if it is implausible.

    Args:
        before: the earlier picture.
        points: (N, 1, 2) in its `small` picture.
        found: (N, 1, 2) the same in the later one's.
        corners: number of all corners.
    """
    if len(points) < _FEWEST:
        return
    affine, inliers = cv2.estimateAffinePartial2D(points, found, ransacReprojThreshold=1.0, maxIters=200)
    if affine is not None and 1 / _ZOOM < np.hypot(affine[0, 0], affine[1, 0]) < _ZOOM:
        motion = affine.astype(np.float64)
        motion[:, 2] *= before.picture.shape[1] / before.small.shape[1]
        yield motion, float(np.count_nonzero(inliers)) / corners


def _shift(before: WorkingPicture, after: WorkingPicture) -> Floats:
    """The shift at which the middle of the earlier thumbnail correlates best with the later one."""
    height, width = before.thumb.pixels.shape
    y, x = height // 4, width // 4
    scores = cv2.matchTemplate(
        after.thumb.pixels, before.thumb.pixels[y : height - y, x : width - x], cv2.TM_CCOEFF_NORMED
    )
    _, _, _, place = cv2.minMaxLoc(scores)
    scale = after.picture.shape[1] / width
    return np.array([[1.0, 0, (place[0] - x) * scale], [0, 1, (place[1] - y) * scale]])


def carry(
    before: WorkingPicture, after: WorkingPicture, step: Step, boxes: Floats
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Follow boxes from one working picture to another.

    Args:
        before, after: the two frames; either may be the earlier one in time.
        step: the camera's motion between them, in the same direction.
        boxes: (N, 4) on `before`.

    Returns:
        (N, 4) boxes on `after`; (N, 2) how far each moved relative to the camera; and (N,) whether the picture showed
        where it went. If not (blur, occlusion, no texture), the box moved with the camera.
    """
    with_camera = transformed(boxes, step.affine)
    if not len(boxes):
        return with_camera, np.zeros((0, 2)), np.zeros(0, bool)
    points = _grid(boxes)
    found, good = _flow(before, after, step, points)
    zoom = float(np.hypot(step.affine[0, 0], step.affine[1, 0]))
    shift, spread = _median(found - points, good)
    size = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
    sure = (good.sum(axis=1) >= _GRID * _GRID // 3) & (spread < 1 + 0.06 * size)
    large = sure & (size >= 16)
    scale = np.where(large, _growth(points, found, good, zoom) if large.any() else zoom, zoom)
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2 + shift, (boxes[:, 2:] - boxes[:, :2]) / 2 * scale[:, None]
    followed = np.concatenate([centre - half, centre + half], axis=1)
    moved = np.where(sure[:, None], followed, with_camera)
    own = (moved[:, :2] + moved[:, 2:] - with_camera[:, :2] - with_camera[:, 2:]) / 2
    return moved, own, sure


def transformed(boxes: Floats, affine: Floats) -> Floats:
    """Boxes moved and scaled (not rotated) by a similarity."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 @ affine[:, :2].T + affine[:, 2]
    half = (boxes[:, 2:] - boxes[:, :2]) / 2 * np.hypot(affine[0, 0], affine[1, 0])
    return np.concatenate([centre - half, centre + half], axis=1)


def _grid(boxes: Floats) -> Floats:
    """(N, 25, 2) points over the middle 80% of each box."""
    return np.asarray(boxes[:, None, :2] + _POINTS * (boxes[:, None, 2:] - boxes[:, None, :2]))


def _flow(
    before: WorkingPicture, after: WorkingPicture, step: Step, points: Floats
) -> tuple[Floats, NDArray[np.bool_]]:
    """Where points (N, P, 2) went, and (N, P) which of them return to their place when followed backward."""
    height, width = after.picture.shape
    guess = points @ step.affine[:, :2].T + step.affine[:, 2]
    inside = np.asarray(
        ((points >= 0) & (points < [width, height]) & (guess >= 0) & (guess < [width, height])).all(axis=2)
    )
    if not inside.any():
        return guess, inside
    both = np.concatenate([points[inside], guess[inside]])
    x0, y0 = np.maximum(both.min(axis=0).astype(int) - _CROP_MARGIN, 0)
    x1, y1 = both.max(axis=0).astype(int) + _CROP_MARGIN
    first = _levelled(before.picture[y0:y1, x0:x1], step.gain)
    second = after.picture[y0:y1, x0:x1]
    start = (points[inside] - [x0, y0]).astype(np.float32)
    hint = (guess[inside] - [x0, y0]).astype(np.float32)
    there, ok = _followed(first, second, start, hint)
    back, ok_back = _followed(second, first, there, start)
    good, found = np.zeros(inside.shape, bool), guess.copy()
    good[inside] = ok & ok_back & (np.abs(back - start).max(axis=1) < 1.0)
    found[inside] = there + np.array([x0, y0])
    return found, good


def _followed(
    before: Picture, after: Picture, points: NDArray[np.float32], hint: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Lucas-Kanade flow of points (N, 2), starting at `hint` (N, 2): where they went (N, 2), and (N,) whether found."""
    found, status, _ = cv2.calcOpticalFlowPyrLK(
        before, after, points, hint.copy(),
        winSize=_FLOW_WINDOW, maxLevel=2, criteria=_LK_STOP, flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )  # fmt: skip
    return np.asarray(found, np.float32), np.asarray(status.ravel() == 1)


def _median(values: Floats, good: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Per box the median (N, 2) of the good values (N, P, 2), and their median absolute deviation (N,)."""
    centre = _middle(values, good)
    return centre, _middle(np.abs(values - centre[:, None]), good).max(axis=1)


def _middle(values: Floats, good: NDArray[np.bool_]) -> Floats:
    """(N, K) per box the lower median of the good values (N, P, K); 0 where there are none."""
    count = good.sum(axis=1)
    ordered = np.sort(np.where(good[:, :, None], values, 1e9), axis=1)
    chosen = ordered[np.arange(len(count)), np.maximum(count - 1, 0) // 2]
    return np.where((count > 0)[:, None], chosen, 0.0)


def _growth(points: Floats, found: Floats, good: NDArray[np.bool_], zoom: float) -> Floats:
    """(N,) factor by which the good points of each box moved apart, limited to near the camera's own zoom."""
    weight = good[:, :, None] / np.maximum(good.sum(axis=1), 1)[:, None, None]
    first, second = (those - (those * weight).sum(axis=1, keepdims=True) for those in (points, found))
    before, after = (np.hypot(those[:, :, 0], those[:, :, 1]) for those in (first, second))
    apart = good & (before > 1e-6)
    ratio = _middle((after / np.maximum(before, 1e-6))[:, :, None], apart)[:, 0]
    usable = (ratio > 0) & (apart.sum(axis=1) >= 6)
    return np.where(usable, np.clip(ratio, zoom * 0.95, zoom * 1.05), zoom)
