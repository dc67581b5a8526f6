"""How the picture moves: of the camera as a whole, and of the boxes on it.

Everything here works on *working pictures*: (h, w) uint8 luma, scaled down so that the cost does not depend on the
video's size. Coordinates are working pixels. Camera motion is a similarity fitted with RANSAC to corners followed by
pyramidal Lucas-Kanade (Bouguet 2000); a box is carried by the median of the flow of a grid of points inside it, checked
forward and backward (Median Flow: Kalal et al., ICPR 2010).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Floats = NDArray[np.float64]

_CORNERS = 160
_LK_STOP = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 12, 0.03)
_THUMB = 64
"""Longer side of the thumbnail on which scenes are compared."""
_ALIKE = 0.55
"""Thumbnails that correlate this well, at the best shift, are of one scene."""
_TRACKED = 0.3
"""Share of corners that must agree on one motion for two pictures to be of one scene."""
_FLAT = 4.0
"""Standard deviation below which a thumbnail shows nothing (black, white, fog)."""
_GRID = 5
_FLOW_WINDOW = (11, 11)
_CROP_MARGIN = 24


class Shot:
    """One frame as motion sees it: its working picture; all else is worked out from that when it is first asked for.

    Another process is sent the picture alone.
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
    def thumb(self) -> Picture:
        """The picture, 64 pixels on its longer side, for telling scenes apart."""
        height, width = self.picture.shape
        scale = _THUMB / max(width, height)
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        return cv2.resize(self.small, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)

    @cached_property
    def level(self) -> tuple[float, float]:
        """Mean and standard deviation of `thumb`."""
        return float(self.thumb.mean()), float(self.thumb.std())

    @cached_property
    def corners(self) -> NDArray[np.float32]:
        """(N, 1, 2) points of `small` that are worth following."""
        found = cv2.goodFeaturesToTrack(self.small, _CORNERS, 0.01, max(self.small.shape) / 28)  # None: there are none
        return np.zeros((0, 1, 2), np.float32) if found is None else np.asarray(found, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """How one frame follows from the one before it.

    Args:
        affine: (2, 3) similarity from the earlier working picture's pixels to the later one's.
        gain: factor and offset that bring the earlier picture's brightness to the later one's.
        cut: a new scene begins with the later frame.
    """

    affine: Floats
    gain: tuple[float, float]
    cut: bool

    @property
    def inverse(self) -> Step:
        """The same step walked backward in time."""
        factor, offset = self.gain
        return Step(cv2.invertAffineTransform(self.affine).astype(np.float64), (1 / factor, -offset / factor), self.cut)


STILL = Step(np.array([[1.0, 0, 0], [0, 1, 0]]), (1.0, 0.0), False)


def step_between(before: Shot, after: Shot) -> Step:
    """Camera motion, change of brightness, and whether a scene begins, from one frame to the next.

    A cut needs two witnesses: the thumbnails do not correlate at any small shift (whatever their brightness), and the
    corners of the one cannot be followed into the other. A pan fails the first test at most, a dip in brightness or a
    hand before the lens the second.
    """
    gain = _gain(before.level, after.level)
    affine, share = _camera(before, after, gain)
    if affine is not None and share >= _TRACKED:
        return Step(affine, gain, False)
    likeness, shift = _likeness(before, after)
    if likeness >= _ALIKE:
        scale = after.picture.shape[1] / after.thumb.shape[1]
        return Step(np.array([[1.0, 0, shift[0] * scale], [0, 1, shift[1] * scale]]), gain, False)
    return Step(STILL.affine, gain, True)


def _gain(before: tuple[float, float], after: tuple[float, float]) -> tuple[float, float]:
    """Factor and offset that map one mean and standard deviation to another; none where there is no contrast."""
    if min(before[1], after[1]) < _FLAT:
        return 1.0, 0.0
    factor = after[1] / before[1]
    return factor, after[0] - factor * before[0]


def _levelled(picture: Picture, gain: tuple[float, float]) -> Picture:
    """`picture` with its brightness changed, where the change is worth the cost."""
    factor, offset = gain
    if abs(factor - 1) < 0.06 and abs(offset) < 6:
        return picture
    return cv2.addWeighted(picture, factor, picture, 0, offset).astype(np.uint8, copy=False)


def _camera(before: Shot, after: Shot, gain: tuple[float, float]) -> tuple[Floats | None, float]:
    """The similarity most corners agree on, in working pixels, and the share of corners that do."""
    points = before.corners
    if len(points) < 6:
        return None, 0.0
    found, status, _ = cv2.calcOpticalFlowPyrLK(
        _levelled(before.small, gain), after.small, points, np.empty_like(points), winSize=(15, 15), maxLevel=3,
        criteria=_LK_STOP,
    )  # fmt: skip
    kept = status.ravel() == 1
    if kept.sum() < 6:
        return None, 0.0
    affine, inliers = cv2.estimateAffinePartial2D(points[kept], found[kept], ransacReprojThreshold=1.0, maxIters=200)
    if affine is None or not 0.5 < np.hypot(affine[0, 0], affine[1, 0]) < 2:
        return None, 0.0
    affine = affine.astype(np.float64)
    affine[:, 2] *= before.picture.shape[1] / before.small.shape[1]
    return affine, float(np.count_nonzero(inliers)) / len(points)


def _likeness(before: Shot, after: Shot) -> tuple[float, tuple[float, float]]:
    """Best correlation of the earlier thumbnail's middle within the later one, and its shift in thumbnail pixels."""
    deviations = before.level[1], after.level[1]
    if max(deviations) < 2 * _FLAT:
        return 1.0, (0.0, 0.0)
    if min(deviations) < _FLAT:
        return 0.0, (0.0, 0.0)
    height, width = before.thumb.shape
    y, x = height // 6, width // 6
    scores = cv2.matchTemplate(after.thumb, before.thumb[y : height - y, x : width - x], cv2.TM_CCOEFF_NORMED)
    _, best, _, place = cv2.minMaxLoc(scores)
    return best, (place[0] - x, place[1] - y)


def carry(before: Shot, after: Shot, step: Step, boxes: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Follow boxes from one working picture to another.

    Args:
        before, after: the two frames; either may be the earlier one in time.
        step: the camera's motion between them, in the same direction.
        boxes: (N, 4) on `before`.

    Returns:
        (N, 4) boxes on `after`; (N, 2) how far each moved beside the camera; and (N,) whether the picture itself showed
        where it went. Where it did not (blur, occlusion, no texture), the box went with the camera.
    """
    with_camera = _transformed(boxes, step.affine)
    if not len(boxes):
        return with_camera, np.zeros((0, 2)), np.zeros(0, bool)
    points = _grid(boxes)
    found, good = _flow(before, after, step, points)
    zoom = float(np.hypot(step.affine[0, 0], step.affine[1, 0]))
    shift, spread = _median(found - points, good)
    size = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
    sure = (good.sum(axis=1) >= _GRID * _GRID // 3) & (spread < 1 + 0.06 * size)
    scale = np.where(sure & (size >= 16), _growth(points, found, good, zoom), zoom)
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2 + shift, (boxes[:, 2:] - boxes[:, :2]) / 2 * scale[:, None]
    followed = np.concatenate([centre - half, centre + half], axis=1)
    moved = np.where(sure[:, None], followed, with_camera)
    own = (moved[:, :2] + moved[:, 2:] - with_camera[:, :2] - with_camera[:, 2:]) / 2
    return moved, own, sure


def _transformed(boxes: Floats, affine: Floats) -> Floats:
    """Boxes moved and scaled (not turned) by a similarity."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 @ affine[:, :2].T + affine[:, 2]
    half = (boxes[:, 2:] - boxes[:, :2]) / 2 * np.hypot(affine[0, 0], affine[1, 0])
    return np.concatenate([centre - half, centre + half], axis=1)


def _grid(boxes: Floats) -> Floats:
    """(N, 25, 2) points over the middle 80% of each box."""
    share = np.linspace(0.1, 0.9, _GRID)
    unit = np.stack(np.meshgrid(share, share), axis=-1).reshape(-1, 2)
    return boxes[:, None, :2] + unit * (boxes[:, None, 2:] - boxes[:, None, :2])


def _flow(before: Shot, after: Shot, step: Step, points: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Where points (N, P, 2) went, and (N, P) which of them came back when followed backward."""
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
    """Lucas-Kanade from points (N, 2), begun at `hint`: (N, 2) where they went and (N,) whether they were followed."""
    found, status, _ = cv2.calcOpticalFlowPyrLK(
        before, after, points, hint.copy(),
        winSize=_FLOW_WINDOW, maxLevel=2, criteria=_LK_STOP, flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
    )  # fmt: skip
    return np.asarray(found, np.float32), np.asarray(status.ravel() == 1)


def _median(values: Floats, good: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Per box the median (N, 2) of the good values (N, P, 2), and their median absolute deviation (N,)."""
    count = good.sum(axis=1)
    middle = (np.maximum(count - 1, 0) // 2)[:, None, None]

    def pick(v: Floats) -> Floats:
        ordered = np.sort(np.where(good[:, :, None], v, 1e9), axis=1)
        return np.where((count > 0)[:, None], np.take_along_axis(ordered, middle, axis=1)[:, 0], 0.0)

    centre = pick(values)
    return centre, pick(np.abs(values - centre[:, None])).max(axis=1)


def _growth(points: Floats, found: Floats, good: NDArray[np.bool_], zoom: float) -> Floats:
    """(N,) factor by which the good points of each box moved apart, near the camera's own zoom."""
    weight = good[:, :, None] / np.maximum(good.sum(axis=1), 1)[:, None, None]
    before = np.hypot(*np.moveaxis(points - (points * weight).sum(axis=1, keepdims=True), 2, 0))
    after = np.hypot(*np.moveaxis(found - (found * weight).sum(axis=1, keepdims=True), 2, 0))
    ratio, _ = _median((after / np.maximum(before, 1e-6))[:, :, None], good & (before > 1e-6))
    usable = (ratio[:, 0] > 0) & ((good & (before > 1e-6)).sum(axis=1) >= 6)
    return np.where(usable, np.clip(ratio[:, 0], zoom * 0.95, zoom * 1.05), zoom)
