"""Small faces at every border of wide pictures, through the calls that files and live streams use.

The tests of single functions have pictures of 320 pixels; there the working picture is the picture itself, and what is
small is not. Boxes are bounded from both sides: what is covered must hold the face, and little more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from anonymize.data import Box, Detections, Kind
from anonymize.detect.scan import Follower, scan
from anonymize.live.chain.canvas import TICK, Canvas
from anonymize.live.chain.delay import DelayLine
from anonymize.live.detector.pace import THOROUGH
from anonymize.plan.compose import compose
from anonymize.settings import Detect, Follow, Live, Settings
from anonymize.track import Tracker
from anonymize.track.history import Carried, Drift, FrameHistory, MotionSample
from tests.detect.test_detect import Still as Scanned
from tests.detect.test_detect import detections
from tests.track.test_track import Still, at, boxes, holds, texture

SIZES = [(1280, 720), (1920, 1080)]
FACE = 14
"""Pixels of a side."""
SKIN = np.where(np.indices((FACE, FACE)).sum(axis=0) // 4 % 2, 170, 136).astype(np.uint8)
"""Brighter than anything around it."""
BRIGHT = 128
FRAMES = 16


@cache
def ground(width: int, height: int) -> NDArray[np.uint8]:
    return (texture(width, height, 5) * 0.47).astype(np.uint8)


def places(width: int, height: int) -> dict[str, Box]:
    """Where faces are: in the corners, at the middle of every side, and in the middle."""
    across = {"left": 0.0, "centre": (width - FACE) // 2, "right": float(width - FACE)}
    down = {"top": 0.0, "middle": (height - FACE) // 2, "bottom": float(height - FACE)}
    return {f"{y} {x}": (across[x], down[y], across[x] + FACE, down[y] + FACE) for x in across for y in down}


def picture(width: int, height: int, faces: Sequence[Box]) -> NDArray[np.uint8]:
    drawn = ground(width, height).copy()
    for x0, y0, _, _ in faces:
        drawn[int(y0) : int(y0) + FACE, int(x0) : int(x0) + FACE] = SKIN
    return drawn


def inner(box: Box) -> Box:
    """What must be covered: the face, but for a pixel that rounding may take."""
    x0, y0, x1, y1 = box
    return (x0 + 0.5, y0 + 0.5, x1 - 0.5, y1 - 0.5)


def outer(box: Box, by: float) -> Box:
    return (box[0] - by, box[1] - by, box[2] + by, box[3] + by)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_one_find_is_covered_before_and_after_at_every_border(size: tuple[int, int]) -> None:
    there = places(*size)
    tracker = Tracker(Follow(), 0.35)
    shown = picture(*size, list(there.values()))
    for i in range(FRAMES):
        tracker.see(Still(i, shown, i))
        if i == 8:
            tracker.find(i, boxes([(box, 0.9) for box in there.values()]))
    tracks = tracker.finish()
    assert len(tracks) == len(there)
    for name, box in there.items():
        assert any(
            (t.first, t.end) == (0, FRAMES)
            and all(holds(at(t, i), inner(box)) for i in range(FRAMES))
            and all(holds(np.asarray(outer(box, 6.0)), tuple(at(t, i).tolist())) for i in range(FRAMES))
            for t in tracks
        ), f"{name}: {[(t.first, t.end, t.xyxy[0], t.xyxy[8], t.xyxy[-1]) for t in tracks]}"


def at_borders(out: float, width: int, height: int) -> list[Box]:
    """A face of which `out` pixels lie outside the picture, at each of its borders."""
    return [
        (-out, 300.0, FACE - out, 300.0 + FACE),
        (300.0, -out, 300.0 + FACE, FACE - out),
        (width - FACE + out, 300.0, width + out, 300.0 + FACE),
        (300.0, height - FACE + out, 300.0 + FACE, height + out),
    ]


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_face_is_there_while_a_twentieth_of_it_is_in_the_picture_at_every_border(size: tuple[int, int]) -> None:
    for quarter in range(4 * FACE + 8):
        rows, out = at_borders(quarter / 4, *size), quarter / 4
        carried = Carried(np.array(rows), np.zeros((4, 2)), np.ones(4, bool), 0.04, (float(size[0]), float(size[1])))
        inside = [carried.step(i, Drift())[2] for i in range(4)]
        assert inside == [FACE - out > FACE / 20] * 4, out


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_how_a_face_looks_is_known_while_half_of_it_is_in_the_picture_at_every_border(size: tuple[int, int]) -> None:
    history = FrameHistory(2.0, 2.0)
    history.take(MotionSample.of(Still(0, np.full(size[::-1], 77, np.uint8), 0), None))
    for out, known in ((0.0, True), (4.0, True), (10.0, False), (20.0, False)):
        patches = [history.patch(0, np.array(box)) for box in at_borders(out, *size)]
        assert [patch is not None for patch in patches] == [known] * 4, out
        assert all((patch == 77).all() for patch in patches if patch is not None)


def test_a_frame_that_is_still_to_come_has_the_time_of_the_last_one() -> None:
    history = FrameHistory(2.0, 2.0)
    assert history.now(0) == 0.0
    for index in range(3):
        history.take(MotionSample.of(Still(index, np.full((720, 1280), 77, np.uint8), index), None))
    assert history.now(1) == history.times[1] < history.now(2)
    assert history.now(3) == history.now(9) == history.times[2] > 0


class Lit:
    """Finds what is bright, exactly; it keeps no state and so may be used from any thread."""

    name, sha256, device = "lit", "0" * 64, "cpu"
    kinds = frozenset({Kind.FACE})
    min_size = {Kind.FACE: 8.0}  # noqa: RUF012 - the protocol's
    max_reliable_size: dict[Kind, float] = {}  # noqa: RUF012 - the protocol's
    max_input_side = 4096

    def detect(self, picture: NDArray[np.uint8]) -> Detections:
        lit = cv2.morphologyEx((picture[..., 0] > BRIGHT - 2).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3)))
        count, _, stats, _ = cv2.connectedComponentsWithStats(lit)
        return detections([(x, y, x + w, y + h, 0.9) for x, y, w, h, area in stats[1:count].tolist() if area > 20])

    def release_memory(self) -> None:
        """There is nothing to give back."""


SETTINGS = Settings(targets=frozenset({Kind.FACE}), detect=Detect(min_face=FACE, every=0.12, detectors=("centerface",)))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_scan_covers_every_face_on_every_frame_and_little_else(size: tuple[int, int]) -> None:
    """They come at frame 2 and go at frame 13, between two looks each."""
    there = list(places(*size).values())

    def frames() -> Iterator[Scanned]:
        for i in range(FRAMES):
            grey = picture(*size, there if 2 <= i < 13 else ())
            yield Scanned(np.repeat(grey[..., None], 3, axis=2), i, i)

    follower = Follower(SETTINGS)
    for scanned in scan(frames(), [Lit()], SETTINGS):
        follower.take(scanned)
    found = follower.finish()
    assert found.cuts == []
    times = [Fraction(i, 25) for i in range(FRAMES)]
    rows = list(compose(found.tracks, times, found.detected, found.cuts, size, SETTINGS))
    for i in range(2, 13):
        regions = [region.xyxy for first, end, region in rows if first <= i < end]
        for box in there:
            covering = [r for r in regions if holds(np.asarray(r), inner(box))]
            assert covering, f"frame {i}: nothing over {box}"
            seen = [tuple(np.clip(r, 0, [*size, *size]).tolist()) for r in covering]
            assert all(holds(np.asarray(outer(box, 1.2 * FACE)), r) for r in seen), f"frame {i}: {seen} over {box}"
    assert all(any(np.hypot(r.xyxy[0] - b[0], r.xyxy[1] - b[1]) < 4 * FACE for b in there) for *_, r in rows)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_live_frame_shows_no_face_at_any_border_and_all_else(size: tuple[int, int]) -> None:
    """Looks at frames 0, 3, 6 ...; the faces are there from the second frame on."""
    there, canvas = list(places(*size).values()), Canvas(*size)
    line, shown = DelayLine(Settings(detect=Detect(min_face=FACE), live=Live(lookahead=0.4))), []
    for i in range(FRAMES):
        made = canvas.black(i, i * 3600)
        np.copyto(made.planes[0].pixels, picture(*size, there if i else ()))
        line.take(made, i * 0.04)
        if i % 3 == 0:
            held = line.wanted(i * 0.04, 0.1, 0.01)
            assert held is not None
            line.asked(held, THOROUGH)
            rows = boxes([(box, 0.9) for box in there]) if i else Detections.empty()
            line.learn(i, rows)
        shown += [cleared for _, cleared in line.due(i * 0.04)]
    shown += [cleared for _, cleared in line.due(9.0)]
    assert [c.frame.index for c in shown] == list(range(FRAMES))
    assert not any(c.obscured for c in shown)
    for cleared in shown:
        index = cleared.frame.index
        assert float(cleared.frame.pts * TICK) == pytest.approx(index * 0.04)
        luma = cleared.frame.planes[0].pixels
        assert not (luma > BRIGHT).any(), f"frame {index}"
        differs = luma != picture(*size, there if index else ())
        for x0, y0, x1, y1 in there:
            margin = round(1.2 * FACE)
            left, top = max(int(x0) - margin, 0), max(int(y0) - margin, 0)
            differs[top : int(y1) + margin, left : int(x1) + margin] = False
        assert not differs.any(), f"frame {index}: more is covered than the faces"
