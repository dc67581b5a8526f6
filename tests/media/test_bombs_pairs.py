"""What costs time or memory for every pair of things, or for every edge, would be a bomb: there are limits to both."""

import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import cast

import cv2
import numpy as np
import pytest

from anonymize.data import Detections, Kind, Region, Shape, Why
from anonymize.detect import Detector, incremental, merge
from anonymize.detect import tiles as tiling
from anonymize.detect.multiscale import at_scale
from anonymize.media.still.frame import StillFrame
from anonymize.redact import outlines
from anonymize.track import pairs
from anonymize.verify import variants
from tests.media.test_bombs import _finds


def test_plates_in_one_spot_are_compared_only_where_one_could_hold_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0

    def counted(some: np.ndarray, boxes: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        nonlocal compared
        for end, one, other in pairs.meetings(some, boxes):
            compared += len(one)
            yield end, one, other

    monkeypatch.setattr(merge, "meetings", counted)
    rng = np.random.default_rng(3)

    def plates(size: float, count: int) -> Detections:
        corner = rng.uniform(0, 5, (count, 2)) + 100
        boxes = np.hstack([corner, corner + np.array([size, size / 2])]).astype(np.float32)
        return Detections(boxes, rng.uniform(0.5, 1, count).astype(np.float32), np.full(count, int(Kind.PLATE)))

    alike = plates(90, 3000)
    assert len(merge.without_holders(alike)) == 3000
    assert compared == 0
    held = Detections.concatenate([alike, plates(30, 3000)])
    assert len(merge.without_holders(held)) == 3000
    assert compared <= 3000 * (merge.MOST + 100)


def test_no_table_of_all_pairs_of_finds_is_made() -> None:
    found = _finds(np.random.default_rng(5), 3000, (40_000, 40_000))
    for work in (
        lambda: incremental._rescored(found, found),
        lambda: variants._supported(found, found),
        lambda: variants._best_of(found),
    ):
        tracemalloc.start()
        work()
        assert tracemalloc.get_traced_memory()[1] < 8_000_000, "bytes; a table of all pairs takes 36 million"
        tracemalloc.stop()


@pytest.mark.parametrize("runs", [1, 40, 700])
@pytest.mark.parametrize("step", [0, 0.5, 1], ids=["anywhere", "on halves", "on whole pixels"])
def test_a_polygon_drawn_in_parts_is_that_drawn_at_once(
    monkeypatch: pytest.MonkeyPatch, runs: int, step: float
) -> None:
    rng = np.random.default_rng(7)
    for _ in range(12):
        corners = rng.uniform(-10, 50, (9, 2))
        corners = np.round(corners / step) * step if step else corners
        polygon = tuple((x, y) for x, y in corners.tolist())
        region = Region((-10, -10, 50, 50), Kind.AREA, Why.ZONE, shape=Shape.POLYGON, polygon=polygon)
        monkeypatch.setattr(outlines, "_REMEMBERED", 0)
        whole = outlines.outline(region, 40, 30)
        monkeypatch.setattr(outlines, "RUNS", runs)
        parts = outlines.outline(region, 40, 30)
        monkeypatch.undo()
        assert whole is not None
        assert parts is not None
        assert np.array_equal(whole.covered, parts.covered)


def test_a_large_polygon_takes_little_more_memory_than_its_mask() -> None:
    polygon = ((0.0, 0.0), (4000.0, 10.0), (3990.0, 3000.0), (20.0, 2980.0))
    region = Region((0, 0, 4000, 3000), Kind.AREA, Why.ZONE, shape=Shape.POLYGON, polygon=polygon)
    tracemalloc.start()
    outlines.outline(region, 4000, 3000)
    assert tracemalloc.get_traced_memory()[1] < 4000 * 3000 + 40_000_000
    tracemalloc.stop()


@dataclass
class Nobody:
    """Looks at tiles of 300 pixels, and finds nothing."""

    name: str = "nobody"
    max_input_side: int = 300
    seen: list[np.ndarray] = field(default_factory=list)

    def detect(self, picture: np.ndarray) -> Detections:
        if self.seen:
            np.testing.assert_array_equal(picture, self.seen.pop(0))
        return Detections.empty()


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (299, 5), (640, 350)])
def test_a_picture_is_moved_tile_by_tile_as_if_it_were_whole(size: tuple[int, int], mirrored: bool) -> None:
    pixels = np.random.default_rng(11).integers(0, 256, (size[1], size[0], 3), np.uint8)
    turned = cv2.flip(pixels, 1) if mirrored else pixels
    whole = np.asarray(cv2.copyMakeBorder(turned, 13, 0, 13, 0, cv2.BORDER_REPLICATE))
    tiles = [whole[t.y0 : t.y1, t.x0 : t.x1] for t in tiling.tiles(size[0] + 13, size[1] + 13, 300)]
    detector = Nobody(seen=tiles)
    tiling.detect_tiled(cast(Detector, detector), variants._Moved(pixels, 13, mirrored))
    assert not tiles


@pytest.mark.parametrize("channels", ["RGB", "RGBA"])
def test_verification_holds_a_large_picture_few_times_over(channels: str) -> None:
    pixels = np.random.default_rng(13).integers(0, 256, (2000, 3000, len(channels)), np.uint8)
    frame = StillFrame(0, 0, Fraction(1), Fraction(0), pixels, channels)
    tracemalloc.start()
    at_scale(frame, cast(Detector, Nobody()), 1.0, None, partial(variants.detect_moved, mirrored=True, shift=13))
    taken = tracemalloc.get_traced_memory()[1] / (3000 * 2000)
    tracemalloc.stop()
    assert taken < {"RGB": 5, "RGBA": 14}[channels], "bytes a pixel"
